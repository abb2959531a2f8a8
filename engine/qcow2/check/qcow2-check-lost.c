/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass that searches leaked clusters for what a lost table referred to: a table that was
 * overwritten with zeros is valid, and its clusters look like those of a crash during allocation.
 * Invariant: a leaked cluster is called lost only with evidence. A leaked cluster reads as a table
 * of leaked clusters; or an L2 table is all zeros, and clusters with content leaked long before the
 * last one was allocated, or in a number that no crash leaves; or leaked clusters fill the gap
 * between two neighbours of one run. The pass runs only if no damaged entry explains the leaks.
 */

#include "qcow2-check-pass.h"
#include "qcow2-refcount-compare.h"
#include "qcow2/layout/qcow2-table-judge.h"

#include <stdlib.h>

/* Leaked clusters that a check without SINTER_CHECK_ALL_LEAKS examines. */
#define MAX_EXAMINED 4096
#define HEAD_BYTES 4096
/* A cluster is no table if one in so many entries of its head cannot be valid. */
#define HEAD_BAD_SHARE 4
/* A crash leaves clusters without an entry for the requests that were being carried out. */
#define MAX_IN_FLIGHT 32
/* The highest refcount that is usual. */
#define REFS_MAX 16

/* What is known of a leaked cluster. */
enum { ZEROS, CONTENT, TABLE };

typedef struct {
    SinterQcow2Check *check;
    guint64 n_in_file; /* clusters */
    GArray *orphans;   /* of guint64, ascending: nothing refers to them, and they are not free */
    guint8 *states;    /* of each */
    guint64 n_content;
    GArray *whole; /* of guint: indexes of those that are read as a whole */
    /* the cluster that is being read */
    guint reading; /* its index, G_MAXUINT: none */
    SinterQcow2TableJudgement judgement;
    guint64 n_lost; /* its entries that refer to leaked clusters */
    guint64 n_free; /* and to clusters that are free */
    guint64 n_held; /* and to clusters that are in use */
    guint64 a_target;
    /* the L2 table that is being walked */
    guint table;
    gboolean is_empty;
    gint64 near; /* index of the last entry with a place, -1: none */
    guint64 near_offset;
    GArray *empty; /* of guint: tables */
} Search;

static gboolean
is_orphan(const Search *self, guint64 cluster)
{
    const SinterQcow2Check *check = self->check;

    return cluster < self->n_in_file &&
           sinter_qcow2_refcount_map_get_refs(check->map, cluster) == 0 &&
           (!check->reftable_usable || sinter_qcow2_refcount_map_is_unknown(check->map, cluster) ||
            sinter_qcow2_refcount_map_get_stored(check->map, cluster) > 0);
}

static void
report(Search *self, SinterFinding *finding)
{
    self->check->leaks_may_be_lost = TRUE;
    sinter_tally_add(&self->check->tally, finding);
}

/* --- the list --- */

static void
add_leak(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Search *self = user_data;

    if (refs == 0 && cluster < self->n_in_file)
        g_array_append_val(self->orphans, cluster);
}

static void
add_range(Search *self, guint64 first, guint64 end)
{
    for (guint64 cluster = first; cluster < MIN(end, self->n_in_file); cluster++) {
        if (is_orphan(self, cluster))
            g_array_append_val(self->orphans, cluster);
    }
}

static int
compare_numbers(const void *a, const void *b)
{
    guint64 left = *(const guint64 *)a;
    guint64 right = *(const guint64 *)b;

    return left < right ? -1 : left > right;
}

static void
search_list(Search *self)
{
    SinterQcow2Check *check = self->check;
    gboolean all = (check->options->flags & SINTER_CHECK_ALL_LEAKS) != 0;
    guint64 end;

    if (check->reftable_usable)
        sinter_qcow2_refcount_map_compare(check->map, check->n_clusters, add_leak, self, &end);
    else if (all)
        add_range(self, 0, self->n_in_file);
    for (guint i = 0; all && check->reftable_usable && i < check->map->unknown->len; i++) {
        SinterQcow2ClusterRange range =
            g_array_index(check->map->unknown, SinterQcow2ClusterRange, i);

        add_range(self, range.first, range.end);
    }
    if (self->orphans->len > 1)
        qsort(self->orphans->data, self->orphans->len, sizeof(guint64), compare_numbers);
    if (!all && self->orphans->len > MAX_EXAMINED)
        g_array_set_size(self->orphans, MAX_EXAMINED);
    self->states = g_malloc0(MAX(self->orphans->len, 1));
}

