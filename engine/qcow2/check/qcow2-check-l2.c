/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over the L2 tables, where a check spends its time: each table once, in file order. An
 * entry of a consistent image takes the fast path, one access to its cluster's cell; everything
 * else takes the slow path, which has all rules. Invariant: both paths count the same.
 */

#include "qcow2-check-pass.h"
#include "qcow2-refcount-cell.h"

/* Entries that are decoded together, so that their cells can be prefetched. */
#define BATCH 32
/* A cell cannot hold more references than this. */
#define FAST_MAX_REFS 62

typedef struct {
    SinterQcow2Check *check;
    guint64 slow_bits; /* a standard entry with one of these bits takes the slow path */
    guint64 n_plain;   /* clusters of the file below which every reference fits */
    gboolean may_be_fast;
    /* the table being walked, and the counts for it */
    guint index;
    guint64 next; /* the host offset of a contiguous next guest cluster */
    guint32 n_allocated;
    guint32 n_compressed;
    guint32 n_fragmented;
    guint32 n_zero;
    guint64 n_wrong[2]; /* COPIED flags: missing, false */
} Walk;

typedef struct {
    const SinterQcow2CheckTable *table;
    guint64 guest;
    SinterQcow2L2Entry l2;
} Entry;

static void
report(SinterQcow2Check *self, const Entry *entry, SinterFindingCode code, guint64 host,
       guint64 seen, guint64 times)
{
    SinterFinding finding = {
        .code = code,
        .guest_offset = entry->guest,
        .host_offset = host,
        .seen = seen,
        .times = times,
    };

    if (!sinter_tally_wants(&self->tally, code)) {
        sinter_tally_count(&self->tally, code, times);
        return;
    }
    finding.owners[finding.n_owners++] =
        sinter_qcow2_check_owner(self, SINTER_OWNER_L2_TABLE, entry->table->view,
                                 sinter_qcow2_check_guest(self, entry->table->l1_index));
    sinter_tally_add(&self->tally, &finding);
}

/* --- the long way --- */

static void
check_compressed(Walk *walk, const Entry *entry)
{
    SinterQcow2Check *self = walk->check;
    guint64 value = entry->l2.entry & ~SINTER_QCOW2_COPIED;
    SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(&self->geo, value);
    guint32 times = entry->table->n_refs;

    if (entry->l2.entry & SINTER_QCOW2_COPIED)
        report(self, entry, SINTER_FINDING_L2_COMPRESSED_COPIED, ref.host_offset, entry->l2.entry,
               times);
    if (self->geo.external_data) {
        report(self, entry, SINTER_FINDING_L2_COMPRESSED_DATA_FILE, ref.host_offset,
               entry->l2.entry, times);
        return;
    }
    if (entry->l2.bitmap != 0) {
        report(self, entry, SINTER_FINDING_L2_COMPRESSED_BITMAP, ref.host_offset, entry->l2.bitmap,
               times);
        return;
    }
    if (sinter_qcow2_check_fits(self, ref.host_offset, ref.host_bytes))
        sinter_qcow2_check_count(self, ref.host_offset, ref.host_bytes, times,
                                 SINTER_QCOW2_USE_COMPRESSED, 0);
    else
        report(self, entry, SINTER_FINDING_L2_COMPRESSED_BEYOND_FILE, ref.host_offset,
               entry->l2.entry, times);
    walk->n_allocated++;
    walk->n_compressed++;
    /* by QEMU's rule: streams are always packed */
    walk->n_fragmented++;
}

static void
check_copied(Walk *walk, const Entry *entry, guint64 offset)
{
    SinterQcow2Check *self = walk->check;
    guint64 cluster = offset >> self->geo.cluster_bits;
    gboolean copied = (entry->l2.entry & SINTER_QCOW2_COPIED) != 0;
    guint64 stored = 1;
    SinterFindingCode code;

    if (entry->table->n_active == 0)
        return;
    if (!self->geo.external_data) {
        if (!self->reftable_usable || sinter_qcow2_refcount_map_is_unknown(self->map, cluster))
            return;
        stored = sinter_qcow2_refcount_map_get_stored(self->map, cluster);
    }
    if ((stored == 1) == copied)
        return;
    code = copied ? SINTER_FINDING_L2_COPIED_FALSE : SINTER_FINDING_L2_COPIED_MISSING;
    if (sinter_tally_wants(&self->tally, code)) {
        SinterFinding finding = {
            .code = code,
            .guest_offset = entry->guest,
            .host_offset = offset,
            .seen = entry->l2.entry,
            .refcount = stored,
            .times = entry->table->n_active,
        };

        sinter_tally_add(&self->tally, &finding);
    } else {
        walk->n_wrong[copied] += entry->table->n_active;
    }
}

