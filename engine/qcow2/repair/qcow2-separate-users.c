/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks all tables a second time for the users of shared clusters. It runs only if there are such
 * clusters.
 */

#include "qcow2-separate-users.h"
#include "qcow2/check/qcow2-refcount-compare.h"

typedef struct {
    SinterQcow2Round *round;
    GHashTable *clusters; /* cluster + 1 → SinterQcow2SharedCluster, not owned */
} Finder;

static void
shared_free(gpointer data)
{
    SinterQcow2SharedCluster *self = data;

    g_array_unref(self->users);
    g_free(self);
}

static SinterQcow2SharedCluster *
lookup(const Finder *self, guint64 cluster)
{
    return g_hash_table_lookup(self->clusters, GSIZE_TO_POINTER(cluster + 1));
}

static void
finder_add(Finder *self, GPtrArray *list, SinterFindingCode code, guint64 cluster)
{
    SinterQcow2SharedCluster *shared;

    if (lookup(self, cluster))
        return;
    shared = g_new0(SinterQcow2SharedCluster, 1);
    shared->code = code;
    shared->cluster = cluster;
    shared->users = g_array_new(FALSE, FALSE, sizeof(SinterQcow2User));
    shared->n_fixed = sinter_qcow2_refcount_map_get_refs(self->round->check->map, cluster);
    g_hash_table_insert(self->clusters, GSIZE_TO_POINTER(cluster + 1), shared);
    g_ptr_array_add(list, shared);
}

static void
finder_offer(Finder *self, guint64 cluster, SinterQcow2User user)
{
    SinterQcow2SharedCluster *shared = lookup(self, cluster);

    if (!shared)
        return;
    g_array_append_val(shared->users, user);
    shared->n_fixed -= MIN(shared->n_fixed, user.n_refs);
}

/* --- the tables --- */

static void
offer_l2(Finder *self, const SinterQcow2CheckTable *table, guint64 guest, SinterQcow2User user)
{
    const SinterQcow2Geometry *geo = &self->round->check->geo;
    SinterQcow2CompressedRef ref;
    guint64 offset = user.l2.entry & SINTER_QCOW2_OFFSET_MASK;

    user.guest = guest;
    user.n_refs = table->n_refs;
    if (!(user.l2.entry & SINTER_QCOW2_COMPRESSED)) {
        user.kind = SINTER_QCOW2_USER_DATA;
        if (offset != 0 && (offset & (geo->cluster_size - 1)) == 0)
            finder_offer(self, offset >> geo->cluster_bits, user);
        return;
    }
    ref = sinter_qcow2_l2_compressed(geo, user.l2.entry & ~SINTER_QCOW2_COPIED);
    user.kind = SINTER_QCOW2_USER_COMPRESSED;
    if (user.l2.bitmap != 0 ||
        !sinter_qcow2_check_fits(self->round->check, ref.host_offset, ref.host_bytes))
        return;
    for (guint64 cluster = ref.host_offset >> geo->cluster_bits;
         cluster <= (ref.host_offset + ref.host_bytes - 1) >> geo->cluster_bits; cluster++)
        finder_offer(self, cluster, user);
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Finder *self = user_data;
    const SinterQcow2Geometry *geo = &self->round->check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(self->round->check->tables, SinterQcow2CheckTable, index);
    guint64 first = ((guint64)table->l1_index << geo->l2_bits) + at / geo->l2_entry_bytes;

    for (gsize i = 0; i < len / geo->l2_entry_bytes; i++) {
        SinterQcow2User user = {
            .at = table->offset + at + i * geo->l2_entry_bytes,
            .l2 = sinter_qcow2_l2_load(geo, data, (guint32)i),
        };

        if (user.l2.entry != 0)
            offer_l2(self, table, (first + i) << geo->cluster_bits, user);
    }
    return TRUE;
}

static gboolean
walk_l1(Finder *self, const SinterQcow2CheckView *view, GError **error)
{
    SinterQcow2Check *check = self->round->check;
    gsize bytes = (gsize)view->l1_entries * 8;
    g_autofree guint8 *table = g_malloc(MAX(bytes, 8));

    if (!sinter_qcow2_check_read(check, view->l1_offset, table, bytes, error))
        return FALSE;
    for (gsize i = 0; i < bytes; i += 8) {
        guint64 entry = sinter_be64_load(table + i);
        guint64 offset = entry & SINTER_QCOW2_OFFSET_MASK;
        SinterQcow2User user = {
            .kind = SINTER_QCOW2_USER_TABLE,
            .guest = sinter_qcow2_check_guest(check, i / 8),
            .at = view->l1_offset + i,
            .l2 = { entry, 0 },
            .n_refs = 1,
        };

        if (offset != 0 && (offset & (check->geo.cluster_size - 1)) == 0)
            finder_offer(self, offset >> check->geo.cluster_bits, user);
    }
    return TRUE;
}

/*
 * Drops users whose own entry is in a structure that overlaps another one: what looks like an entry
 * may be something else.
 */
static void
drop_doubtful(const Finder *self, SinterQcow2SharedCluster *shared)
{
    guint bits = self->round->check->geo.cluster_bits;

    for (guint i = shared->users->len; i-- > 0;) {
        SinterQcow2User user = g_array_index(shared->users, SinterQcow2User, i);
        const SinterQcow2SharedCluster *home = lookup(self, user.at >> bits);
        guint64 own = user.kind == SINTER_QCOW2_USER_TABLE ? 1 : 0;

        if (!home || home->n_fixed <= own)
            continue;
        g_array_remove_index(shared->users, i);
        shared->n_fixed += user.n_refs;
    }
}

static gint
compare_users(gconstpointer a, gconstpointer b)
{
    const SinterQcow2User *left = a;
    const SinterQcow2User *right = b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->guest != right->guest)
        return left->guest < right->guest ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

static gboolean
finder_run(Finder *self, GError **error)
{
    SinterQcow2Check *check = self->round->check;

    for (guint i = 0; i < check->views->len; i++) {
        if (!walk_l1(self, &g_array_index(check->views, SinterQcow2CheckView, i), error))
            return FALSE;
    }
    return check->geo.external_data ||
           sinter_qcow2_check_walk_tables(check, walk_piece, self, error);
}

GPtrArray *
sinter_qcow2_shared_find(SinterQcow2Round *round, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(shared_free);
    g_autoptr(GHashTable) clusters = g_hash_table_new(NULL, NULL);
    g_autoptr(GArray) marked = sinter_qcow2_refcount_map_list_shared(round->check->map);
    Finder finder = { round, clusters };

    for (guint i = 0; i < marked->len; i++) {
        guint64 cluster = g_array_index(marked, guint64, i);
        gboolean metadata = sinter_qcow2_refcount_map_get_use(round->check->map, cluster) ==
                            SINTER_QCOW2_USE_METADATA;

        finder_add(&finder, list,
                   metadata ? SINTER_FINDING_METADATA_OVERLAP : SINTER_FINDING_CLUSTER_SHARED,
                   cluster);
    }
    for (guint i = 0; i < round->checked->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(round->checked->findings, SinterFinding, i);

        if (finding->code == SINTER_FINDING_L2_TABLE_SHARED)
            finder_add(&finder, list, finding->code,
                       finding->host_offset >> round->check->geo.cluster_bits);
    }
    if (list->len > 0 && !finder_run(&finder, error))
        return NULL;
    for (guint i = 0; i < list->len; i++) {
        SinterQcow2SharedCluster *shared = g_ptr_array_index(list, i);

        drop_doubtful(&finder, shared);
        g_array_sort(shared->users, compare_users);
    }
    return g_steal_pointer(&list);
}
