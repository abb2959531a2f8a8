/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of the header's values. Invariant: names of problems are stable. */

#include "qcow2-header-values.h"

static const struct {
    const char *name;
    SinterQcow2Severity severity;
} problem_table[] = {
#define X(code, name, severity) { name, SINTER_QCOW2_SEVERITY_##severity },
    SINTER_QCOW2_HEADER_PROBLEMS(X)
#undef X
};

const char *
sinter_qcow2_problem_name(SinterQcow2ProblemCode code)
{
    return problem_table[code].name;
}

SinterQcow2Severity
sinter_qcow2_problem_severity(SinterQcow2ProblemCode code)
{
    return problem_table[code].severity;
}

char *
sinter_qcow2_header_feature_names(const SinterQcow2Header *header, guint8 kind, guint64 bits)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < header->features->len; i++) {
        const SinterQcow2FeatureName *name =
            &g_array_index(header->features, SinterQcow2FeatureName, i);
        guint64 mask = name->bit < 64 ? G_GUINT64_CONSTANT(1) << name->bit : 0;

        if (name->kind != kind || !(bits & mask))
            continue;
        g_string_append_printf(out, "%s%s", out->len ? ", " : "", name->name);
        bits &= ~mask;
    }
    if (bits)
        g_string_append_printf(out, "%sUnknown incompatible feature: %" G_GINT64_MODIFIER "x",
                               out->len ? ", " : "", bits);
    return g_string_free(out, FALSE);
}

const char *
sinter_qcow2_header_compression_name(const SinterQcow2Header *header)
{
    switch (header->compression_type) {
    case SINTER_QCOW2_COMPRESSION_ZLIB:
        return "zlib";
    case SINTER_QCOW2_COMPRESSION_ZSTD:
        return "zstd";
    default:
        return "unknown";
    }
}

gboolean
sinter_qcow2_header_keeps_leaks(const SinterQcow2Header *header)
{
    for (guint i = 0; i < header->extensions->len; i++) {
        if (g_array_index(header->extensions, SinterQcow2Extension, i).type ==
            SINTER_QCOW2_EXT_LEAKS_KEPT)
            return TRUE;
    }
    return FALSE;
}
