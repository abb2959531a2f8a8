/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The passes over refcounts. The first loads the stored refcounts before any reference is counted,
 * so that the COPIED flags can be checked on the way; the second counts the refcount blocks
 * themselves, after everything else, like QEMU; the third compares.
 */

#include "qcow2-check-pass.h"
#include "qcow2-refcount-compare.h"

#include <stdlib.h>

/* Refcount blocks for clusters beyond the end of the file: their content is of little use. */
#define BEYOND_MAX_BYTES (16 * 1024 * 1024)

/* A refcount block to load. */
typedef struct {
    guint64 offset;
    guint64 index;  /* in the refcount table */
    gboolean again; /* an earlier entry refers to the same block */
} Block;

static guint64
reftable_entry(const SinterQcow2Check *self, guint64 index)
{
    return sinter_be64_load(self->reftable + index * 8);
}

static guint64
block_first_cluster(const SinterQcow2Check *self, guint64 index)
{
    return index << self->geo.refblock_bits;
}

static gboolean
block_is_again(const SinterQcow2Check *self, guint64 index)
{
    return (self->blocks_again[index / 8] >> (index % 8)) & 1;
}

static void
report(SinterQcow2Check *self, SinterFindingCode code, guint64 host, guint64 seen, guint64 expected)
{
    SinterFinding finding = { .code = code,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = host,
                              .seen = seen,
                              .expected = expected };

    sinter_tally_add(&self->tally, &finding);
}

/* --- loading --- */

static gboolean
load_table(SinterQcow2Check *self, GError **error)
{
    guint64 offset = self->header->reftable_offset;
    guint64 bytes = (guint64)self->header->reftable_clusters << self->geo.cluster_bits;
    guint64 there = offset < self->stat.size_bytes ? MIN(bytes, self->stat.size_bytes - offset) : 0;
    GError *failed = NULL;

    /* the header's problems report one that is completely beyond the end */
    if (bytes > 0 && sinter_qcow2_check_is_in_file(self, offset, bytes))
        sinter_qcow2_check_count(self, offset, bytes, 1, SINTER_QCOW2_USE_METADATA, 0);
    else if (there > 0)
        report(self, SINTER_FINDING_REFTABLE_BEYOND_FILE, offset, bytes, 0);
    self->reftable_entries = bytes / 8;
    self->reftable = g_malloc0(bytes);
    self->result->stats.refcount_table_entries = self->reftable_entries;
    if (sinter_io_read(self->io, offset, self->reftable, (gsize)there, &failed))
        return TRUE;
    if (!sinter_qcow2_check_keeps_going(self, failed, offset)) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    g_error_free(failed);
    self->reftable_usable = FALSE;
    return TRUE;
}

static int
compare_blocks(const void *a, const void *b)
{
    const Block *left = a;
    const Block *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

/*
 * Returns the blocks to load, by offset. A block that several entries refer to is loaded for each
 * of them into cells, whose number is limited by the file's clusters; in the sparse form, and
 * beyond the end of the file, only for the first.
 */
static GArray *
list_blocks(SinterQcow2Check *self)
{
    GArray *blocks = g_array_new(FALSE, FALSE, sizeof(Block));
    guint64 beyond = 0;

    for (guint64 i = 0; i < self->reftable_entries; i++) {
        Block block = { reftable_entry(self, i) & ~SINTER_QCOW2_REFTABLE_RESERVED, i, FALSE };

        if (block.offset == 0 || (block.offset & (self->geo.cluster_size - 1)) != 0 ||
            block.offset >= self->stat.size_bytes)
            continue;
        if (block_first_cluster(self, i) >= self->n_clusters &&
            (beyond += self->geo.cluster_size) > BEYOND_MAX_BYTES)
            continue;
        g_array_append_val(blocks, block);
    }
    if (blocks->len > 1)
        qsort(blocks->data, blocks->len, sizeof(Block), compare_blocks);
    for (guint i = 1; i < blocks->len; i++) {
        Block *block = &g_array_index(blocks, Block, i);

        block->again = block->offset == g_array_index(blocks, Block, i - 1).offset;
    }
    return blocks;
}

/* Ranges must be ascending, so this walks the table, not the blocks by offset. */
static void
set_unknown(SinterQcow2Check *self, GArray *blocks)
{
    self->blocks_again = g_malloc0(self->reftable_entries / 8 + 1);
    for (guint i = 0; i < blocks->len; i++) {
        const Block *block = &g_array_index(blocks, Block, i);

        if (block->again)
            self->blocks_again[block->index / 8] |= (guint8)(1U << (block->index % 8));
    }
    for (guint64 i = 0; i < self->reftable_entries; i++) {
        guint64 offset = reftable_entry(self, i) & ~SINTER_QCOW2_REFTABLE_RESERVED;

        if ((offset & (self->geo.cluster_size - 1)) != 0 ||
            (!self->map->cells && block_is_again(self, i)))
            sinter_qcow2_refcount_map_set_unknown(self->map, block_first_cluster(self, i),
                                                  block_first_cluster(self, i + 1));
    }
}

typedef struct {
    SinterQcow2Check *check;
    GArray *blocks;
} Loading;

static gboolean
load_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    const Loading *self = user_data;
    const Block *block = &g_array_index(self->blocks, Block, index);
    guint32 order = self->check->geo.refcount_order;
    guint64 first = block_first_cluster(self->check, block->index) + ((at * 8) >> order);

    if (!block->again || self->check->map->cells)
        sinter_qcow2_refcount_map_load(self->check->map, first, data, ((guint64)len * 8) >> order,
                                       !block->again);
    return TRUE;
}

