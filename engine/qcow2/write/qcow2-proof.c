/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks all references of an image before its stored refcounts are used for changes that cannot be
 * undone. A writer frees, reuses and overwrites clusters according to their refcounts, and keeps
 * the refcounts correct itself; so it is sufficient that none was too low before its first such
 * change.
 */

#include "qcow2-proof.h"
#include "format/sinter-tally.h"
#include "qcow2/check/qcow2-check.h"
#include "qcow2/check/qcow2-refcount-compare.h"
#include "sinter-error.h"

/* The first cluster whose stored refcount is too low. */
typedef struct {
    gboolean found;
    guint64 cluster;
    guint64 stored;
    guint64 refs;
} TooLow;

static void
note_too_low(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    TooLow *self = user_data;

    if (self->found || refs <= stored)
        return;
    *self = (TooLow){ TRUE, cluster, stored, refs };
}

/* Damage that hides references: a table that cannot be found may use any cluster. */
static const SinterFindingCode hiding_codes[] = {
    SINTER_FINDING_READ_ERROR,
    SINTER_FINDING_L1_TABLE_BEYOND_FILE,
    SINTER_FINDING_L1_ENTRY_UNALIGNED,
    SINTER_FINDING_L1_ENTRY_BEYOND_FILE,
    SINTER_FINDING_SNAPSHOT_TABLE_DAMAGED,
    SINTER_FINDING_SNAPSHOT_L1_UNALIGNED,
    SINTER_FINDING_SNAPSHOT_L1_LARGE,
    SINTER_FINDING_SNAPSHOT_L1_BEYOND_FILE,
};

static gboolean
check_nothing_hidden(SinterQcow2Writer *self, const SinterCheckResult *result, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(hiding_codes); i++) {
        if (result->per_code[hiding_codes[i]] == 0)
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s' is damaged (%s), so its unused clusters cannot be determined; repair the "
                    "image with 'sinter-img check -r all' before it is written to",
                    sinter_io_get_path(self->io), sinter_finding_code_name(hiding_codes[i]));
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_not_too_low(SinterQcow2Writer *self, const SinterQcow2RefcountMap *map, guint64 n_clusters,
                  GError **error)
{
    TooLow low = { FALSE };
    guint64 end;

    sinter_qcow2_refcount_map_compare(map, n_clusters, note_too_low, &low, &end);
    if (!low.found)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s': the cluster at %" G_GUINT64_FORMAT " has %" G_GUINT64_FORMAT
                " references, but its refcount is %" G_GUINT64_FORMAT
                "; repair the image with 'sinter-img check -r all' before it is written to",
                sinter_io_get_path(self->io), low.cluster << self->geo.cluster_bits, low.refs,
                low.stored);
    return FALSE;
}

gboolean
sinter_qcow2_proof_counts(SinterQcow2Writer *self, GError **error)
{
    const SinterCheckOptions options = { .flags = SINTER_CHECK_NO_OWNERS };
    g_autoptr(SinterCheckResult) result = NULL;
    g_autoptr(SinterQcow2RefcountMap) map = NULL;
    guint64 n_clusters = 0;

    if (self->counts_are_proven)
        return TRUE;
    result = sinter_check_result_new(sinter_io_get_path(self->io), "qcow2");
    if (!sinter_qcow2_check_count_all(self->io, &options, result, &map, &n_clusters, error) ||
        !check_nothing_hidden(self, result, error))
        return FALSE;
    if (!map) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': its tables cannot be read, so its unused clusters cannot be determined; "
                    "examine the image with 'sinter-img check'",
                    sinter_io_get_path(self->io));
        return FALSE;
    }
    self->counts_are_proven = check_not_too_low(self, map, n_clusters, error);
    return self->counts_are_proven;
}

gboolean
sinter_qcow2_proof_reuse(SinterQcow2Writer *self, guint64 first, GError **error)
{
    return first >= self->first_end || sinter_qcow2_proof_counts(self, error);
}
