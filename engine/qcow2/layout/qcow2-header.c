/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the header of a qcow2 image: loads the relevant bytes of cluster 0 and has them parsed.
 * Invariant: no read and no allocation here is larger than one cluster (2 MiB).
 */

#include "qcow2-header.h"
#include "qcow2-header-parse.h"
#include "sinter-error.h"

static void
problem_clear(gpointer data)
{
    g_free(((SinterQcow2Problem *)data)->text);
}

/* The maximum size of the header with its extensions and names. */
static gsize
bytes_wanted(const guint8 *start, guint64 file_bytes)
{
    guint32 cluster_bits = sinter_be32_load(start + SINTER_QCOW2_AT_CLUSTER_BITS);

    if (cluster_bits < SINTER_QCOW2_CLUSTER_BITS_MIN ||
        cluster_bits > SINTER_QCOW2_CLUSTER_BITS_MAX)
        cluster_bits = SINTER_QCOW2_CLUSTER_BITS_MIN;
    return (gsize)MIN(file_bytes, G_GUINT64_CONSTANT(1) << cluster_bits);
}

SinterQcow2Header *
sinter_qcow2_header_read(SinterIo *io, GError **error)
{
    g_autoptr(SinterQcow2Header) self = NULL;
    guint8 start[SINTER_QCOW2_HEADER_V2_BYTES] = { 0 };
    g_autofree guint8 *buf = NULL;
    SinterIoStat st;
    gsize len = 0;

    if (!sinter_io_stat(io, &st, error) ||
        !sinter_io_read_some(io, 0, start, sizeof start, &len, error))
        return NULL;
    if (len < 4 || sinter_be32_load(start) != SINTER_QCOW2_MAGIC) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "Image is not in qcow2 format");
        return NULL;
    }
    len = bytes_wanted(start, st.size_bytes);
    /* in a truncated file, missing fields that all versions have read as zeros */
    buf = g_malloc0(MAX(len, sizeof start));
    if (!sinter_io_read(io, 0, buf, len, error))
        return NULL;
    self = g_new0(SinterQcow2Header, 1);
    self->file_bytes = st.size_bytes;
    self->extensions = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Extension));
    self->features = g_array_new(FALSE, FALSE, sizeof(SinterQcow2FeatureName));
    self->problems = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Problem));
    g_array_set_clear_func(self->problems, problem_clear);
    sinter_qcow2_header_parse(self, (SinterQcow2HeaderBytes){ buf, MAX(len, sizeof start) });
    return g_steal_pointer(&self);
}

void
sinter_qcow2_header_free(SinterQcow2Header *header)
{
    if (!header)
        return;
    g_array_unref(header->extensions);
    g_array_unref(header->features);
    g_array_unref(header->problems);
    g_bytes_unref(header->bytes);
    g_free(header->backing_name);
    g_free(header->backing_format);
    g_free(header->data_file_name);
    g_free(header);
}

const SinterQcow2Problem *
sinter_qcow2_header_first_fatal(const SinterQcow2Header *header)
{
    for (guint i = 0; i < header->problems->len; i++) {
        const SinterQcow2Problem *problem = &g_array_index(header->problems, SinterQcow2Problem, i);

        if (sinter_qcow2_problem_severity(problem->code) != SINTER_QCOW2_SEVERITY_WARN)
            return problem;
    }
    return NULL;
}

gboolean
sinter_qcow2_header_require_usable(const SinterQcow2Header *header, GError **error)
{
    const SinterQcow2Problem *problem = sinter_qcow2_header_first_fatal(header);

    if (!problem)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR,
                        sinter_qcow2_problem_severity(problem->code) ==
                                SINTER_QCOW2_SEVERITY_UNKNOWN
                            ? SINTER_ERROR_UNSUPPORTED
                            : SINTER_ERROR_CORRUPT,
                        problem->text);
    return FALSE;
}
