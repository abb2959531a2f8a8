/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the L1 table and L2 tables of a damaged image, and judges each entry. Invariant: an entry
 * that was not read, or that violates the format, is never reported as unallocated: the backing
 * file's content must not appear in place of the data that it may have mapped.
 */

#include "qcow2-salvage-tables.h"
#include "qcow2-salvage-census.h"
#include "qcow2-salvage-entry.h"
#include "sinter-error.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512

/* The state of each sector of a table. */
typedef enum {
    SECTOR_READ,
    SECTOR_FAILED,
    SECTOR_BEYOND, /* the file ends before it */
    SECTOR_WRONG,  /* read, but most of its entries are invalid: something overwrote it */
} SectorState;

/* A table, as far as it could be read. */
typedef struct {
    guint64 offset;
    gsize bytes;
    guint8 *data;
    guint8 *states; /* a SectorState for each sector */
    int errnum;     /* of the last failure */
} Table;

struct _SinterQcow2SalvageTables {
    SinterIo *io;
    SinterQcow2SalvageRules rules;
    guint64 l1_stored; /* entries that the image has; the disk may need more */
    Table l1;
    Table l2;         /* the one that was used last; its offset is 0: none */
    guint64 *offsets; /* of the L2 tables, sorted */
    gsize n_offsets;
    SinterQcow2SalvageCensus *census; /* NULL: not counted */
};

static void
table_clear(Table *self)
{
    g_clear_pointer(&self->data, g_free);
    g_clear_pointer(&self->states, g_free);
}

static gsize
table_sectors(const Table *self)
{
    return (self->bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

static gboolean
table_init(Table *self, gsize bytes, GError **error)
{
    self->bytes = bytes;
    self->data = g_try_malloc0(MAX(bytes, 1));
    self->states = g_try_malloc0(MAX(table_sectors(self), 1));
    if (self->data && self->states)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                "not enough memory for a table of %" G_GSIZE_FORMAT " bytes", bytes);
    return FALSE;
}

/* Reads the range of the table, whose ends are multiples of a sector, in ever smaller parts. */
static void
table_read(Table *self, SinterIo *io, gsize at, gsize n)
{
    g_autoptr(GError) error = NULL;
    gsize half = n / 2 / SECTOR_BYTES * SECTOR_BYTES;
    gsize done = 0;

    if (sinter_io_read_some(io, self->offset + at, self->data + at, n, &done, &error)) {
        gsize all = (n + SECTOR_BYTES - 1) / SECTOR_BYTES;
        gsize whole = done == n ? all : done / SECTOR_BYTES;

        memset(self->states + at / SECTOR_BYTES, SECTOR_READ, whole);
        memset(self->states + at / SECTOR_BYTES + whole, SECTOR_BEYOND, all - whole);
        return;
    }
    if (half > 0) {
        table_read(self, io, at, half);
        table_read(self, io, at + half, n - half);
        return;
    }
    self->errnum = sinter_error_get_errno(error);
    self->states[at / SECTOR_BYTES] = SECTOR_FAILED;
}

static void
table_load(Table *self, SinterIo *io, guint64 offset)
{
    self->offset = offset;
    if (self->bytes > 0)
        table_read(self, io, 0, self->bytes);
}

/* Returns the state of the sector that holds the byte @at, after another attempt to read it. */
static SectorState
table_look(Table *self, SinterIo *io, gsize at)
{
    gsize sector = at / SECTOR_BYTES;

    if (self->states[sector] == SECTOR_FAILED)
        table_read(self, io, sector * SECTOR_BYTES,
                   MIN(SECTOR_BYTES, self->bytes - sector * SECTOR_BYTES));
    return self->states[sector];
}

static int
compare_offsets(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a;
    guint64 y = *(const guint64 *)b;

    return (x > y) - (x < y);
}

/* Collects the offsets of all L2 tables. */
static gboolean
tables_list(SinterQcow2SalvageTables *self, GError **error)
{
    gsize n = self->l1.bytes / 8;

    self->offsets = g_try_new(guint64, MAX(n, 1));
    if (!self->offsets) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "not enough memory for an L1 table of %" G_GSIZE_FORMAT " entries", n);
        return FALSE;
    }
    for (gsize i = 0; i < n; i++) {
        guint64 entry = sinter_be64_load(self->l1.data + i * 8);

        if (self->l1.states[i * 8 / SECTOR_BYTES] == SECTOR_READ &&
            (entry & SINTER_QCOW2_OFFSET_MASK) != 0 &&
            sinter_qcow2_salvage_judge_l1(&self->rules, entry) == SINTER_LOSS_NONE)
            self->offsets[self->n_offsets++] = entry & SINTER_QCOW2_OFFSET_MASK;
    }
    qsort(self->offsets, self->n_offsets, sizeof *self->offsets, compare_offsets);
    return TRUE;
}

void
sinter_qcow2_salvage_tables_free(SinterQcow2SalvageTables *self)
{
    if (!self)
        return;
    table_clear(&self->l1);
    table_clear(&self->l2);
    g_free(self->offsets);
    sinter_qcow2_salvage_census_free(self->census);
    sinter_io_unref(self->io);
    g_free(self);
}