/* Adds the wrong flags that are only counted to the findings. */
static void
count_wrong(Walk *walk)
{
    if (walk->n_wrong[FALSE] > 0)
        sinter_tally_count(&walk->check->tally, SINTER_FINDING_L2_COPIED_MISSING,
                           walk->n_wrong[FALSE]);
    if (walk->n_wrong[TRUE] > 0)
        sinter_tally_count(&walk->check->tally, SINTER_FINDING_L2_COPIED_FALSE,
                           walk->n_wrong[TRUE]);
}

static void
count_data(SinterQcow2Check *self, const Entry *entry, guint64 offset)
{
    gboolean aligned = (offset & (self->geo.cluster_size - 1)) == 0;

    if (self->geo.external_data) {
        if (offset != entry->guest)
            report(self, entry, SINTER_FINDING_L2_DATA_FILE_MISPLACED, offset, entry->l2.entry,
                   entry->table->n_refs);
        return;
    }
    if (sinter_qcow2_check_fits(self, offset, self->geo.cluster_size))
        sinter_qcow2_check_count(
            self, offset, self->geo.cluster_size, entry->table->n_refs,
            aligned ? SINTER_QCOW2_USE_DATA : SINTER_QCOW2_USE_LOOSE,
            sinter_qcow2_refcount_map_tag(entry->guest >> self->geo.cluster_bits));
    else
        report(self, entry, SINTER_FINDING_L2_ENTRY_BEYOND_FILE, offset, entry->l2.entry,
               entry->table->n_refs);
}

static void
check_host(Walk *walk, const Entry *entry)
{
    SinterQcow2Check *self = walk->check;
    guint64 offset = entry->l2.entry & SINTER_QCOW2_OFFSET_MASK;

    if ((guint32)entry->l2.bitmap & (guint32)(entry->l2.bitmap >> 32))
        report(self, entry, SINTER_FINDING_L2_SUBCLUSTER_CONFLICT, offset, entry->l2.bitmap,
               entry->table->n_refs);
    if (offset & (self->geo.cluster_size - 1))
        report(self, entry, SINTER_FINDING_L2_ENTRY_UNALIGNED, offset, entry->l2.entry,
               entry->table->n_refs);
    walk->n_allocated++;
    walk->n_fragmented += walk->next != 0 && offset != walk->next;
    walk->next = offset + self->geo.cluster_size;
    count_data(self, entry, offset);
    check_copied(walk, entry, offset);
}

static gboolean
reads_as_zeros(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2)
{
    return geo->extended_l2 ? l2.bitmap >> 32 == G_MAXUINT32
                            : geo->has_zero_flag && (l2.entry & SINTER_QCOW2_ZERO) != 0;
}

static void
check_no_host(SinterQcow2Check *self, const Entry *entry)
{
    guint32 times = entry->table->n_refs;

    if ((guint32)entry->l2.bitmap != 0)
        report(self, entry, SINTER_FINDING_L2_SUBCLUSTER_UNALLOCATED, SINTER_OFFSET_NONE,
               entry->l2.bitmap, times);
    if ((entry->l2.entry & (SINTER_QCOW2_COPIED | SINTER_QCOW2_ZERO)) == SINTER_QCOW2_COPIED)
        report(self, entry, SINTER_FINDING_L2_ENTRY_EMPTY, SINTER_OFFSET_NONE, entry->l2.entry,
               times);
}

static void
check_entry(Walk *walk, const Entry *entry)
{
    SinterQcow2Check *self = walk->check;
    const SinterQcow2Geometry *geo = &self->geo;
    guint64 value = entry->l2.entry;
    guint64 offset = value & SINTER_QCOW2_OFFSET_MASK;

    if (value & SINTER_QCOW2_COMPRESSED) {
        check_compressed(walk, entry);
        return;
    }
    if (value & SINTER_QCOW2_L2_RESERVED)
        report(self, entry, SINTER_FINDING_L2_ENTRY_RESERVED_BITS, offset, value,
               entry->table->n_refs);
    if ((value & SINTER_QCOW2_ZERO) && (geo->extended_l2 || !geo->has_zero_flag))
        report(self, entry, SINTER_FINDING_L2_ENTRY_ZERO_BIT, offset, value, entry->table->n_refs);
    if (sinter_qcow2_check_has_host(geo, value))
        check_host(walk, entry);
    else
        check_no_host(self, entry);
    walk->n_zero += reads_as_zeros(geo, entry->l2);
}

