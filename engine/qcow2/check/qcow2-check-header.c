/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The header's pass: converts its problems to findings, and determines which tables can be walked.
 * A table that only extends beyond the end of the file is still walked (and reported by its own
 * pass), because that is the state of a truncated image.
 */

#include "qcow2-check-pass.h"

/* Problems that prevent a part of the image from being walked. */
static const struct {
    SinterQcow2ProblemCode code;
    gsize usable; /* the flag to clear; 0: only a part of it is unreachable */
} spoilers[] = {
    { SINTER_QCOW2_PROBLEM_L1_BYTES, G_STRUCT_OFFSET(SinterQcow2Check, l1_usable) },
    { SINTER_QCOW2_PROBLEM_L1_OFFSET, G_STRUCT_OFFSET(SinterQcow2Check, l1_usable) },
    { SINTER_QCOW2_PROBLEM_REFTABLE_BYTES, G_STRUCT_OFFSET(SinterQcow2Check, reftable_usable) },
    { SINTER_QCOW2_PROBLEM_REFTABLE_OFFSET, G_STRUCT_OFFSET(SinterQcow2Check, reftable_usable) },
    { SINTER_QCOW2_PROBLEM_SNAPSHOTS_COUNT, G_STRUCT_OFFSET(SinterQcow2Check, snapshots_usable) },
    { SINTER_QCOW2_PROBLEM_SNAPSHOTS_OFFSET, G_STRUCT_OFFSET(SinterQcow2Check, snapshots_usable) },
    { SINTER_QCOW2_PROBLEM_BITMAPS_BOUNDS, G_STRUCT_OFFSET(SinterQcow2Check, bitmaps_usable) },
    { SINTER_QCOW2_PROBLEM_L1_SHORT, 0 },
};

static void
spoil(SinterQcow2Check *self, SinterQcow2ProblemCode code)
{
    for (gsize i = 0; i < G_N_ELEMENTS(spoilers); i++) {
        if (spoilers[i].code != code)
            continue;
        if (spoilers[i].usable)
            G_STRUCT_MEMBER(gboolean, self, spoilers[i].usable) = FALSE;
        self->result->complete = FALSE;
        if (code != SINTER_QCOW2_PROBLEM_BITMAPS_BOUNDS)
            self->guest_unreached = TRUE;
    }
}

/* Returns whether the pass of the table itself reports the problem in more detail. */
static gboolean
is_told_later(const SinterQcow2Check *self, SinterQcow2ProblemCode code)
{
    const SinterQcow2Header *header = self->header;

    switch (code) {
    case SINTER_QCOW2_PROBLEM_L1_OFFSET:
        return (header->l1_offset & (self->geo.cluster_size - 1)) == 0 &&
               header->l1_offset <= G_MAXINT64 - SINTER_QCOW2_L1_MAX_BYTES;
    case SINTER_QCOW2_PROBLEM_SNAPSHOTS_BEYOND:
        return TRUE;
    case SINTER_QCOW2_PROBLEM_LUKS_BOUNDS:
        return header->crypt_method == SINTER_QCOW2_CRYPT_LUKS &&
               (header->luks_offset & (self->geo.cluster_size - 1)) == 0;
    default:
        return FALSE;
    }
}

static void
take_problem(SinterQcow2Check *self, const SinterQcow2Problem *problem)
{
    SinterFinding finding = {
        .code = sinter_finding_code_from_name(sinter_qcow2_problem_name(problem->code)),
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = problem->offset,
        .detail = g_strdup(problem->text),
    };

    if (sinter_finding_code_qemu(finding.code) == SINTER_QEMU_REFUSES && !self->result->trouble)
        self->result->trouble = g_strdup(problem->text);
    /* an empty refcount table can be walked */
    if (problem->code != SINTER_QCOW2_PROBLEM_REFTABLE_BYTES || self->header->reftable_clusters > 0)
        spoil(self, problem->code);
    sinter_tally_add(&self->tally, &finding);
}

static void
note(SinterQcow2Check *self, SinterFindingCode code, guint64 offset, const char *detail)
{
    SinterFinding finding = { .code = code,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = offset,
                              .detail = g_strdup(detail) };

    sinter_tally_add(&self->tally, &finding);
}

/* Returns whether the extension exists, even a damaged one: that is a different finding. */
static gboolean
says_backing_format(const SinterQcow2Header *header)
{
    for (guint i = 0; i < header->extensions->len; i++) {
        if (g_array_index(header->extensions, SinterQcow2Extension, i).type ==
            SINTER_QCOW2_EXT_BACKING_FORMAT)
            return TRUE;
    }
    return FALSE;
}

