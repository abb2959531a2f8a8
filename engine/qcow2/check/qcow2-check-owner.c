/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the owners of the clusters in the findings. It runs only if there are such findings, walks
 * all tables a second time and keeps only the owners of those clusters, at most
 * SINTER_FINDING_MAX_OWNERS for each.
 */

#include "qcow2-check-pass.h"

#include <stdlib.h>

#define FILTER_BITS 16

/* A cluster whose owners are searched, for the finding at @finding. */
typedef struct {
    guint64 cluster;
    guint finding;
} Target;

typedef struct {
    SinterQcow2Check *check;
    GArray *targets;                         /* by cluster */
    guint64 filter[(1 << FILTER_BITS) / 64]; /* a bit for the hash of each */
} Seeker;

static const SinterFindingCode codes[] = {
    SINTER_FINDING_CLUSTER_SHARED,    SINTER_FINDING_METADATA_OVERLAP,
    SINTER_FINDING_REFBLOCK_SHARED,   SINTER_FINDING_REFCOUNT_TOO_LOW,
    SINTER_FINDING_REFCOUNT_TOO_HIGH, SINTER_FINDING_REFCOUNT_OVERFLOW,
};

static guint
filter_bit(guint64 cluster)
{
    return (guint)((cluster * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> (64 - FILTER_BITS));
}

static int
compare_targets(const void *a, const void *b)
{
    const Target *left = a;
    const Target *right = b;

    if (left->cluster != right->cluster)
        return left->cluster < right->cluster ? -1 : 1;
    return left->finding < right->finding ? -1 : left->finding > right->finding;
}

static void
seeker_init(Seeker *self, SinterQcow2Check *check)
{
    GArray *findings = check->result->findings;

    self->check = check;
    self->targets = g_array_new(FALSE, FALSE, sizeof(Target));
    for (guint i = 0; i < findings->len; i++) {
        const SinterFinding *finding = &g_array_index(findings, SinterFinding, i);
        Target target = { finding->host_offset >> check->geo.cluster_bits, i };
        guint bit = filter_bit(target.cluster);

        for (gsize k = 0; k < G_N_ELEMENTS(codes); k++) {
            if (finding->code != codes[k])
                continue;
            g_array_append_val(self->targets, target);
            self->filter[bit / 64] |= G_GUINT64_CONSTANT(1) << (bit % 64);
        }
    }
    if (self->targets->len > 1)
        qsort(self->targets->data, self->targets->len, sizeof(Target), compare_targets);
}

/* Returns the first target at or after @cluster. */
static guint
seeker_find(const Seeker *self, guint64 cluster)
{
    guint low = 0;
    guint high = self->targets->len;

    while (low < high) {
        guint mid = (low + high) / 2;

        if (g_array_index(self->targets, Target, mid).cluster < cluster)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static gboolean
same_owner(const SinterOwner *a, const SinterOwner *b)
{
    /* one range of the disk in several snapshots is one owner */
    return a->kind == b->kind && a->where == b->where &&
           (a->kind == SINTER_OWNER_DATA || a->kind == SINTER_OWNER_COMPRESSED ||
            g_strcmp0(a->name, b->name) == 0);
}

static void
finding_add_owner(SinterFinding *finding, SinterOwnerKind kind, guint64 where, const char *name)
{
    SinterOwner owner = { kind, where, (char *)name };

    if (finding->n_owners == SINTER_FINDING_MAX_OWNERS)
        return;
    for (guint i = 0; i < finding->n_owners; i++) {
        if (same_owner(&finding->owners[i], &owner))
            return;
    }
    owner.name = g_strdup(name);
    finding->owners[finding->n_owners++] = owner;
    if (finding->guest_offset == SINTER_OFFSET_NONE &&
        (kind == SINTER_OWNER_DATA || kind == SINTER_OWNER_COMPRESSED))
        finding->guest_offset = where;
}

/* Adds the owner to all targets in @bytes at @offset. */
static void
offer(Seeker *self, guint64 offset, guint64 bytes, SinterOwnerKind kind, guint64 where,
      const char *name)
{
    guint64 last = (offset + MAX(bytes, 1) - 1) >> self->check->geo.cluster_bits;
    guint at = seeker_find(self, offset >> self->check->geo.cluster_bits);

    for (; at < self->targets->len; at++) {
        Target target = g_array_index(self->targets, Target, at);

        if (target.cluster > last)
            return;
        finding_add_owner(
            &g_array_index(self->check->result->findings, SinterFinding, target.finding), kind,
            where, name);
    }
}

static gboolean
filter_hits(const Seeker *self, guint64 cluster)
{
    guint bit = filter_bit(cluster);

    return (self->filter[bit / 64] >> (bit % 64)) & 1;
}

/* --- metadata --- */

static void
offer_fixed(Seeker *self)
{
    const SinterQcow2Check *check = self->check;
    const SinterQcow2Header *header = check->header;

    offer(self, 0, check->geo.cluster_size, SINTER_OWNER_HEADER, 0, NULL);
    if (check->reftable_entries > 0)
        offer(self, header->reftable_offset, check->reftable_entries * 8,
              SINTER_OWNER_REFCOUNT_TABLE, 0, NULL);
    if (check->snapshot_table_bytes > 0)
        offer(self, header->snapshots_offset, check->snapshot_table_bytes,
              SINTER_OWNER_SNAPSHOT_TABLE, 0, NULL);
    if (check->luks_usable)
        offer(self, header->luks_offset, header->luks_bytes, SINTER_OWNER_LUKS, 0, NULL);
    for (guint64 i = 0; i < check->reftable_entries; i++) {
        guint64 entry = sinter_be64_load(check->reftable + i * 8);

        if (entry != 0 && (entry & (check->geo.cluster_size - 1)) == 0)
            offer(self, entry, check->geo.cluster_size, SINTER_OWNER_REFCOUNT_BLOCK, i, NULL);
    }
}

static void
offer_tables(Seeker *self)
{
    const SinterQcow2Check *check = self->check;

    for (guint i = 0; i < check->views->len; i++) {
        const SinterQcow2CheckView *view = &g_array_index(check->views, SinterQcow2CheckView, i);

        if (view->l1_entries > 0)
            offer(self, view->l1_offset, (guint64)view->l1_entries * 8, SINTER_OWNER_L1_TABLE, 0,
                  view->name);
    }
    for (guint i = 0; i < check->tables->len; i++) {
        const SinterQcow2CheckTable *table =
            &g_array_index(check->tables, SinterQcow2CheckTable, i);

        offer(self, table->offset, check->geo.cluster_size, SINTER_OWNER_L2_TABLE,
              sinter_qcow2_check_guest(check, table->l1_index),
              g_array_index(check->views, SinterQcow2CheckView, table->view).name);
    }
}

/* --- guest data --- */

static gboolean
offer_entry(const SinterQcow2CheckTable *table, guint64 guest, guint64 entry, gpointer user_data,
            GError **error)
{
    Seeker *self = user_data;
    const SinterQcow2Check *check = self->check;
    const char *name = g_array_index(check->views, SinterQcow2CheckView, table->view).name;
    SinterQcow2CompressedRef ref = { entry & SINTER_QCOW2_OFFSET_MASK, check->geo.cluster_size };
    SinterOwnerKind kind = SINTER_OWNER_DATA;
    guint64 first;
    guint64 last;

    if (entry & SINTER_QCOW2_COMPRESSED) {
        ref = sinter_qcow2_l2_compressed(&check->geo, entry & ~SINTER_QCOW2_COPIED);
        kind = SINTER_OWNER_COMPRESSED;
    } else if (ref.host_offset == 0 || check->geo.external_data) {
        return TRUE;
    }
    first = ref.host_offset >> check->geo.cluster_bits;
    last = (ref.host_offset + ref.host_bytes - 1) >> check->geo.cluster_bits;
    for (guint64 cluster = first; cluster <= last; cluster++) {
        if (filter_hits(self, cluster))
            offer(self, cluster << check->geo.cluster_bits, 1, kind, guest, name);
    }
    return TRUE;
}

/* --- bitmaps --- */

static gboolean
walk_bitmap_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
                  GError **error)
{
    Seeker *self = user_data;
    const SinterQcow2Check *check = self->check;
    const SinterQcow2Segment *segment =
        &g_array_index(check->bitmap_segments, SinterQcow2Segment, index);
    const SinterQcow2Bitmap *bitmap = g_ptr_array_index(check->bitmaps, segment->id);
    guint64 first = (segment->start + at - bitmap->table_offset) / 8;

    for (gsize i = 0; i < len / 8; i++) {
        guint64 offset = sinter_be64_load(data + i * 8) & SINTER_QCOW2_OFFSET_MASK;

        if (offset != 0 && filter_hits(self, offset >> check->geo.cluster_bits))
            offer(self, offset, 1, SINTER_OWNER_BITMAP_DATA, first + i, bitmap->name);
    }
    return TRUE;
}

static gboolean
offer_bitmaps(Seeker *self, GError **error)
{
    SinterQcow2Check *check = self->check;
    const SinterQcow2Header *header = check->header;

    if (!check->bitmaps)
        return TRUE;
    offer(self, header->bitmap_directory_offset, header->bitmap_directory_bytes,
          SINTER_OWNER_BITMAP_DIRECTORY, 0, NULL);
    /* of every bitmap, as counted: two may refer to the same table */
    for (guint i = 0; i < check->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(check->bitmaps, i);
        guint64 bytes = (guint64)bitmap->table_entries * 8;

        if (bytes > 0 && (bitmap->table_offset & (check->geo.cluster_size - 1)) == 0 &&
            sinter_qcow2_check_fits(check, bitmap->table_offset, bytes))
            offer(self, bitmap->table_offset, bytes, SINTER_OWNER_BITMAP_TABLE, 0, bitmap->name);
    }
    return sinter_qcow2_check_walk_segments(check, check->bitmap_segments, walk_bitmap_piece, self,
                                            error);
}

gboolean
sinter_qcow2_check_owners(SinterQcow2Check *self, GError **error)
{
    Seeker seeker = { 0 };
    gboolean ok = TRUE;

    seeker_init(&seeker, self);
    if (seeker.targets->len > 0) {
        offer_fixed(&seeker);
        offer_tables(&seeker);
        ok = offer_bitmaps(&seeker, error) &&
             sinter_qcow2_check_walk_entries(self, G_MAXUINT64, offer_entry, &seeker, error);
    }
    g_array_unref(seeker.targets);
    return ok;
}