/* Returns how many L1 entries refer to the L2 table at @offset. */
static gsize
count_uses(const SinterQcow2SalvageTables *self, guint64 offset)
{
    const guint64 *found =
        bsearch(&offset, self->offsets, self->n_offsets, sizeof *found, compare_offsets);
    const guint64 *end = self->offsets + self->n_offsets;
    gsize n = 0;

    while (found && found > self->offsets && found[-1] == offset)
        found--;
    for (; found && found < end && *found == offset; found++)
        n++;
    return n;
}

/* Fewer invalid entries in a sector are damage of their own. */
#define WRONG_ENTRIES_MIN 4

/* Judges a sector that was read: wrong if most of its entries that are not zero are invalid. */
static SectorState
judge_sector(const SinterQcow2SalvageTables *self, gsize sector, gboolean *ret_is_used)
{
    const SinterQcow2Geometry *geo = &self->rules.geo;
    guint32 n = SECTOR_BYTES / geo->l2_entry_bytes;
    guint n_set = 0;
    guint n_invalid = 0;

    for (guint32 i = 0; i < n; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->l2.data, (guint32)sector * n + i);

        n_set += (l2.entry | l2.bitmap) != 0;
        n_invalid += sinter_qcow2_salvage_judge_l2(&self->rules, l2).loss != SINTER_LOSS_NONE;
    }
    *ret_is_used = n_set > 0;
    return n_invalid >= WRONG_ENTRIES_MIN && n_invalid > n_set / 2 ? SECTOR_WRONG : SECTOR_READ;
}

/*
 * Finds out which sectors of the L2 table something else has overwritten. What the entries in such
 * a sector state is not to be trusted, also if an entry is valid or empty by chance; and if most of
 * the table is like that, none of it is.
 */
static void
judge_sectors(SinterQcow2SalvageTables *self)
{
    guint n_used = 0;
    guint n_wrong = 0;

    for (gsize i = 0; i < table_sectors(&self->l2); i++) {
        gboolean is_used = FALSE;

        if (self->l2.states[i] == SECTOR_READ)
            self->l2.states[i] = (guint8)judge_sector(self, i, &is_used);
        n_used += is_used;
        n_wrong += self->l2.states[i] == SECTOR_WRONG;
    }
    if (n_wrong < 2 || n_wrong <= n_used / 2)
        return;
    for (gsize i = 0; i < table_sectors(&self->l2); i++) {
        if (self->l2.states[i] == SECTOR_READ)
            self->l2.states[i] = SECTOR_WRONG;
    }
}

static void
l2_use(SinterQcow2SalvageTables *self, guint64 offset)
{
    if (self->l2.offset == offset)
        return;
    table_load(&self->l2, self->io, offset);
    judge_sectors(self);
}

/* Counts the owners of the clusters that the L2 tables refer to. */
static void
tables_count(SinterQcow2SalvageTables *self)
{
    const SinterQcow2Geometry *geo = &self->rules.geo;

    for (gsize i = 0; self->census && i < self->n_offsets; i++) {
        /* a table that is used twice is counted once: its entries do not contradict each other */
        if (i > 0 && self->offsets[i] == self->offsets[i - 1])
            continue;
        sinter_qcow2_salvage_census_add_table(self->census, self->offsets[i]);
        l2_use(self, self->offsets[i]);
        for (guint32 j = 0; j < geo->l2_entries; j++) {
            SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->l2.data, j);

            if (l2.entry != 0 &&
                self->l2.states[j * geo->l2_entry_bytes / SECTOR_BYTES] == SECTOR_READ &&
                sinter_qcow2_salvage_judge_l2(&self->rules, l2).loss == SINTER_LOSS_NONE)
                sinter_qcow2_salvage_census_add_entry(self->census, l2);
        }
    }
}

SinterQcow2SalvageTables *
sinter_qcow2_salvage_tables_new(SinterIo *io, const SinterQcow2Header *header,
                                const SinterQcow2L1Table *view, GError **error)
{
    g_autoptr(SinterQcow2SalvageTables) self = g_new0(SinterQcow2SalvageTables, 1);
    guint64 stored = MIN(view->l1_entries, SINTER_QCOW2_L1_MAX_BYTES / 8);

    if (view->l1_offset % header->geo.cluster_size != 0 || view->l1_offset > header->file_bytes)
        stored = 0;
    self->io = sinter_io_ref(io);
    self->l1_stored = stored;
    sinter_qcow2_salvage_rules_init(&self->rules, header, view->l1_offset, stored * 8);
    if (!table_init(&self->l1, (gsize)stored * 8, error) ||
        !table_init(&self->l2, header->geo.cluster_size, error))
        return NULL;
    table_load(&self->l1, io, view->l1_offset);
    if (!tables_list(self, error))
        return NULL;
    self->census = sinter_qcow2_salvage_census_new(header);
    sinter_qcow2_salvage_census_add_metadata(self->census, io, header);
    tables_count(self);
    return g_steal_pointer(&self);
}