static gboolean
load_blocks(SinterQcow2Check *self, GError **error)
{
    g_autoptr(GArray) blocks = list_blocks(self);
    g_autofree SinterQcow2Range *ranges = g_new(SinterQcow2Range, blocks->len);
    guint64 bytes = (guint64)blocks->len << self->geo.cluster_bits;
    SinterQcow2Reader reader = sinter_qcow2_check_reader(self, bytes);
    Loading loading = { self, blocks };

    for (guint i = 0; i < blocks->len; i++)
        ranges[i] =
            (SinterQcow2Range){ g_array_index(blocks, Block, i).offset, self->geo.cluster_size };
    set_unknown(self, blocks);
    return sinter_qcow2_reader_run(&reader, ranges, blocks->len, load_piece, &loading, error);
}

gboolean
sinter_qcow2_check_refcounts(SinterQcow2Check *self, GError **error)
{
    if (!sinter_qcow2_check_make_map(self, error))
        return FALSE;
    sinter_qcow2_check_count(self, 0, self->geo.cluster_size, 1, SINTER_QCOW2_USE_METADATA, 0);
    if (!self->reftable_usable)
        return TRUE;
    return load_table(self, error) && load_blocks(self, error);
}

/* --- the blocks' own references --- */

gboolean
sinter_qcow2_check_counts_block(const SinterQcow2Check *self, guint64 n_clusters, guint64 entry)
{
    return (entry & SINTER_QCOW2_REFTABLE_RESERVED) == 0 &&
           (entry & (self->geo.cluster_size - 1)) == 0 &&
           entry >> self->geo.cluster_bits < n_clusters;
}

static void
check_block(SinterQcow2Check *self, guint64 index)
{
    guint64 entry = reftable_entry(self, index);
    guint64 offset = entry & ~SINTER_QCOW2_REFTABLE_RESERVED;
    guint64 cluster = offset >> self->geo.cluster_bits;
    gboolean was_shared;
    guint64 refs;

    if (entry & SINTER_QCOW2_REFTABLE_RESERVED) {
        report(self, SINTER_FINDING_REFTABLE_ENTRY_RESERVED_BITS, offset, entry, index);
        return;
    }
    if (offset & (self->geo.cluster_size - 1)) {
        report(self, SINTER_FINDING_REFTABLE_ENTRY_UNALIGNED, offset, entry, index);
        return;
    }
    if (cluster >= self->n_clusters) {
        report(self, SINTER_FINDING_REFTABLE_ENTRY_BEYOND_FILE, offset, entry, index);
        return;
    }
    self->result->stats.refcount_blocks++;
    was_shared = sinter_qcow2_refcount_map_is_shared(self->map, cluster);
    sinter_qcow2_check_count(self, offset, self->geo.cluster_size, 1, SINTER_QCOW2_USE_METADATA, 0);
    refs = sinter_qcow2_refcount_map_get_refs(self->map, cluster);
    if (refs > 1 && self->map->refcount_max > 1)
        report(self, SINTER_FINDING_REFBLOCK_SHARED, offset, refs, 1);
    /* shared only by entries of the refcount table: already reported by the finding above */
    if (block_is_again(self, index) && !was_shared)
        sinter_qcow2_refcount_map_clear_shared(self->map, cluster);
}

gboolean
sinter_qcow2_check_refblocks(SinterQcow2Check *self, GError **error)
{
    for (guint64 i = 0; i < self->reftable_entries; i++) {
        if (reftable_entry(self, i) != 0)
            check_block(self, i);
    }
    return TRUE;
}

/* --- comparing --- */

