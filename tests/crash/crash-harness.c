/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds crash states and has them judged. It owns a copy of the files as they are durable so far,
 * and the list of what is pending; a state is the copy with some of the pending on top.
 */

#include "crash-harness.h"

#include <string.h>

#define ALL_SUBSETS_MAX 12
#define CHANCE_SUBSETS 200
#define NOTHING_TORN G_MAXUINT

typedef struct {
    const CrashOptions *options;
    GPtrArray *log;
    guint64 *inodes; /* of each entry of the log: the file it is about */
    CrashBase durable;
    GArray *pending; /* of guint: places in the log */
    guint log_end;
    GRand *rand;
    GHashTable *seen;     /* hashes of the states of this moment */
    GHashTable *distinct; /* of all moments */
    CrashCheck check;
    gpointer user_data;
    CrashCount count;
} Explorer;

static const SinterRecord *
explorer_pending(const Explorer *self, guint i, guint *ret_place)
{
    *ret_place = g_array_index(self->pending, guint, i);
    return g_ptr_array_index(self->log, *ret_place);
}

/* The file of each entry. A rename or removal says a name: which file that was, the run tells. */
static guint64 *
find_inodes(const CrashBase *base, GPtrArray *log, guint from)
{
    guint64 *inodes = g_new0(guint64, log->len + 1);
    CrashBase names;

    crash_base_copy(&names, base);
    for (guint i = from; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);
        gboolean by_name =
            record->kind == SINTER_RECORD_RENAME || record->kind == SINTER_RECORD_REMOVE;

        inodes[i] = by_name ? crash_base_find_name(&names, record->path) : record->inode;
        if (by_name && inodes[i] == 0)
            g_error("the record names '%s', which the harness was not told of", record->path);
        if (crash_record_is_name(record))
            crash_base_apply(&names, record, inodes[i], NULL);
    }
    crash_base_clear(&names);
    return inodes;
}

static void
explorer_judge(Explorer *self, const CrashBase *state, const char *how)
{
    gint64 hash = (gint64)crash_base_hash(state);
    g_autoptr(SinterFs) fs = NULL;
    g_autofree char *trouble = NULL;

    if (!g_hash_table_add(self->seen, g_memdup2(&hash, sizeof hash)))
        return;
    self->count.judged++;
    g_hash_table_add(self->distinct, g_memdup2(&hash, sizeof hash));
    fs = crash_base_make_fs(state);
    trouble = self->check(fs, self->log_end, self->user_data);
    if (!trouble)
        return;
    self->count.violations++;
    if (!self->count.first)
        self->count.first =
            g_strdup_printf("before entry %u of the record, %s: %s", self->log_end, how, trouble);
}

/* Whether a name of @record is among @lost: what becomes of a name waits for what was before. */
static gboolean
waits_for_lost(const SinterRecord *record, GPtrArray *lost)
{
    return g_ptr_array_find_with_equal_func(lost, record->path, g_str_equal, NULL) ||
           (record->to && g_ptr_array_find_with_equal_func(lost, record->to, g_str_equal, NULL));
}

/* The state with those pending entries that @keep says; entry @torn arrives in part. */
static void
explorer_visit(Explorer *self, const guint8 *keep, guint torn, const guint8 *sectors,
               const char *how)
{
    g_autoptr(GPtrArray) lost = g_ptr_array_new();
    CrashBase state;

    crash_base_copy(&state, &self->durable);
    for (guint i = 0; i < self->pending->len; i++) {
        guint place;
        const SinterRecord *record = explorer_pending(self, i, &place);
        gboolean kept = keep[i] || i == torn;

        if (crash_record_is_name(record) && (!kept || waits_for_lost(record, lost))) {
            kept = FALSE;
            g_ptr_array_add(lost, record->path);
            if (record->to)
                g_ptr_array_add(lost, record->to);
        }
        if (kept)
            crash_base_apply(&state, record, self->inodes[place], i == torn ? sectors : NULL);
    }
    explorer_judge(self, &state, how);
    crash_base_clear(&state);
}

