/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the passes of a round have in common. */

#include "qcow2-repair-round.h"
#include "format/sinter-tally.h"

gboolean
sinter_qcow2_round_begin(SinterQcow2Round *self, SinterIo *io, const SinterRepairOptions *options,
                         GError **error)
{
    gboolean nothing_lost;

    self->io = io;
    self->options = options;
    self->checked = sinter_check_result_new(sinter_io_get_path(io), "qcow2");
    self->taken = g_array_new(FALSE, FALSE, sizeof(guint64));
    sinter_repair_plan_init(&self->plan, options);
    self->check = sinter_qcow2_check_keep(io, &options->check, self->checked, error);
    if (!self->check)
        return FALSE;
    self->n_clusters = self->check->n_clusters;
    nothing_lost =
        !self->check->leaks_may_be_lost || (options->choices & SINTER_REPAIR_FREE_LEAKS) != 0;
    self->mapping_is_sound = sinter_qcow2_check_mapping_is_sound(self->checked);
    self->leaks_are_unused = self->mapping_is_sound && nothing_lost;
    /* what damaged bitmaps may have referred to is given up with them */
    sinter_qcow2_fresh_init(&self->fresh, self->check,
                            nothing_lost && sinter_qcow2_check_data_is_sound(self->checked));
    return TRUE;
}

void
sinter_qcow2_round_end(SinterQcow2Round *self)
{
    sinter_repair_plan_clear(&self->plan);
    g_clear_pointer(&self->edits, g_array_unref);
    g_clear_pointer(&self->shared, g_ptr_array_unref);
    g_clear_pointer(&self->taken, g_array_unref);
    sinter_qcow2_fresh_clear(&self->fresh);
    g_clear_pointer(&self->check, sinter_qcow2_check_free);
    g_clear_pointer(&self->checked, sinter_check_result_free);
}

void
sinter_qcow2_round_add_findings(SinterQcow2Round *self, SinterFindingCode code, const char *reason)
{
    GArray *findings = self->checked->findings;
    guint64 left = self->checked->per_code[code];

    for (guint i = 0; i < findings->len && left > 0; i++) {
        const SinterFinding *finding = &g_array_index(findings, SinterFinding, i);
        SinterRepairStep step = {
            .code = code,
            .times = finding->times,
            .guest_offset = finding->guest_offset,
            .host_offset = finding->host_offset,
            .old_value = finding->seen,
            .reason = g_strdup(reason),
        };

        if (finding->code != code) {
            g_free(step.reason);
            continue;
        }
        left -= MIN(left, finding->times);
        sinter_repair_plan_add(&self->plan, &step);
    }
    if (left > 0) {
        SinterRepairStep rest = { .code = code,
                                  .times = left,
                                  .guest_offset = SINTER_OFFSET_NONE,
                                  .host_offset = SINTER_OFFSET_NONE,
                                  .reason = g_strdup(reason) };

        sinter_repair_plan_add(&self->plan, &rest);
    }
}

guint64
sinter_qcow2_round_get_count(const SinterQcow2Round *self, guint64 cluster)
{
    const SinterQcow2RefcountMap *map = self->check->map;
    guint64 stored = sinter_qcow2_refcount_map_get_stored(map, cluster);
    guint64 refs = MIN(sinter_qcow2_refcount_map_get_refs(map, cluster), map->refcount_max);

    if (stored < refs)
        return self->plan.n_allowed[SINTER_REPAIR_PASS_REFCOUNTS] > 0
                   ? sinter_qcow2_round_raise_count(self, cluster, stored, refs)
                   : stored;
    return self->plan.n_allowed[SINTER_REPAIR_PASS_LEAKS] > 0 ? refs : stored;
}

gboolean
sinter_qcow2_round_header_is_doubtful(const SinterQcow2Round *self)
{
    const guint64 *per_code = self->checked->per_code;

    return per_code[SINTER_FINDING_HEADER_L1_SHORT] > 0 ||
           per_code[SINTER_FINDING_HEADER_L1_OFFSET] > 0 ||
           per_code[SINTER_FINDING_HEADER_L1_SIZE] > 0;
}

gboolean
sinter_qcow2_round_overlaps(const SinterQcow2Round *self, guint64 offset, guint64 bytes)
{
    guint bits = self->check->geo.cluster_bits;

    for (guint64 cluster = offset >> bits; bytes > 0 && cluster <= (offset + bytes - 1) >> bits;
         cluster++) {
        if (sinter_qcow2_refcount_map_is_shared(self->check->map, cluster))
            return TRUE;
    }
    return FALSE;
}

guint64
sinter_qcow2_round_raise_count(const SinterQcow2Round *self, guint64 cluster, guint64 stored,
                               guint64 refs)
{
    const SinterQcow2RefcountMap *map = self->check->map;

    if (sinter_qcow2_refcount_map_is_shared(map, cluster) &&
        sinter_qcow2_refcount_map_get_use(map, cluster) == SINTER_QCOW2_USE_METADATA)
        return MAX(stored, 1);
    return refs;
}