/* --- the short way --- */

/*
 * Returns FALSE if the entry is not of the usual kind: a standard entry for a cluster without other
 * references so far, whose flag agrees with the stored refcount.
 */
static inline gboolean
take_fast(Walk *walk, const SinterQcow2CheckTable *table, guint64 guest_cluster, guint64 value,
          guint64 bitmap)
{
    SinterQcow2Check *self = walk->check;
    guint64 offset = value & SINTER_QCOW2_OFFSET_MASK;
    guint64 cluster = offset >> self->geo.cluster_bits;
    guint16 *cell;

    if ((value & walk->slow_bits) != 0 || cluster - 1 >= walk->n_plain - 1 ||
        ((guint32)bitmap & (guint32)(bitmap >> 32)) != 0)
        return FALSE;
    cell = &self->map->cells[cluster];
    if ((*cell & ~SINTER_QCOW2_CELL_DISK) != 0 || table->n_refs > FAST_MAX_REFS)
        return FALSE;
    if (table->n_active > 0 &&
        ((*cell & SINTER_QCOW2_CELL_DISK) == 1) != ((value & SINTER_QCOW2_COPIED) != 0))
        return FALSE;
    *cell = (guint16)(*cell + table->n_refs * SINTER_QCOW2_CELL_REF +
                      (SINTER_QCOW2_USE_DATA << SINTER_QCOW2_CELL_USE_SHIFT));
    if (self->map->tags)
        self->map->tags[cluster] = sinter_qcow2_refcount_map_tag(guest_cluster);
    walk->n_allocated++;
    walk->n_fragmented += walk->next != 0 && offset != walk->next;
    walk->n_zero += reads_as_zeros(&self->geo, (SinterQcow2L2Entry){ value, bitmap });
    walk->next = offset + self->geo.cluster_size;
    return TRUE;
}

/*
 * Processes entries of the most common kind, with stored refcount 1, up to the first other one;
 * returns their number. A consistent image without snapshots consists of them.
 */
static inline guint
take_plain(Walk *walk, const SinterQcow2CheckTable *table, const guint8 *data, guint n)
{
    guint16 *cells = walk->check->map->cells;
    guint bits = walk->check->geo.cluster_bits;
    guint64 n_plain = walk->n_plain;
    /* the active disk's entries must have COPIED */
    guint64 want = table->n_active > 0 ? SINTER_QCOW2_COPIED : 0;
    guint64 look_at = walk->slow_bits | SINTER_QCOW2_ZERO | want;
    guint16 added = (guint16)(table->n_refs * SINTER_QCOW2_CELL_REF +
                              (SINTER_QCOW2_USE_DATA << SINTER_QCOW2_CELL_USE_SHIFT));
    guint64 next = walk->next;
    guint32 n_fragmented = 0;
    guint i;

    if (table->n_refs > FAST_MAX_REFS)
        return 0;
    for (i = 0; i < n; i++) {
        guint64 value = sinter_be64_load(data + (gsize)i * 8);
        guint64 offset = value & SINTER_QCOW2_OFFSET_MASK;
        guint64 cluster = offset >> bits;

        if ((value & look_at) != want || cluster - 1 >= n_plain - 1 || cells[cluster] != 1)
            break;
        cells[cluster] += added;
        n_fragmented += next != 0 && offset != next;
        next = offset + (G_GUINT64_CONSTANT(1) << bits);
    }
    walk->n_allocated += i;
    walk->n_fragmented += n_fragmented;
    walk->next = next;
    return i;
}

/* Returns whether the entries' clusters appear to be in order in the file. */
static gboolean
in_order(const SinterQcow2Geometry *geo, const guint8 *data, guint n)
{
    guint64 first = sinter_be64_load(data);
    guint64 last = sinter_be64_load(data + (gsize)(n - 1) * geo->l2_entry_bytes);

    return last - first == (guint64)(n - 1) << geo->cluster_bits;
}

/*
 * Prefetches the cells of the next entries if they are scattered. Always inline: GCC removes a call
 * of a function that only prefetches.
 */