static void
visit_all_subsets(Explorer *self, guint8 *keep)
{
    guint n = self->pending->len;

    for (guint set = 0; set < 1U << n; set++) {
        for (guint i = 0; i < n; i++)
            keep[i] = (set >> i) & 1;
        explorer_visit(self, keep, NOTHING_TORN, NULL, "a subset");
    }
}

/* What entry @i makes of the whole: alone, missing, the last of a prefix, before its neighbour. */
static void
visit_around(Explorer *self, guint8 *keep, guint i)
{
    guint n = self->pending->len;

    memset(keep, 0, n);
    keep[i] = 1;
    explorer_visit(self, keep, NOTHING_TORN, NULL, "one write alone");
    memset(keep, 1, n);
    keep[i] = 0;
    explorer_visit(self, keep, NOTHING_TORN, NULL, "one write missing");
    memset(keep, 0, n);
    memset(keep, 1, i);
    explorer_visit(self, keep, NOTHING_TORN, NULL, "a prefix");
    if (i + 1 == n)
        return;
    keep[i + 1] = 1;
    explorer_visit(self, keep, NOTHING_TORN, NULL, "neighbours swapped");
}

static void
visit_telling_subsets(Explorer *self, guint8 *keep)
{
    guint n = self->pending->len;

    for (guint i = 0; i < n; i++)
        visit_around(self, keep, i);
    memset(keep, 1, n);
    explorer_visit(self, keep, NOTHING_TORN, NULL, "all");
    for (guint k = 0; self->options->thorough && k < CHANCE_SUBSETS; k++) {
        for (guint i = 0; i < n; i++)
            keep[i] = (guint8)g_rand_int_range(self->rand, 0, 2);
        explorer_visit(self, keep, NOTHING_TORN, NULL, "a subset by chance");
    }
}

/* @n sectors: some by chance, or those up to one of them. */
static void
tear(GRand *rand, guint8 *sectors, gsize n, gboolean by_chance)
{
    gsize cut = n > 3 ? (gsize)g_rand_int_range(rand, 1, (gint32)(n - 2)) : 1;

    for (gsize k = 0; k < n; k++)
        sectors[k] = by_chance ? (guint8)g_rand_int_range(rand, 0, 2) : k < cut;
}

static void
visit_torn(Explorer *self, guint8 *keep)
{
    guint n_pending = self->pending->len;

    for (guint i = 0; i < n_pending; i++) {
        guint place;
        const SinterRecord *record = explorer_pending(self, i, &place);
        gsize n = (gsize)(record->length / CRASH_SECTOR_BYTES + 2);
        g_autofree guint8 *sectors = g_malloc(n);
        const guint n_before[] = { 0, i, n_pending };

        if (record->kind != SINTER_RECORD_WRITE || record->length <= CRASH_SECTOR_BYTES)
            continue;
        for (guint way = 0; way < 2 * G_N_ELEMENTS(n_before); way++) {
            tear(self->rand, sectors, n, way % 2 == 0);
            memset(keep, 0, n_pending);
            memset(keep, 1, n_before[way / 2]);
            explorer_visit(self, keep, i, sectors, "a torn write");
        }
    }
}

/* All that can be on storage at this moment. */
static void
explorer_visit_moment(Explorer *self, guint log_end)
{
    g_autofree guint8 *keep = g_malloc0(self->pending->len + 1);

    self->log_end = log_end;
    g_hash_table_remove_all(self->seen);
    if (self->pending->len <= ALL_SUBSETS_MAX && self->options->thorough)
        visit_all_subsets(self, keep);
    else
        visit_telling_subsets(self, keep);
    visit_torn(self, keep);
}

