/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Replaces what version 3 of the format expresses with a flag. Every L2 table with such entries is
 * written to a new place, once, and all L1 tables that refer to it are updated. Invariant: every
 * state of the disk reads the same as before.
 */

#include "qcow2-downgrade.h"
#include "qcow2-snapshot-table.h"
#include "qcow2-shadow-l1.h"
#include "sinter-error.h"

#include <string.h>

/* An L1 table: the active one, or a snapshot's. */
typedef struct {
    SinterQcow2Snapshot *snapshot; /* not owned; NULL: active */
    guint64 *entries;
    guint32 n;
    gboolean is_changed;
} State;

typedef struct {
    SinterQcow2Shadow *shadow;
    GPtrArray *snapshots;
    GArray *states;    /* of State */
    GHashTable *refs;  /* offset of an L2 table to the number of L1 entries that refer to it */
    GHashTable *moved; /* offset of an L2 table to its new one */
    guint8 *table;
} Expand;

static void
state_clear(gpointer data)
{
    g_free(((State *)data)->entries);
}

static void
expand_clear(Expand *self)
{
    g_clear_pointer(&self->shadow, sinter_qcow2_shadow_free);
    g_clear_pointer(&self->snapshots, g_ptr_array_unref);
    g_clear_pointer(&self->states, g_array_unref);
    g_clear_pointer(&self->refs, g_hash_table_unref);
    g_clear_pointer(&self->moved, g_hash_table_unref);
    g_clear_pointer(&self->table, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Expand, expand_clear)

static void
expand_add_state(Expand *self, SinterQcow2Snapshot *snapshot, guint64 *entries, guint32 n)
{
    const State state = { snapshot, entries, n, FALSE };

    g_array_append_val(self->states, state);
    for (guint32 i = 0; i < n; i++) {
        gpointer offset = GSIZE_TO_POINTER(entries[i] & SINTER_QCOW2_OFFSET_MASK);
        gsize count = GPOINTER_TO_SIZE(g_hash_table_lookup(self->refs, offset));

        if (offset)
            g_hash_table_replace(self->refs, offset, GSIZE_TO_POINTER(count + 1));
    }
}

static gboolean
expand_init(Expand *self, SinterQcow2Writer *writer, GError **error)
{
    const SinterQcow2Header *header = writer->header;

    self->shadow = sinter_qcow2_shadow_new(writer, writer->geo.refcount_order);
    self->states = g_array_new(FALSE, FALSE, sizeof(State));
    g_array_set_clear_func(self->states, state_clear);
    self->refs = g_hash_table_new(NULL, NULL);
    self->moved = g_hash_table_new(NULL, NULL);
    self->table = g_malloc(writer->geo.cluster_size);
    self->snapshots = sinter_qcow2_snapshots_load(writer->io, header, NULL, error);
    if (!self->snapshots)
        return FALSE;
    expand_add_state(self, NULL, g_memdup2(writer->l1, (gsize)header->l1_entries * 8),
                     header->l1_entries);
    for (guint i = 0; i < self->snapshots->len; i++) {
        SinterQcow2Snapshot *snapshot = g_ptr_array_index(self->snapshots, i);
        guint64 *l1 = sinter_qcow2_shadow_load_snapshot_l1(writer, snapshot, error);

        if (!l1)
            return FALSE;
        expand_add_state(self, snapshot, l1, snapshot->l1_entries);
    }
    return TRUE;
}

/* Allocates a cluster of zeros with one reference for each of @refs paths. */
static gboolean
take_zeros(SinterQcow2Shadow *shadow, guint64 refs, guint64 *ret, GError **error)
{
    guint bits = shadow->geo.cluster_bits;

    if (!sinter_qcow2_shadow_take(shadow, 1, ret, error))
        return FALSE;
    for (guint64 i = 1; i < refs; i++) {
        if (!sinter_qcow2_shadow_refer(shadow, *ret >> bits, 1, error))
            return FALSE;
    }
    return sinter_io_write_zeros(shadow->writer->io, *ret, shadow->geo.cluster_size, error);
}

static gboolean
drop_times(SinterQcow2Shadow *shadow, guint64 offset, guint64 times, gboolean is_table,
           GError **error)
{
    guint64 cluster = offset >> shadow->geo.cluster_bits;

    for (guint64 i = 0; i < times; i++) {
        if (!(is_table ? sinter_qcow2_shadow_drop_table(shadow, cluster, 1, error)
                       : sinter_qcow2_shadow_drop(shadow, cluster, 1, error)))
            return FALSE;
    }
    return TRUE;
}

/* Converts the entries of a table that @refs L1 entries refer to. */
static gboolean
expand_entries(Expand *self, guint64 refs, gboolean *ret_changed, GError **error)
{
    SinterQcow2Shadow *shadow = self->shadow;
    const SinterQcow2Geometry *geo = &shadow->geo;

    *ret_changed = FALSE;
    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->table, i);
        guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        guint64 place = 0;

        if ((l2.entry & SINTER_QCOW2_COMPRESSED) || !(l2.entry & SINTER_QCOW2_ZERO))
            continue;
        if (host && !drop_times(shadow, host, refs, FALSE, error))
            return FALSE;
        if (shadow->writer->header->backing_name && !take_zeros(shadow, refs, &place, error))
            return FALSE;
        l2.entry = place | (place && refs == 1 ? SINTER_QCOW2_COPIED : 0);
        sinter_qcow2_l2_store(geo, self->table, i, l2);
        *ret_changed = TRUE;
    }
    return TRUE;
}