static guint64
orphan_at(const Search *self, guint index)
{
    return g_array_index(self->orphans, guint64, index);
}

/* Returns whether the cluster is leaked and has content. */
static gboolean
has_content(const Search *self, guint64 cluster)
{
    const guint64 *found =
        bsearch(&cluster, self->orphans->data, self->orphans->len, sizeof cluster, compare_numbers);

    return found && self->states[found - (const guint64 *)self->orphans->data] == CONTENT;
}

/* --- the content of the clusters --- */

/* What cannot be read may be a table. */
static gboolean
passes_over(const GError *error, guint64 offset, guint64 bytes, gpointer user_data)
{
    ((SinterQcow2Check *)user_data)->leaks_may_be_lost = TRUE;
    return TRUE;
}

static SinterQcow2Reader
search_reader(Search *self, guint64 bytes)
{
    SinterQcow2Reader reader = sinter_qcow2_check_reader(self->check, bytes);

    reader.skip_holes = TRUE;
    reader.failed = passes_over;
    return reader;
}

/* The first bytes of a cluster suffice to tell most data from tables. */
static gboolean
head_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Search *self = user_data;
    const SinterQcow2Geometry *geo = &self->check->geo;
    guint32 n = (guint32)(len / geo->l2_entry_bytes);
    guint32 n_bad = 0;

    for (guint32 i = 0; i < n; i++)
        n_bad +=
            sinter_qcow2_judge_entry(geo, self->n_in_file, sinter_qcow2_l2_load(geo, data, i)) ==
            SINTER_QCOW2_ENTRY_BAD;
    if (n_bad > n / HEAD_BAD_SHARE)
        self->states[index] = CONTENT;
    return TRUE;
}

static gboolean
search_heads(Search *self, GError **error)
{
    const SinterQcow2Geometry *geo = &self->check->geo;
    guint64 bytes = MIN(HEAD_BYTES, geo->cluster_size);
    g_autofree SinterQcow2Range *ranges = g_new(SinterQcow2Range, self->orphans->len);
    SinterQcow2Reader reader = search_reader(self, bytes * self->orphans->len);

    for (guint i = 0; i < self->orphans->len; i++)
        ranges[i] = (SinterQcow2Range){ orphan_at(self, i) << geo->cluster_bits, bytes };
    return sinter_qcow2_reader_run(&reader, ranges, self->orphans->len, head_piece, self, error);
}

static void
take_entry(Search *self, SinterQcow2L2Entry l2)
{
    const SinterQcow2Geometry *geo = &self->check->geo;
    guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;

    switch (sinter_qcow2_judge_entry(geo, self->n_in_file, l2)) {
    case SINTER_QCOW2_ENTRY_EMPTY:
        return;
    case SINTER_QCOW2_ENTRY_BAD:
        self->judgement.n_bad++;
        return;
    case SINTER_QCOW2_ENTRY_COMPRESSED:
        self->judgement.n_compressed++;
        offset = sinter_qcow2_l2_compressed(geo, l2.entry).host_offset;
        break;
    case SINTER_QCOW2_ENTRY_DATA:
        self->judgement.n_copied += (l2.entry & SINTER_QCOW2_COPIED) != 0;
        break;
    }
    self->judgement.n_used++;
    /* what a data file holds does not leak here */
    if (geo->external_data || is_orphan(self, offset >> geo->cluster_bits)) {
        self->n_lost++;
        self->a_target = offset >> geo->cluster_bits;
    } else if (sinter_qcow2_refcount_map_get_refs(self->check->map, offset >> geo->cluster_bits)) {
        self->n_held++;
    } else {
        self->n_free++;
    }
}

/*
 * A table with few entries is told from data by all of them: each cluster is in use or leaked. The
 * table of a bitmap that was deleted has neither flags nor shares clusters.
 */
static gboolean
is_table(const Search *self)
{
    return sinter_qcow2_judgement_is_table(&self->judgement) ||
           (self->judgement.n_bad == 0 && self->n_lost > 0 && self->n_free == 0 &&
            (self->judgement.n_copied > 0 || self->n_held > 0) && !self->check->geo.external_data);
}