/* Whether @flush makes @record durable: a file's bytes, or a folder's names. */
static gboolean
flush_covers(const SinterRecord *flush, const SinterRecord *record)
{
    g_autofree char *folder = NULL;
    g_autofree char *of_record = NULL;

    if (flush->kind == SINTER_RECORD_FLUSH)
        return !crash_record_is_name(record) && record->inode == flush->inode;
    folder = g_path_get_dirname(flush->path);
    of_record = g_path_get_dirname(record->to ? record->to : record->path);
    return crash_record_is_name(record) && strcmp(folder, of_record) == 0;
}

static void
explorer_settle(Explorer *self, const SinterRecord *flush)
{
    for (guint i = 0; i < self->pending->len;) {
        guint place;
        const SinterRecord *record = explorer_pending(self, i, &place);

        if (!flush_covers(flush, record)) {
            i++;
            continue;
        }
        crash_base_apply(&self->durable, record, self->inodes[place], NULL);
        g_array_remove_index(self->pending, i);
    }
}

static gboolean
is_flush(const SinterRecord *record)
{
    return record->kind == SINTER_RECORD_FLUSH || record->kind == SINTER_RECORD_SYNC_FOLDER;
}

/* The places of the log in the order in which they are followed. */
static GArray *
order_of(GPtrArray *log, guint from, guint swap_epoch)
{
    GArray *order = g_array_new(FALSE, FALSE, sizeof(guint));
    guint begin[3] = { from, from, from }; /* of the epoch, of the next, of the one after that */
    guint n_flushes = 0;

    for (guint i = from; i < log->len; i++) {
        g_array_append_val(order, i);
        if (!is_flush(g_ptr_array_index(log, i)))
            continue;
        n_flushes++;
        if (n_flushes + 1 == swap_epoch)
            begin[0] = i + 1;
        else if (n_flushes == swap_epoch)
            begin[1] = i + 1;
        else if (n_flushes == swap_epoch + 1)
            begin[2] = i + 1;
    }
    if (swap_epoch == 0 || begin[2] <= begin[1])
        return order;
    for (guint i = begin[0]; i < begin[2]; i++) {
        guint n_later = begin[2] - begin[1];
        guint nth = i - begin[0];
        guint place = nth < n_later ? begin[1] + nth : begin[0] + nth - n_later;

        g_array_index(order, guint, i - from) = place;
    }
    return order;
}

static void
explorer_follow(Explorer *self, GArray *order)
{
    guint log_end = 0;

    for (guint i = 0; i < order->len; i++) {
        guint place = g_array_index(order, guint, i);
        const SinterRecord *record = g_ptr_array_index(self->log, place);

        if (!is_flush(record)) {
            g_array_append_val(self->pending, place);
            log_end = MAX(log_end, place + 1);
            continue;
        }
        if (self->count.flushes++ == self->options->skip_flush)
            continue;
        explorer_visit_moment(self, MAX(log_end, place));
        explorer_settle(self, record);
        log_end = MAX(log_end, place + 1);
    }
    explorer_visit_moment(self, self->log->len);
}

CrashCount
crash_explore(const CrashBase *base, GPtrArray *log, guint from, const CrashOptions *options,
              CrashCheck check, gpointer user_data)
{
    Explorer self = { .options = options, .log = log, .check = check, .user_data = user_data };
    g_autofree guint64 *inodes = find_inodes(base, log, from);
    g_autoptr(GArray) order = order_of(log, from, options->swap_epoch);

    crash_base_copy(&self.durable, base);
    self.inodes = inodes;
    self.pending = g_array_new(FALSE, FALSE, sizeof(guint));
    self.rand = g_rand_new_with_seed(options->seed);
    self.seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self.distinct = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    explorer_follow(&self, order);
    self.count.states = g_hash_table_size(self.distinct);
    crash_base_clear(&self.durable);
    g_array_unref(self.pending);
    g_rand_free(self.rand);
    g_hash_table_unref(self.seen);
    g_hash_table_unref(self.distinct);
    return self.count;
}
