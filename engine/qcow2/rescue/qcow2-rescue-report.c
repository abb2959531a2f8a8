/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns the state of a rescue into proposals with their reasons. Invariant: each cluster that has
 * content and that nothing intact refers to is in a step or in the list of data without a place.
 */

#include "qcow2-rescue-report.h"
#include "qcow2-rescue-volume.h"

typedef struct {
    const SinterQcow2Rescue *rescue;
    SinterRescueResult *result;
    guint32 *kinds; /* for each table the kinds of clues for its place, a bit for each */
} Report;

G_STATIC_ASSERT(SINTER_QCOW2_N_CLUES <= 32);

static void
collect_kinds(Report *self)
{
    const SinterQcow2Rescue *rescue = self->rescue;

    for (guint i = 0; i < rescue->clues.clues->len; i++) {
        const SinterQcow2Clue *clue = &g_array_index(rescue->clues.clues, SinterQcow2Clue, i);
        guint64 guest = sinter_qcow2_rescue_guest(rescue, clue->host_cluster);
        gboolean is_proved;

        if (guest != SINTER_QCOW2_NO_CLUSTER &&
            guest == sinter_qcow2_rescue_clue_guest(rescue, clue, &is_proved))
            self->kinds[rescue->claims[clue->host_cluster].table - 1] |= 1U << clue->kind;
    }
}

static char *
name_kinds(guint32 kinds)
{
    GString *text = g_string_new(NULL);

    for (guint kind = 0; kind < SINTER_QCOW2_N_CLUES; kind++) {
        if (kinds >> kind & 1)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "",
                                   sinter_qcow2_clue_name(kind));
    }
    return g_string_free(text, FALSE);
}

static char *
table_reasons(const Report *self, guint index)
{
    const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self->rescue, index);
    GString *text = g_string_new(NULL);
    g_autofree char *kinds = name_kinds(self->kinds[index]);

    if (table->placed == SINTER_QCOW2_PLACED_L1)
        g_string_append(text, "an orphaned L1 table refers to it");
    else if (table->placed == SINTER_QCOW2_PLACED_ORDER)
        g_string_append(text, "it follows its neighbors in the file");
    if (table->n_for > 0)
        g_string_append_printf(text, "%s%u of its clusters state this place%s%s%s",
                               text->len ? "; " : "", table->n_for, *kinds ? " (" : "", kinds,
                               *kinds ? ")" : "");
    if (table->n_against > 0)
        g_string_append_printf(text, "; %u contradict it", table->n_against);
    if (table->n_shared > 0)
        g_string_append_printf(text, "; a snapshot maps %u of its clusters there", table->n_shared);
    if (table->n_bad > 0)
        g_string_append_printf(text, "; %u of its entries are damaged", table->n_bad);
    if (table->n_doubled > 0)
        g_string_append_printf(text, "; another table maps %u of its clusters", table->n_doubled);
    return g_string_free(text, FALSE);
}

static void
add_step(Report *self, const SinterRescueStep *step)
{
    g_array_append_vals(self->result->steps, step, 1);
}

static void
report_tables(Report *self)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    guint bits = rescue->geo.cluster_bits;

    for (guint i = rescue->n_known; i < rescue->tables->len; i++) {
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(rescue, i);
        SinterRescueStep step = {
            .kind = SINTER_RESCUE_TABLE,
            .confidence = table->confidence,
            .host_offset = table->cluster << bits,
            .guest_offset = table->slot << (bits + rescue->geo.l2_bits),
            .guest_bytes = (guint64)(table->n_used - table->n_doubled) << bits,
        };

        self->result->n_tables_found += !table->is_dropped;
        if (table->is_dropped || table->slot == SINTER_QCOW2_NO_SLOT)
            continue;
        self->result->n_tables_placed++;
        step.reasons = table_reasons(self, i);
        add_step(self, &step);
    }
}

static gboolean
data_continues(const SinterQcow2RescueData *one, const SinterQcow2RescueData *next)
{
    return next->cluster == one->cluster + 1 && next->guest_cluster == one->guest_cluster + 1 &&
           next->confidence == one->confidence && next->kind == one->kind;
}

static void
report_data(Report *self)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    const SinterQcow2RescueData *data = (const void *)rescue->data->data;
    guint bits = rescue->geo.cluster_bits;

    for (guint i = 0, end; i < rescue->data->len; i = end) {
        SinterRescueStep step = { SINTER_RESCUE_DATA,
                                  data[i].confidence,
                                  data[i].cluster << bits,
                                  data[i].guest_cluster << bits,
                                  0,
                                  NULL };

        for (end = i + 1; end < rescue->data->len; end++) {
            if (!data_continues(&data[end - 1], &data[end]))
                break;
        }
        step.guest_bytes = (guint64)(end - i) << bits;
        if (data[i].kind == SINTER_QCOW2_N_CLUES)
            step.reasons = g_strdup("it fills a gap between clusters whose place is known");
        else
            step.reasons = g_strdup_printf("its content states this place (%s)",
                                           sinter_qcow2_clue_name(data[i].kind));
        add_step(self, &step);
    }
}