G_ALWAYS_INLINE static inline void
prefetch_cells(const Walk *walk, const guint8 *data, guint n)
{
    const SinterQcow2Check *self = walk->check;
    guint32 entry_bytes = self->geo.l2_entry_bytes;

    if (!walk->may_be_fast || in_order(&self->geo, data, n))
        return;
    for (guint i = 0; i < n; i++) {
        guint64 value = sinter_be64_load(data + (gsize)i * entry_bytes);
        guint64 cluster = (value & SINTER_QCOW2_OFFSET_MASK) >> self->geo.cluster_bits;

        if (cluster < walk->n_plain)
            __builtin_prefetch(&self->map->cells[cluster], 1);
    }
}

static inline void
walk_entries(Walk *walk, const SinterQcow2CheckTable *table, guint64 guest_cluster,
             const guint8 *data, guint n, gboolean extended)
{
    gboolean plain = walk->may_be_fast && !extended && !walk->check->map->tags;
    guint32 entry_bytes = extended ? 16 : 8;

    for (guint i = plain ? take_plain(walk, table, data, n) : 0; i < n; i++) {
        const guint8 *at = data + (gsize)i * entry_bytes;
        SinterQcow2L2Entry l2 = { sinter_be64_load(at), extended ? sinter_be64_load(at + 8) : 0 };

        if ((l2.entry | l2.bitmap) == 0)
            continue;
        if (!walk->may_be_fast || !take_fast(walk, table, guest_cluster + i, l2.entry, l2.bitmap)) {
            Entry entry = { table, (guest_cluster + i) << walk->check->geo.cluster_bits, l2 };

            check_entry(walk, &entry);
        }
    }
}

/* At the end of a table: adds its counts to the active disk's, once for each active reference. */
static void
end_table(Walk *walk)
{
    SinterImageStats *stats = &walk->check->result->stats;
    SinterQcow2CheckTable *table;

    if (walk->index == G_MAXUINT)
        return;
    table = &g_array_index(walk->check->tables, SinterQcow2CheckTable, walk->index);
    table->n_allocated = walk->n_allocated;
    stats->allocated_clusters += (guint64)walk->n_allocated * table->n_active;
    stats->compressed_clusters += (guint64)walk->n_compressed * table->n_active;
    stats->fragmented_clusters += (guint64)walk->n_fragmented * table->n_active;
    stats->zero_clusters += (guint64)walk->n_zero * table->n_active;
}

static void
begin_table(Walk *walk, guint index)
{
    walk->index = index;
    walk->next = 0;
    walk->n_allocated = 0;
    walk->n_compressed = 0;
    walk->n_fragmented = 0;
    walk->n_zero = 0;
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Walk *walk = user_data;
    const SinterQcow2Geometry *geo = &walk->check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(walk->check->tables, SinterQcow2CheckTable, index);
    guint32 entry_bytes = geo->l2_entry_bytes;
    guint64 guest_cluster = ((guint64)table->l1_index << geo->l2_bits) + at / entry_bytes;
    guint n = (guint)(len / entry_bytes);

    if (index != walk->index) {
        end_table(walk);
        begin_table(walk, index);
    }
    prefetch_cells(walk, data, MIN(n, BATCH));
    for (guint i = 0; i < n; i += BATCH) {
        const guint8 *from = data + (gsize)i * entry_bytes;
        guint count = MIN(n - i, BATCH);

        if (i + BATCH < n)
            prefetch_cells(walk, from + BATCH * entry_bytes, MIN(n - i - BATCH, BATCH));
        if (geo->extended_l2)
            walk_entries(walk, table, guest_cluster + i, from, count, TRUE);
        else
            walk_entries(walk, table, guest_cluster + i, from, count, FALSE);
    }
    return TRUE;
}

gboolean
sinter_qcow2_check_l2(SinterQcow2Check *self, GError **error)
{
    Walk walk = {
        .check = self,
        .slow_bits = SINTER_QCOW2_COMPRESSED | sinter_qcow2_l2_reserved(&self->geo) |
                     ((self->geo.cluster_size - 1) & SINTER_QCOW2_OFFSET_MASK),
        .index = G_MAXUINT,
        .n_plain = MIN(self->file_bytes >> self->geo.cluster_bits, self->map->n_cells),
        .may_be_fast = self->map->cells && !self->geo.external_data && self->reftable_usable &&
                       self->map->unknown->len == 0,
    };

    walk.may_be_fast = walk.may_be_fast && walk.n_plain > 0;
    if (!sinter_qcow2_check_walk_tables(self, walk_piece, &walk, error))
        return FALSE;
    end_table(&walk);
    count_wrong(&walk);
    return TRUE;
}
