/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass that writes a new refcount table and new refcount blocks beside the ones in use, and
 * switches to them with the header's first sector. Invariant: nothing that the image refers to is
 * written before the switch. While the mapping is damaged, no refcount becomes lower, and clusters
 * whose refcount is unknown count as used: damaged entries may refer to them.
 */

#include "qcow2-repair-keep.h"
#include "qcow2-structure-build.h"
#include "qcow2/check/qcow2-refcount-compare.h"

static const SinterFindingCode codes[] = {
    SINTER_FINDING_HEADER_REFTABLE_SIZE,
    SINTER_FINDING_HEADER_REFTABLE_OFFSET,
    SINTER_FINDING_HEADER_REFTABLE_BEYOND,
    SINTER_FINDING_REFCOUNT_OVERFLOW,
    SINTER_FINDING_REFCOUNT_UNKNOWN,
    SINTER_FINDING_REFTABLE_BEYOND_FILE,
    SINTER_FINDING_REFTABLE_ENTRY_RESERVED_BITS,
    SINTER_FINDING_REFTABLE_ENTRY_UNALIGNED,
    SINTER_FINDING_REFTABLE_ENTRY_BEYOND_FILE,
    SINTER_FINDING_REFBLOCK_SHARED,
};

/* A cluster that is in use, but has no refcount block. */
static void
note_missing_block(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    SinterQcow2Round *self = user_data;
    guint64 index = cluster >> self->check->geo.refblock_bits;

    if (refs > stored && (index >= self->check->reftable_entries ||
                          sinter_be64_load(self->check->reftable + index * 8) == 0))
        self->needs_structure = TRUE;
}

/* Clusters of the refcount structure that something else uses too are given up. */
static gboolean
structure_is_shared(const SinterQcow2Round *self)
{
    const SinterQcow2Check *check = self->check;
    guint bits = check->geo.cluster_bits;
    guint64 first = check->header->reftable_offset >> bits;
    guint64 n = sinter_qcow2_geometry_clusters(&check->geo, check->reftable_entries * 8);

    for (guint64 i = 0; i < n; i++) {
        if (sinter_qcow2_refcount_map_is_shared(check->map, first + i))
            return TRUE;
    }
    for (guint64 i = 0; i < check->reftable_entries; i++) {
        guint64 entry = sinter_be64_load(check->reftable + i * 8);

        if (entry != 0 && sinter_qcow2_refcount_map_is_shared(check->map, entry >> bits))
            return TRUE;
    }
    return FALSE;
}

/*
 * A new structure leaves a cluster that it shared to the other owner, who reads what is in it: the
 * damage is no longer visible, so a step must state it.
 */
static void
plan_left_to_others(SinterQcow2Round *self)
{
    GArray *findings = self->checked->findings;

    for (guint i = 0; i < findings->len; i++) {
        const SinterFinding *finding = &g_array_index(findings, SinterFinding, i);
        SinterRepairStep step = {
            .code = finding->code,
            .times = finding->times,
            .guest_offset = finding->guest_offset,
            .host_offset = finding->host_offset,
        };

        if (finding->code != SINTER_FINDING_METADATA_OVERLAP ||
            !sinter_qcow2_finding_is_on_refcounts(finding))
            continue;
        step.evidence = g_strdup("the cluster is left to its other owner, who may read former "
                                 "refcounts there");
        sinter_repair_plan_add_to_pass(&self->plan, &step, SINTER_REPAIR_PASS_REFCOUNT_STRUCTURE,
                                       SINTER_REPAIR_MAY_LOSE_DATA);
    }
}

/* Returns why the refcounts cannot be rebuilt; NULL if they can. */
static const char *
reason_against(const SinterQcow2Round *self)
{
    const guint64 *per_code = self->checked->per_code;

    if (per_code[SINTER_FINDING_READ_ERROR] > 0)
        return "parts of the image that cannot be read may refer to any cluster";
    if (per_code[SINTER_FINDING_HEADER_L1_OFFSET] > 0 ||
        per_code[SINTER_FINDING_HEADER_L1_SIZE] > 0)
        return "without the L1 table it is not known which clusters are in use";
    return per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 && structure_is_shared(self)
               ? sinter_qcow2_round_reason_to_keep(self)
               : NULL;
}

gboolean
sinter_qcow2_structure_plan(SinterQcow2Round *self, GError **error)
{
    const char *reason = reason_against(self);
    guint64 end;

    if (self->check->reftable_usable)
        sinter_qcow2_refcount_map_compare(self->check->map, self->n_clusters, note_missing_block,
                                          self, &end);
    if (self->checked->per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 && structure_is_shared(self))
        self->needs_structure = TRUE;
    self->no_structure = reason;
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (self->checked->per_code[codes[i]] == 0)
            continue;
        self->needs_structure = TRUE;
        sinter_qcow2_round_add_findings(self, codes[i], reason);
    }
    if (!self->needs_structure || reason ||
        !sinter_repair_plan_allows(&self->plan, SINTER_FINDING_REFCOUNT_UNKNOWN))
        return TRUE;
    /* refcounts that are missing need no finding of their own */
    self->plan.n_allowed[SINTER_REPAIR_PASS_REFCOUNT_STRUCTURE]++;
    plan_left_to_others(self);
    return TRUE;
}

gboolean
sinter_qcow2_structure_run(SinterQcow2Round *self, GError **error)
{
    if (!sinter_qcow2_structure_build(self, !self->leaks_are_unused, error))
        return FALSE;
    /* the new refcounts are the counted references */
    sinter_repair_plan_mark_done(&self->plan, SINTER_REPAIR_PASS_REFCOUNTS);
    sinter_repair_plan_mark_done(&self->plan, SINTER_REPAIR_PASS_LEAKS);
    return TRUE;
}