/* Returns the place of the table at @offset in the new generation. */
static gboolean
expand_table(Expand *self, guint64 offset, guint64 *ret, GError **error)
{
    SinterQcow2Shadow *shadow = self->shadow;
    guint64 refs = GPOINTER_TO_SIZE(g_hash_table_lookup(self->refs, GSIZE_TO_POINTER(offset)));
    gboolean changed = FALSE;

    *ret = GPOINTER_TO_SIZE(g_hash_table_lookup(self->moved, GSIZE_TO_POINTER(offset)));
    if (*ret)
        return TRUE;
    *ret = offset;
    if (!sinter_qcow2_shadow_load_l2(shadow, offset, self->table, error) ||
        !expand_entries(self, refs, &changed, error))
        return FALSE;
    if (changed) {
        if (!drop_times(shadow, offset, refs, TRUE, error) ||
            !sinter_qcow2_shadow_take(shadow, 1, ret, error))
            return FALSE;
        for (guint64 i = 1; i < refs; i++) {
            if (!sinter_qcow2_shadow_refer(shadow, *ret >> shadow->geo.cluster_bits, 1, error))
                return FALSE;
        }
        if (!sinter_io_write(shadow->writer->io, *ret, self->table, shadow->geo.cluster_size,
                             error))
            return FALSE;
    }
    g_hash_table_insert(self->moved, GSIZE_TO_POINTER(offset), GSIZE_TO_POINTER(*ret));
    return sinter_qcow2_shadow_make_room(shadow, error);
}

static gboolean
expand_state(Expand *self, State *state, GError **error)
{
    for (guint32 i = 0; i < state->n; i++) {
        guint64 offset = state->entries[i] & SINTER_QCOW2_OFFSET_MASK;
        guint64 place;

        if (offset == 0)
            continue;
        if (!expand_table(self, offset, &place, error))
            return FALSE;
        if (place == offset)
            continue;
        state->entries[i] = place | (state->entries[i] & ~SINTER_QCOW2_OFFSET_MASK);
        state->is_changed = TRUE;
    }
    return TRUE;
}

static gboolean
store_state(Expand *self, const State *state, GError **error)
{
    SinterQcow2Snapshot *snapshot = state->snapshot;

    if (!state->is_changed)
        return TRUE;
    if (!snapshot)
        return sinter_qcow2_shadow_store_active_l1(self->shadow, state->entries, state->n, error);
    return sinter_qcow2_shadow_store_l1(self->shadow, state->entries, state->n, snapshot->l1_offset,
                                        state->n, &snapshot->l1_offset, error);
}

gboolean
sinter_qcow2_downgrade_zeros(SinterQcow2Writer *writer, GError **error)
{
    guint64 old_bytes;
    g_auto(Expand) self = { 0 };

    if (!expand_init(&self, writer, error))
        return FALSE;
    old_bytes = sinter_qcow2_snapshot_table_bytes(writer->header, self.snapshots);
    for (guint i = 0; i < self.states->len; i++) {
        State *state = &g_array_index(self.states, State, i);

        if (!expand_state(&self, state, error) || !store_state(&self, state, error))
            return FALSE;
    }
    return (self.snapshots->len == 0 ||
            sinter_qcow2_snapshot_table_replace(self.shadow, self.snapshots, old_bytes, error)) &&
           sinter_qcow2_shadow_commit(self.shadow, error);
}

gboolean
sinter_qcow2_downgrade_examine(SinterQcow2Writer *writer, SinterQcow2Downgradable *ret,
                               GError **error)
{
    g_auto(Expand) self = { 0 };
    GHashTableIter iter;
    gpointer offset;

    *ret = (SinterQcow2Downgradable){ FALSE, FALSE };
    if (!expand_init(&self, writer, error))
        return FALSE;
    g_hash_table_iter_init(&iter, self.refs);
    while (g_hash_table_iter_next(&iter, &offset, NULL)) {
        if (!sinter_qcow2_shadow_load_l2(self.shadow, GPOINTER_TO_SIZE(offset), self.table, error))
            return FALSE;
        for (guint32 i = 0; i < writer->geo.l2_entries; i++) {
            guint64 entry = sinter_qcow2_l2_load(&writer->geo, self.table, i).entry;

            if (entry & SINTER_QCOW2_COMPRESSED)
                ret->compressed = TRUE;
            else if (entry & SINTER_QCOW2_ZERO)
                ret->zeros = TRUE;
        }
    }
    return TRUE;
}