static void
check_state(SinterQcow2Check *self)
{
    const SinterQcow2Header *header = self->header;

    if (header->incompatible & SINTER_QCOW2_INCOMPAT_DIRTY)
        note(self, SINTER_FINDING_IMAGE_DIRTY, SINTER_QCOW2_AT_INCOMPATIBLE, NULL);
    if (header->incompatible & SINTER_QCOW2_INCOMPAT_CORRUPT)
        note(self, SINTER_FINDING_IMAGE_CORRUPT, SINTER_QCOW2_AT_INCOMPATIBLE, NULL);
    if (header->crypt_method == SINTER_QCOW2_CRYPT_AES)
        note(self, SINTER_FINDING_LEGACY_ENCRYPTION, SINTER_QCOW2_AT_CRYPT_METHOD, NULL);
    if (sinter_qcow2_header_keeps_leaks(header)) {
        note(self, SINTER_FINDING_LEAKS_KEPT, SINTER_OFFSET_NONE, NULL);
        self->leaks_may_be_lost = TRUE;
    }
    if (header->backing_name && !header->backing_format && !says_backing_format(header))
        note(self, SINTER_FINDING_BACKING_FORMAT_MISSING, header->backing_name_offset,
             header->backing_name);
}

static gboolean
has_problem(const SinterQcow2Header *header, SinterQcow2ProblemCode code)
{
    for (guint i = 0; i < header->problems->len; i++) {
        if (g_array_index(header->problems, SinterQcow2Problem, i).code == code)
            return TRUE;
    }
    return FALSE;
}

/* If the header could not be read to its end, its features may not have been checked yet. */
static void
take_unknown_features(SinterQcow2Check *self)
{
    const SinterQcow2Header *header = self->header;
    guint64 unknown = header->incompatible & ~SINTER_QCOW2_INCOMPAT_KNOWN;
    g_autofree char *names = NULL;
    SinterQcow2Problem problem = { SINTER_QCOW2_PROBLEM_UNKNOWN_FEATURES,
                                   SINTER_QCOW2_AT_INCOMPATIBLE, NULL };

    if (unknown == 0 || has_problem(header, SINTER_QCOW2_PROBLEM_UNKNOWN_FEATURES))
        return;
    names = sinter_qcow2_header_feature_names(header, SINTER_QCOW2_FEATURE_INCOMPATIBLE, unknown);
    problem.text = g_strdup_printf("Unsupported qcow2 feature(s): %s", names);
    take_problem(self, &problem);
    g_free(problem.text);
}

/*
 * An unknown feature may change the meaning of all other bits: it is reported, and nothing else is
 * checked. Returns TRUE if there is none.
 */
static gboolean
check_known(SinterQcow2Check *self)
{
    take_unknown_features(self);
    for (guint i = 0; i < self->header->problems->len; i++) {
        const SinterQcow2Problem *problem =
            &g_array_index(self->header->problems, SinterQcow2Problem, i);

        if (sinter_qcow2_problem_severity(problem->code) == SINTER_QCOW2_SEVERITY_UNKNOWN)
            take_problem(self, problem);
    }
    return !self->result->trouble;
}

static void
measure(SinterQcow2Check *self)
{
    SinterImageStats *stats = &self->result->stats;
    guint64 sectors;

    stats->file_bytes = self->stat.size_bytes;
    stats->allocated_bytes = self->stat.allocated_bytes;
    stats->virtual_bytes = self->header->virtual_size_bytes;
    if (!self->header->has_geometry)
        return;
    self->geo = self->header->geo;
    sectors = self->stat.size_bytes / 512 + (self->stat.size_bytes % 512 != 0);
    self->file_bytes = sectors * 512;
    self->n_clusters = sinter_qcow2_geometry_clusters(&self->geo, self->file_bytes);
    stats->cluster_bytes = self->geo.cluster_size;
    stats->host_clusters = self->n_clusters;
    stats->total_clusters = sinter_qcow2_geometry_clusters(
        &self->geo, self->header->virtual_size_bytes & ~G_GUINT64_CONSTANT(511));
    stats->l1_entries = self->header->l1_entries;
}

gboolean
sinter_qcow2_check_header(SinterQcow2Check *self, GError **error)
{
    const SinterQcow2Header *header = self->header;

    measure(self);
    if (!check_known(self) && !(self->options->flags & SINTER_CHECK_KEEP_GOING)) {
        self->stopped = TRUE;
        self->result->complete = FALSE;
        return TRUE;
    }
    self->l1_usable = TRUE;
    self->reftable_usable = TRUE;
    self->snapshots_usable = header->n_snapshots > 0;
    self->bitmaps_usable =
        header->has_bitmaps && (header->autoclear & SINTER_QCOW2_AUTOCLEAR_BITMAPS) != 0;
    self->luks_usable = header->has_luks && header->luks_bytes > 0 &&
                        (header->luks_offset & (self->geo.cluster_size - 1)) == 0;
    for (guint i = 0; i < header->problems->len; i++) {
        const SinterQcow2Problem *problem = &g_array_index(header->problems, SinterQcow2Problem, i);

        if (!is_told_later(self, problem->code) &&
            sinter_qcow2_problem_severity(problem->code) != SINTER_QCOW2_SEVERITY_UNKNOWN)
            take_problem(self, problem);
    }
    check_state(self);
    self->stopped = !header->has_geometry;
    if (self->stopped)
        self->result->complete = FALSE;
    return TRUE;
}