static void
report_overflow(SinterQcow2Check *self, guint64 cluster, guint64 stored, guint64 refs)
{
    guint64 max = self->map->refcount_max;
    SinterFinding finding = { .code = SINTER_FINDING_REFCOUNT_OVERFLOW,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = cluster << self->geo.cluster_bits,
                              .seen = refs,
                              .expected = max,
                              .refcount = stored,
                              .times = refs - max };

    sinter_tally_add(&self->tally, &finding);
}

typedef struct {
    SinterQcow2Check *check;
    guint64 n_more[SINTER_FINDING_N_CODES]; /* that are only counted */
} Mismatches;

static void
report_mismatch(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Mismatches *mismatches = user_data;
    SinterQcow2Check *self = mismatches->check;
    guint64 max = self->map->refcount_max;
    SinterFindingCode code;

    if (refs > max) {
        report_overflow(self, cluster, stored, refs);
        refs = max;
    }
    if (stored == refs)
        return;
    code = stored < refs ? SINTER_FINDING_REFCOUNT_TOO_LOW
           : refs == 0   ? SINTER_FINDING_CLUSTER_LEAKED
                         : SINTER_FINDING_REFCOUNT_TOO_HIGH;
    /* the use of clusters that could not be reached is unknown */
    if (stored > refs && self->guest_unreached)
        return;
    if (sinter_tally_wants(&self->tally, code))
        report(self, code, cluster << self->geo.cluster_bits, stored, refs);
    else
        mismatches->n_more[code]++;
}

static void
report_mismatches(SinterQcow2Check *self, guint64 *ret_end)
{
    Mismatches mismatches = { .check = self };

    sinter_qcow2_refcount_map_compare(self->map, self->n_clusters, report_mismatch, &mismatches,
                                      ret_end);
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        if (mismatches.n_more[code] > 0)
            sinter_tally_count(&self->tally, (SinterFindingCode)code, mismatches.n_more[code]);
    }
}

static void
report_shared(SinterQcow2Check *self)
{
    g_autoptr(GArray) shared = sinter_qcow2_refcount_map_list_shared(self->map);

    for (guint i = 0; i < shared->len; i++) {
        guint64 cluster = g_array_index(shared, guint64, i);
        gboolean metadata =
            sinter_qcow2_refcount_map_get_use(self->map, cluster) == SINTER_QCOW2_USE_METADATA;
        SinterFinding finding = {
            .code = metadata ? SINTER_FINDING_METADATA_OVERLAP : SINTER_FINDING_CLUSTER_SHARED,
            .guest_offset = SINTER_OFFSET_NONE,
            .host_offset = cluster << self->geo.cluster_bits,
            .seen = sinter_qcow2_refcount_map_get_refs(self->map, cluster),
            .expected = 1,
            .refcount = sinter_qcow2_refcount_map_get_stored(self->map, cluster),
        };

        sinter_tally_add(&self->tally, &finding);
    }
}

static void
report_unknown(SinterQcow2Check *self)
{
    for (guint i = 0; i < self->map->unknown->len; i++) {
        SinterQcow2ClusterRange range =
            g_array_index(self->map->unknown, SinterQcow2ClusterRange, i);
        guint64 end = MIN(range.end, self->n_clusters);
        SinterFinding finding = { .code = SINTER_FINDING_REFCOUNT_UNKNOWN,
                                  .guest_offset = SINTER_OFFSET_NONE,
                                  .host_offset = range.first << self->geo.cluster_bits,
                                  .seen = end - range.first,
                                  .times = end - range.first };

        if (range.first < end)
            sinter_tally_add(&self->tally, &finding);
    }
}

static void
compare_stored(SinterQcow2Check *self)
{
    guint64 end = 0;
    guint64 first_beyond;
    guint64 n_beyond;

    report_mismatches(self, &end);
    self->result->stats.image_end_offset = MAX(end, 1) << self->geo.cluster_bits;
    report_unknown(self);
    n_beyond = sinter_qcow2_refcount_map_count_beyond(self->map, self->n_clusters, &first_beyond);
    if (n_beyond > 0)
        report(self, SINTER_FINDING_REFCOUNT_BEYOND_FILE, first_beyond << self->geo.cluster_bits,
               n_beyond, 0);
}

gboolean
sinter_qcow2_check_compare(SinterQcow2Check *self, GError **error)
{
    report_shared(self);
    if (self->reftable_usable)
        compare_stored(self);
    sinter_qcow2_refcount_map_count_uses(self->map, &self->result->stats.host_used,
                                         &self->result->stats.metadata_clusters);
    return TRUE;
}