/* A former refcount table looks like an L2 table without flags; it refers to small numbers. */
static gboolean
is_refcount_table(const Search *self)
{
    SinterQcow2Check *check = self->check;
    guint32 n = 1U << check->geo.refblock_bits;
    g_autofree guint8 *block = NULL;
    guint32 n_used = 0;

    if (check->geo.external_data || self->judgement.n_copied > 0 ||
        self->judgement.n_compressed > 0)
        return FALSE;
    block = g_malloc(check->geo.cluster_size);
    if (!sinter_qcow2_check_read(check, self->a_target << check->geo.cluster_bits, block,
                                 check->geo.cluster_size, NULL))
        return FALSE;
    for (guint32 i = 0; i < n; i++) {
        guint64 refs = sinter_qcow2_refcount_load(check->geo.refcount_order, block, i);

        if (refs > REFS_MAX)
            return FALSE;
        n_used += refs != 0;
    }
    return n_used > 0;
}

static void
finish_cluster(Search *self)
{
    SinterFinding finding = { .code = SINTER_FINDING_LOST_TABLE,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .seen = self->n_lost };

    if (self->reading == G_MAXUINT || !is_table(self))
        return;
    self->states[self->reading] = TABLE;
    if (self->n_lost == 0 || is_refcount_table(self))
        return;
    finding.host_offset = orphan_at(self, self->reading) << self->check->geo.cluster_bits;
    report(self, &finding);
}

static gboolean
whole_piece(guint number, guint64 at, const guint8 *data, gsize len, gpointer user_data,
            GError **error)
{
    Search *self = user_data;
    const SinterQcow2Geometry *geo = &self->check->geo;
    guint index = g_array_index(self->whole, guint, number);

    if (index != self->reading) {
        finish_cluster(self);
        self->reading = index;
        self->judgement = (SinterQcow2TableJudgement){ 0 };
        self->n_lost = self->n_free = self->n_held = 0;
    }
    for (guint32 i = 0; i < len / geo->l2_entry_bytes; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, data, i);

        if ((l2.entry | l2.bitmap) == 0)
            continue;
        self->states[index] = CONTENT;
        take_entry(self, l2);
    }
    return TRUE;
}

static gboolean
search_whole(Search *self, GError **error)
{
    const SinterQcow2Geometry *geo = &self->check->geo;
    g_autofree SinterQcow2Range *ranges = NULL;
    SinterQcow2Reader reader;

    for (guint i = 0; i < self->orphans->len; i++) {
        if (self->states[i] == ZEROS)
            g_array_append_val(self->whole, i);
    }
    ranges = g_new(SinterQcow2Range, self->whole->len);
    for (guint i = 0; i < self->whole->len; i++)
        ranges[i] = (SinterQcow2Range){ orphan_at(self, g_array_index(self->whole, guint, i))
                                            << geo->cluster_bits,
                                        geo->cluster_size };
    reader = search_reader(self, (guint64)self->whole->len << geo->cluster_bits);
    if (!sinter_qcow2_reader_run(&reader, ranges, self->whole->len, whole_piece, self, error))
        return FALSE;
    finish_cluster(self);
    for (guint i = 0; i < self->orphans->len; i++)
        self->n_content += self->states[i] == CONTENT;
    return TRUE;
}

/* --- the tables --- */

static void
end_table(Search *self)
{
    if (self->table != G_MAXUINT && self->is_empty)
        g_array_append_val(self->empty, self->table);
    self->near = -1;
}

/* The entry at @index has a place: leaked clusters may fill the gap before it. */
static void
close_gap(Search *self, const SinterQcow2CheckTable *table, gint64 index, guint64 offset)
{
    const SinterQcow2Check *check = self->check;
    guint bits = check->geo.cluster_bits;
    guint64 n = (guint64)(index - self->near);
    guint64 first = (self->near_offset >> bits) + 1;
    SinterFinding finding = {
        .code = SINTER_FINDING_LOST_ENTRY,
        .guest_offset =
            sinter_qcow2_check_guest(check, table->l1_index) + ((guint64)(self->near + 1) << bits),
        .host_offset = first << bits,
        .seen = n - 1,
    };

    if (self->near < 0 || n < 2 || offset <= self->near_offset ||
        offset - self->near_offset != n << bits)
        return;
    for (guint64 i = 0; i < n - 1; i++) {
        if (!has_content(self, first + i))
            return;
    }
    report(self, &finding);
}