static void
report_entries(Report *self)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    guint bits = rescue->geo.cluster_bits;

    for (guint i = 0; i < rescue->entries->len; i++) {
        const SinterQcow2RescueEntry *entry =
            &g_array_index(rescue->entries, SinterQcow2RescueEntry, i);
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(rescue, entry->table);
        SinterRescueStep step = {
            .kind = SINTER_RESCUE_ENTRY,
            .confidence = entry->confidence,
            .host_offset = entry->cluster << bits,
            .guest_offset = (table->slot << rescue->geo.l2_bits | entry->index) << bits,
            .guest_bytes = rescue->geo.cluster_size,
        };

        step.reasons = g_strdup_printf("the entries around it map the clusters around this one%s",
                                       entry->confidence == SINTER_RESCUE_CERTAIN
                                           ? "; the damaged entry differs in few bits"
                                           : "");
        add_step(self, &step);
    }
}

static int
compare_steps(gconstpointer a, gconstpointer b)
{
    const SinterRescueStep *one = a;
    const SinterRescueStep *two = b;

    if (one->guest_offset != two->guest_offset)
        return one->guest_offset < two->guest_offset ? -1 : 1;
    return (int)one->kind - (int)two->kind;
}

/* Returns whether the table of a cluster gives it no place. */
static gboolean
claim_is_idle(const SinterQcow2Rescue *self, guint64 cluster, SinterRescueConfidence level)
{
    SinterQcow2RescueClaim claim = self->claims[cluster];
    const SinterQcow2RescueTable *table;

    if (claim.table == 0)
        return FALSE;
    table = sinter_qcow2_rescue_table(self, claim.table - 1);
    return table->placed != SINTER_QCOW2_PLACED_KNOWN && table->confidence < level;
}

static guint8 *
mark_unplaced(const SinterQcow2Rescue *self, SinterRescueConfidence level)
{
    guint8 *unplaced = g_malloc0(self->n_clusters);

    for (guint64 at = 0; at < self->n_clusters; at++)
        unplaced[at] =
            self->use[at] == SINTER_QCOW2_RESCUE_ORPHAN ||
            self->use[at] == SINTER_QCOW2_RESCUE_REFBLOCK ||
            (self->use[at] == SINTER_QCOW2_RESCUE_DATA && claim_is_idle(self, at, level));
    for (guint i = 0; i < self->data->len; i++) {
        const SinterQcow2RescueData *data = &g_array_index(self->data, SinterQcow2RescueData, i);

        unplaced[data->cluster] = data->confidence < level;
    }
    for (guint i = 0; i < self->entries->len; i++) {
        const SinterQcow2RescueEntry *entry =
            &g_array_index(self->entries, SinterQcow2RescueEntry, i);

        unplaced[entry->cluster] = entry->confidence < level;
    }
    return unplaced;
}

static void
report_unplaced(Report *self, SinterRescueConfidence level)
{
    const SinterQcow2Rescue *rescue = self->rescue;
    g_autofree guint8 *unplaced = mark_unplaced(rescue, level);
    guint bits = rescue->geo.cluster_bits;

    for (guint64 at = 0, end; at < rescue->n_clusters; at = end) {
        SinterRescueRange range = { at << bits, 0 };

        for (end = at; end < rescue->n_clusters && unplaced[end] == unplaced[at]; end++)
            continue;
        if (!unplaced[at])
            continue;
        range.bytes = MIN(end << bits, rescue->file_bytes) - range.offset;
        g_array_append_val(self->result->unplaced, range);
    }
}

static void
report_counts(Report *self)
{
    const SinterQcow2Rescue *rescue = self->rescue;

    self->result->l1_is_lost = rescue->l1_is_lost;
    self->result->cluster_bytes = rescue->geo.cluster_size;
    self->result->virtual_bytes = rescue->disk_bytes;
    self->result->n_tables_intact = rescue->n_known;
    for (guint64 slot = 0; slot < rescue->n_slots && !rescue->l1_is_lost; slot++)
        self->result->n_tables_lost += sinter_qcow2_rescue_slot_is_broken(rescue, slot);
}

void
sinter_qcow2_rescue_report(const SinterQcow2Rescue *self, SinterRescueConfidence level,
                           SinterRescueResult *result)
{
    g_autofree guint32 *kinds = g_new0(guint32, self->tables->len + 1);
    Report report = { self, result, kinds };

    report_counts(&report);
    collect_kinds(&report);
    report_tables(&report);
    report_data(&report);
    report_entries(&report);
    g_array_sort(result->steps, compare_steps);
    report_unplaced(&report, level);
}
