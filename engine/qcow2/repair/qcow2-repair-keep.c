/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass that records in the header that leaked clusters may hold lost data. If a cluster has
 * several users, some of their entries are wrong, and the data that these had is among the leaked
 * clusters; once each user has a copy, nothing else shows that. Invariant: the record is durable
 * before any cluster is separated, and is removed only when no leaked cluster is left.
 */

#include "qcow2-repair-keep.h"
#include "qcow2/change/qcow2-header-change.h"
#include "sinter-error.h"

/* The refcounts are useless if one in so many is wrong. */
#define WRONG_SHARE 4

gboolean
sinter_qcow2_finding_is_on_refcounts(const SinterFinding *finding)
{
    guint n_refcounts = 0;

    for (guint i = 0; i < finding->n_owners; i++) {
        SinterOwnerKind kind = finding->owners[i].kind;

        n_refcounts += kind == SINTER_OWNER_REFCOUNT_TABLE || kind == SINTER_OWNER_REFCOUNT_BLOCK;
    }
    return n_refcounts > 0 && n_refcounts < finding->n_owners;
}

/* Returns whether clusters are shared with more than refcounts. */
static gboolean
is_shared_elsewhere(const SinterCheckResult *checked)
{
    guint64 n = checked->per_code[SINTER_FINDING_METADATA_OVERLAP];

    for (guint i = 0; i < checked->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(checked->findings, SinterFinding, i);

        n -= finding->code == SINTER_FINDING_METADATA_OVERLAP &&
             sinter_qcow2_finding_is_on_refcounts(finding);
    }
    return n > 0 || checked->per_code[SINTER_FINDING_CLUSTER_SHARED] > 0 ||
           checked->per_code[SINTER_FINDING_L2_TABLE_SHARED] > 0;
}

/* Data that was taken for refcounts makes no sense as such: the wrong reference is that to it. */
static gboolean
refcounts_are_useless(const SinterCheckResult *checked)
{
    guint64 n_wrong = checked->per_code[SINTER_FINDING_REFCOUNT_TOO_LOW] +
                      checked->per_code[SINTER_FINDING_REFCOUNT_TOO_HIGH];

    return n_wrong > checked->stats.host_used / WRONG_SHARE;
}

gboolean
sinter_qcow2_round_must_keep_leaks(const SinterQcow2Round *self)
{
    const SinterCheckResult *checked = self->checked;

    if (checked->per_code[SINTER_FINDING_CLUSTER_LEAKED] == 0 ||
        (self->options->choices & SINTER_REPAIR_FREE_LEAKS))
        return FALSE;
    return is_shared_elsewhere(checked) ||
           (checked->per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 &&
            !refcounts_are_useless(checked));
}

const char *
sinter_qcow2_round_reason_to_keep(const SinterQcow2Round *self)
{
    if (self->check->guest_unreached)
        return "the header is damaged, so it is not known which clusters leak";
    return self->cannot_record && sinter_qcow2_round_must_keep_leaks(self)
               ? "leaked clusters may hold the data of some users, and the header has no room to "
                 "record that they are kept; '--also free-leaks' frees them"
               : NULL;
}

gboolean
sinter_qcow2_keep_plan(SinterQcow2Round *self, GError **error)
{
    SinterRepairStep step = {
        .code = SINTER_FINDING_LEAKS_KEPT,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = SINTER_OFFSET_NONE,
    };

    if (self->cannot_record || sinter_qcow2_header_keeps_leaks(self->check->header) ||
        !sinter_repair_plan_allows(&self->plan, SINTER_FINDING_CLUSTER_SHARED) ||
        !sinter_qcow2_round_must_keep_leaks(self))
        return TRUE;
    step.evidence = g_strdup("leaked clusters may hold the data of some users of a cluster; the "
                             "header records that they are kept");
    sinter_repair_plan_add_to_pass(&self->plan, &step, SINTER_REPAIR_PASS_KEEP_LEAKS,
                                   SINTER_REPAIR_LOSES_NOTHING);
    return TRUE;
}

gboolean
sinter_qcow2_round_record_leaks(SinterQcow2Round *self, gboolean are_kept, GError **error)
{
    SinterQcow2Header *header = self->check->header;
    SinterQcow2HeaderChange change = sinter_qcow2_header_change_of(header);
    g_autoptr(GError) failed = NULL;

    change.keeps_leaks = are_kept;
    /* bitmaps that are not valid stay, too */
    change.n_bitmaps = header->has_bitmaps ? header->n_bitmaps : 0;
    if (sinter_qcow2_header_change(self->io, header, &change, &failed))
        return TRUE;
    if (g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_NO_SPACE))
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "the header has no room for it");
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
header_is_damaged(const SinterCheckResult *checked)
{
    return checked->per_code[SINTER_FINDING_HEADER_LENGTH] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_EXTENSION_BOUNDS] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_EXTENSION_TWICE] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_EXTENSION_CONTENT] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_BACKING_OFFSET] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_BACKING_LENGTH] > 0 ||
           checked->per_code[SINTER_FINDING_HEADER_BACKING_NAME] > 0;
}

gboolean
sinter_qcow2_keep_run(SinterQcow2Round *self, GError **error)
{
    self->cannot_record =
        header_is_damaged(self->checked) || !sinter_qcow2_round_record_leaks(self, TRUE, error);
    if (self->cannot_record && error && !*error)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED, "the header is damaged");
    return !self->cannot_record;
}