static gboolean
table_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
            GError **error)
{
    Search *self = user_data;
    const SinterQcow2Geometry *geo = &self->check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(self->check->tables, SinterQcow2CheckTable, index);
    gint64 first = (gint64)(at / geo->l2_entry_bytes);

    if (index != self->table) {
        end_table(self);
        self->table = index;
        self->is_empty = TRUE;
    }
    for (guint32 i = 0; i < len / geo->l2_entry_bytes; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, data, i);
        guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        gboolean is_data = !(l2.entry & SINTER_QCOW2_COMPRESSED) && offset != 0;

        if ((l2.entry | l2.bitmap) == 0)
            continue;
        self->is_empty = FALSE;
        if (is_data)
            close_gap(self, table, first + i, offset);
        self->near = is_data ? first + i : -1;
        self->near_offset = offset;
    }
    return TRUE;
}

static void
find_last(guint64 cluster, gpointer user_data)
{
    guint64 *last = user_data;

    *last = MAX(*last, cluster);
}

/*
 * Returns whether the clusters with content are more than a crash leaves behind: it leaves some of
 * those that were allocated last.
 */
static gboolean
exceeds_crash(const Search *self)
{
    guint64 last_used = 0;

    if (self->n_content > MAX_IN_FLIGHT)
        return TRUE;
    sinter_qcow2_refcount_map_each_used(self->check->map, find_last, &last_used);
    for (guint i = 0; i < self->orphans->len; i++) {
        if (self->states[i] == CONTENT)
            return orphan_at(self, i) < last_used;
    }
    return FALSE;
}

static void
report_empty(Search *self)
{
    const SinterQcow2Check *check = self->check;

    for (guint i = 0; i < self->empty->len; i++) {
        const SinterQcow2CheckTable *table = &g_array_index(check->tables, SinterQcow2CheckTable,
                                                            g_array_index(self->empty, guint, i));
        guint64 guest = sinter_qcow2_check_guest(check, table->l1_index);
        SinterFinding finding = {
            .code = SINTER_FINDING_EMPTY_TABLE,
            .guest_offset = guest,
            .host_offset = table->offset,
            .seen = self->n_content,
            .owners = { sinter_qcow2_check_owner(check, SINTER_OWNER_L2_TABLE, table->view,
                                                 guest) },
            .n_owners = 1,
        };

        report(self, &finding);
    }
}

static gboolean
search_tables(Search *self, GError **error)
{
    if (self->n_content == 0 || self->check->geo.external_data)
        return TRUE;
    if (!sinter_qcow2_check_walk_tables(self->check, table_piece, self, error))
        return FALSE;
    end_table(self);
    if (self->empty->len > 0 && exceeds_crash(self))
        report_empty(self);
    return TRUE;
}

/* --- the pass --- */

static gboolean
is_needed(const SinterQcow2Check *self)
{
    gboolean all = (self->options->flags & SINTER_CHECK_ALL_LEAKS) != 0;
    gboolean any = self->result->per_code[SINTER_FINDING_CLUSTER_LEAKED] > 0 ||
                   (all && (self->map->unknown->len > 0 || !self->reftable_usable));

    return any && (all || !(self->options->flags & SINTER_CHECK_NO_OWNERS)) &&
           !self->guest_unreached && sinter_qcow2_check_data_is_sound(self->result);
}

gboolean
sinter_qcow2_check_lost(SinterQcow2Check *self, GError **error)
{
    Search search = {
        .check = self,
        .n_in_file = sinter_qcow2_geometry_clusters(&self->geo, self->stat.size_bytes),
        .reading = G_MAXUINT,
        .table = G_MAXUINT,
        .near = -1,
    };
    gboolean ok = TRUE;

    if (!is_needed(self))
        return TRUE;
    search.orphans = g_array_new(FALSE, FALSE, sizeof(guint64));
    search.whole = g_array_new(FALSE, FALSE, sizeof(guint));
    search.empty = g_array_new(FALSE, FALSE, sizeof(guint));
    search_list(&search);
    ok = search_heads(&search, error) && search_whole(&search, error) &&
         search_tables(&search, error);
    g_array_unref(search.orphans);
    g_array_unref(search.whole);
    g_array_unref(search.empty);
    g_free(search.states);
    return ok;
}