/* Makes the answer cover the entries of the sector of @table that holds the entry @index. */
static void
cover_sector(SinterQcow2SalvageEntry *ret, guint64 first_guest, guint64 index, guint entry_bytes,
             guint64 entry_span)
{
    guint64 per_sector = SECTOR_BYTES / entry_bytes;

    ret->start = first_guest + index / per_sector * per_sector * entry_span;
    ret->bytes = per_sector * entry_span;
}

/* Entries that could not be read. */
static gboolean
set_unread(SinterQcow2SalvageEntry *ret, const Table *table, gsize at, SectorState state,
           SinterLoss beyond, SinterLoss failed)
{
    ret->loss = state == SECTOR_BEYOND ? beyond : failed;
    ret->errnum = state == SECTOR_BEYOND ? 0 : table->errnum;
    ret->place = table->offset + at / SECTOR_BYTES * SECTOR_BYTES;
    return FALSE;
}

/* Finds the L2 table for @offset. Returns FALSE if the answer is complete: there is none. */
static gboolean
find_l1(SinterQcow2SalvageTables *self, guint64 offset, SinterQcow2SalvageEntry *ret,
        guint64 *ret_table)
{
    const SinterQcow2Geometry *geo = &self->rules.geo;
    guint span_bits = geo->cluster_bits + geo->l2_bits;
    guint64 index = offset >> span_bits;
    SectorState state;
    guint64 entry;

    ret->start = index << span_bits;
    ret->bytes = G_GUINT64_CONSTANT(1) << span_bits;
    if (index >= self->l1_stored) {
        ret->loss = SINTER_LOSS_L1_BEYOND_FILE;
        return FALSE;
    }
    state = table_look(&self->l1, self->io, (gsize)index * 8);
    if (state != SECTOR_READ)
        return set_unread(ret, &self->l1, (gsize)index * 8, state, SINTER_LOSS_L1_BEYOND_FILE,
                          SINTER_LOSS_L1_READ);
    entry = sinter_be64_load(self->l1.data + index * 8);
    ret->place = self->l1.offset + index * 8;
    ret->loss = sinter_qcow2_salvage_judge_l1(&self->rules, entry);
    *ret_table = entry & SINTER_QCOW2_OFFSET_MASK;
    return ret->loss == SINTER_LOSS_NONE && *ret_table != 0;
}

/* Sets what is wrong with the table as a whole; a loss of the entry itself comes first. */
static void
judge_table(const SinterQcow2SalvageTables *self, SectorState state, SinterQcow2SalvageEntry *ret)
{
    gboolean shared = count_uses(self, self->l2.offset) > 1;

    if (ret->loss != SINTER_LOSS_NONE || (!shared && state != SECTOR_WRONG))
        return;
    ret->loss = state == SECTOR_WRONG ? SINTER_LOSS_L2_GARBAGE : SINTER_LOSS_L2_SHARED;
    ret->doubtful = TRUE;
    ret->place = self->l2.offset;
}

static void
find_l2(SinterQcow2SalvageTables *self, guint64 offset, SinterQcow2SalvageEntry *ret)
{
    const SinterQcow2Geometry *geo = &self->rules.geo;
    guint32 index = (guint32)((offset - ret->start) >> geo->cluster_bits);
    gsize at = (gsize)index * geo->l2_entry_bytes;
    SectorState state = table_look(&self->l2, self->io, at);
    SinterQcow2SalvageVerdict verdict;

    if (state == SECTOR_BEYOND || state == SECTOR_FAILED) {
        cover_sector(ret, ret->start, index, geo->l2_entry_bytes, geo->cluster_size);
        set_unread(ret, &self->l2, at, state, SINTER_LOSS_L2_TRUNCATED, SINTER_LOSS_L2_READ);
        return;
    }
    ret->start += (guint64)index << geo->cluster_bits;
    ret->bytes = geo->cluster_size;
    ret->place = self->l2.offset + at;
    ret->l2 = sinter_qcow2_l2_load(geo, self->l2.data, index);
    verdict = sinter_qcow2_salvage_judge_l2(&self->rules, ret->l2);
    ret->loss = verdict.loss;
    ret->doubtful = verdict.doubtful;
    if (ret->loss == SINTER_LOSS_NONE &&
        sinter_qcow2_salvage_census_conflicts(self->census, ret->l2)) {
        ret->loss = SINTER_LOSS_CLUSTER_SHARED;
        ret->doubtful = TRUE;
    }
    judge_table(self, state, ret);
}

void
sinter_qcow2_salvage_tables_find(SinterQcow2SalvageTables *self, guint64 offset,
                                 SinterQcow2SalvageEntry *ret)
{
    guint64 table = 0;

    *ret = (SinterQcow2SalvageEntry){ 0 };
    if (!find_l1(self, offset, ret, &table))
        return;
    l2_use(self, table);
    find_l2(self, offset, ret);
}
