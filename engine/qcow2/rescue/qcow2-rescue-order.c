/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the order of allocation suggests: a guest that writes forward gets clusters forward, and
 * QEMU allocates an L2 table right before the first cluster that it maps. Invariant: order alone
 * never makes a place certain, and takes only free slots and clusters without a claim.
 */

#include "qcow2-rescue-order.h"
#include "qcow2-rescue-vote.h"

/* Lost tables that a run may go across. */
#define LOST_MAX 64
/* An image is written forward if at most one of so many tables, of at least so many, is not. */
#define FORWARD_SHARE 10
#define FORWARD_MIN 8

/* The way from one mapped cluster to the next one in the file. */
typedef struct {
    guint64 next;     /* cluster, NO_CLUSTER: none */
    guint64 n_orphan; /* data clusters without a claim between them */
} Way;

/* Follows the file from @cluster to the next cluster that a table maps. */
static Way
way_from(const SinterQcow2Rescue *self, guint64 cluster, guint64 max)
{
    Way way = { SINTER_QCOW2_NO_CLUSTER, 0 };

    for (guint64 at = cluster + 1; at < self->n_clusters && way.n_orphan <= max; at++) {
        if (self->use[at] == SINTER_QCOW2_RESCUE_DATA) {
            way.next = at;
            return way;
        }
        if (self->use[at] == SINTER_QCOW2_RESCUE_EMPTY)
            return way;
        way.n_orphan += self->use[at] == SINTER_QCOW2_RESCUE_ORPHAN;
    }
    return way;
}

/* Tables that follow each other in the file, with so many slots between them. */
typedef struct {
    guint32 before; /* index in the list */
    guint32 after;
    guint64 distance;
} Link;

/*
 * Finds the table whose first cluster follows the last one of @index. Between them there may be
 * whole lost tables with all their clusters.
 */
static gboolean
link_find(const SinterQcow2Rescue *self, guint index, Link *ret)
{
    const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);
    guint64 per_table = (guint64)self->geo.l2_entries + 1;
    SinterQcow2RescueClaim claim;
    Way way;

    if (table->is_dropped || table->is_snapshot || table->last == SINTER_QCOW2_NO_CLUSTER)
        return FALSE;
    way = way_from(self, table->last, per_table * LOST_MAX);
    /* one more may be a lost refcount block */
    if (way.next == SINTER_QCOW2_NO_CLUSTER || way.n_orphan % per_table > 1)
        return FALSE;
    claim = self->claims[way.next];
    if (claim.index != 0 || claim.table == 0 ||
        sinter_qcow2_rescue_table(self, claim.table - 1)->is_snapshot)
        return FALSE;
    *ret = (Link){ index, claim.table - 1, 1 + way.n_orphan / per_table };
    return TRUE;
}

static GArray *
links_find(const SinterQcow2Rescue *self)
{
    GArray *links = g_array_new(FALSE, FALSE, sizeof(Link));
    Link link;

    for (guint i = 0; i < self->tables->len; i++) {
        if (link_find(self, i, &link))
            g_array_append_val(links, link);
    }
    return links;
}

static gboolean
place_by_order(SinterQcow2Rescue *self, guint index, guint64 slot)
{
    SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, index);

    if (slot >= self->n_slots || self->slots[slot] != 0 ||
        !sinter_qcow2_rescue_slot_is_broken(self, slot))
        return FALSE;
    table->placed = SINTER_QCOW2_PLACED_ORDER;
    table->confidence = SINTER_RESCUE_LIKELY;
    sinter_qcow2_rescue_take_slot(self, index, slot);
    return TRUE;
}

/* Gives the table at one end of the link a slot, if only the other one has one. */
static gboolean
link_follow(SinterQcow2Rescue *self, const Link *link)
{
    guint64 before = sinter_qcow2_rescue_table(self, link->before)->slot;
    guint64 after = sinter_qcow2_rescue_table(self, link->after)->slot;

    if ((before == SINTER_QCOW2_NO_SLOT) == (after == SINTER_QCOW2_NO_SLOT))
        return FALSE;
    if (after == SINTER_QCOW2_NO_SLOT)
        return place_by_order(self, link->after, before + link->distance);
    return after >= link->distance && place_by_order(self, link->before, after - link->distance);
}

static int
compare_links(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const SinterQcow2Rescue *self = user_data;
    guint64 one = sinter_qcow2_rescue_table(self, ((const Link *)a)->before)->last;
    guint64 two = sinter_qcow2_rescue_table(self, ((const Link *)b)->before)->last;

    return one < two ? -1 : one > two;
}

/* In the order of the file: one pass in each direction follows all of them. */
static void
links_follow(SinterQcow2Rescue *self, const GArray *links)
{
    for (guint i = 0; i < links->len; i++)
        link_follow(self, &g_array_index(links, Link, i));
    for (guint i = links->len; i-- > 0;)
        link_follow(self, &g_array_index(links, Link, i));
}

static int
compare_tables(gconstpointer a, gconstpointer b, gpointer user_data)
{
    guint64 one = sinter_qcow2_rescue_table(user_data, *(const guint *)a)->cluster;
    guint64 two = sinter_qcow2_rescue_table(user_data, *(const guint *)b)->cluster;

    return one < two ? -1 : one > two;
}

/* Returns the tables of the active disk in the order of the file; of guint. */
static GArray *
tables_by_cluster(SinterQcow2Rescue *self)
{
    GArray *order = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < self->tables->len; i++) {
        const SinterQcow2RescueTable *table = sinter_qcow2_rescue_table(self, i);

        if (!table->is_dropped && !table->is_snapshot &&
            (table->slot < self->n_slots || table->slot == SINTER_QCOW2_NO_SLOT))
            g_array_append_val(order, i);
    }
    g_array_sort_with_data(order, compare_tables, self);
    return order;
}

static guint64
order_slot(const SinterQcow2Rescue *self, const GArray *order, guint i)
{
    return sinter_qcow2_rescue_table(self, g_array_index(order, guint, i))->slot;
}

/* Returns the next table in the file from @from on that has a slot, or the list's length. */
static guint
order_next(const SinterQcow2Rescue *self, const GArray *order, guint from)
{
    while (from < order->len && order_slot(self, order, from) == SINTER_QCOW2_NO_SLOT)
        from++;
    return from;
}

/* Returns whether the image was written forward: nearly all tables with a slot are in its order. */
static gboolean
is_written_forward(const SinterQcow2Rescue *self, const GArray *order)
{
    guint n = 0;
    guint n_up = 0;

    for (guint i = order_next(self, order, 0), next; i < order->len; i = next) {
        next = order_next(self, order, i + 1);
        if (next == order->len)
            break;
        n++;
        n_up += order_slot(self, order, next) > order_slot(self, order, i);
    }
    return n >= FORWARD_MIN && n_up >= n - n / FORWARD_SHARE;
}

/* Gives the tables between two others the slots between theirs, if there are as many of them. */
static void
order_fill(SinterQcow2Rescue *self, const GArray *order, guint before, guint after)
{
    guint64 first = order_slot(self, order, before) + 1;
    guint64 end = order_slot(self, order, after);
    guint n = after - before - 1;
    guint n_free = 0;

    if (n == 0 || end < first || end - first > (guint64)n + LOST_MAX)
        return;
    for (guint64 slot = first; slot < end; slot++)
        n_free += self->slots[slot] == 0;
    if (n_free != n)
        return;
    for (guint64 slot = first, i = before + 1; slot < end; slot++) {
        if (self->slots[slot] == 0)
            place_by_order(self, g_array_index(order, guint, i++), slot);
    }
}

void
sinter_qcow2_rescue_order_tables(SinterQcow2Rescue *self)
{
    g_autoptr(GArray) links = links_find(self);
    g_autoptr(GArray) order = tables_by_cluster(self);

    g_array_sort_with_data(links, compare_links, self);
    links_follow(self, links);
    if (!is_written_forward(self, order))
        return;
    for (guint i = order_next(self, order, 0), next; i < order->len; i = next) {
        next = order_next(self, order, i + 1);
        if (next < order->len)
            order_fill(self, order, i, next);
    }
    links_follow(self, links);
}

/* A gap in the file between two clusters with a place. */
typedef struct {
    guint64 host_first; /* the cluster before the gap */
    guint64 host_end;   /* the cluster after it */
    guint64 guest_first;
    guint64 guest_end;
} Gap;

/*
 * Counts the guest clusters in the gap that no table maps, and the slots of lost tables that begin
 * in it. Entries of a table that has a place are known.
 */
static guint64
gap_missing(const SinterQcow2Rescue *self, const Gap *gap, guint64 *ret_lost)
{
    guint64 n = 0;

    *ret_lost = 0;
    for (guint64 guest = gap->guest_first + 1; guest < gap->guest_end;) {
        guint64 slot = guest >> self->geo.l2_bits;
        guint64 end = MIN((slot + 1) << self->geo.l2_bits, gap->guest_end);

        if (self->slots[slot] == 0) {
            n += end - guest;
            *ret_lost += (guest & (self->geo.l2_entries - 1)) == 0;
        }
        guest = end;
    }
    return n;
}

static void
gap_fill(SinterQcow2Rescue *self, const Gap *gap, gboolean with_tables)
{
    guint64 guest = gap->guest_first + 1;
    guint64 lost = SINTER_QCOW2_NO_SLOT; /* whose table was passed */

    for (guint64 host = gap->host_first + 1; host < gap->host_end; host++) {
        SinterQcow2RescueData data = { host, 0, SINTER_RESCUE_LIKELY, SINTER_QCOW2_N_CLUES };
        guint64 slot;

        if (self->use[host] != SINTER_QCOW2_RESCUE_ORPHAN)
            continue;
        while (self->slots[guest >> self->geo.l2_bits] != 0)
            guest = ((guest >> self->geo.l2_bits) + 1) << self->geo.l2_bits;
        slot = guest >> self->geo.l2_bits;
        if (with_tables && slot != lost && (guest & (self->geo.l2_entries - 1)) == 0) {
            lost = slot;
            continue;
        }
        data.guest_cluster = guest++;
        g_array_append_val(self->data, data);
    }
}

static void
gap_examine(SinterQcow2Rescue *self, const Gap *gap)
{
    guint64 n_slots_max = LOST_MAX;
    guint64 n_orphan = 0;
    guint64 missing;
    guint64 lost;

    if (gap->guest_end <= gap->guest_first ||
        (gap->guest_end - gap->guest_first) >> self->geo.l2_bits > n_slots_max)
        return;
    for (guint64 host = gap->host_first + 1; host < gap->host_end; host++)
        n_orphan += self->use[host] == SINTER_QCOW2_RESCUE_ORPHAN;
    if (n_orphan == 0)
        return;
    missing = gap_missing(self, gap, &lost);
    if (n_orphan == missing)
        gap_fill(self, gap, FALSE);
    else if (n_orphan == missing + lost)
        gap_fill(self, gap, TRUE);
}

/* Returns the place of a cluster: that of its table, or one that its content proved. */
static guint64
guest_of(const SinterQcow2Rescue *self, GHashTable *placed, guint64 cluster)
{
    const SinterQcow2RescueData *data = g_hash_table_lookup(placed, &cluster);

    if (data)
        return data->guest_cluster;
    return self->use[cluster] == SINTER_QCOW2_RESCUE_DATA ? sinter_qcow2_rescue_guest(self, cluster)
                                                          : SINTER_QCOW2_NO_CLUSTER;
}

static GHashTable *
index_data(const SinterQcow2Rescue *self, const GArray *data)
{
    GHashTable *placed = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (guint i = 0; i < data->len; i++) {
        SinterQcow2RescueData *one = &g_array_index(data, SinterQcow2RescueData, i);

        g_hash_table_insert(placed, &one->cluster, one);
        /* no longer free for others */
        self->use[one->cluster] = SINTER_QCOW2_RESCUE_DATA;
    }
    return placed;
}

void
sinter_qcow2_rescue_order_data(SinterQcow2Rescue *self)
{
    g_autoptr(GArray) proved =
        g_array_append_vals(g_array_new(FALSE, FALSE, sizeof(SinterQcow2RescueData)),
                            self->data->data, self->data->len);
    g_autoptr(GHashTable) placed = index_data(self, proved);
    Gap gap = { .host_first = SINTER_QCOW2_NO_CLUSTER };

    for (guint64 host = 0; host < self->n_clusters; host++) {
        guint64 guest;

        if (self->use[host] == SINTER_QCOW2_RESCUE_EMPTY) {
            gap.host_first = SINTER_QCOW2_NO_CLUSTER;
            continue;
        }
        if (self->use[host] != SINTER_QCOW2_RESCUE_DATA)
            continue;
        guest = guest_of(self, placed, host);
        gap.host_end = host;
        gap.guest_end = guest;
        if (gap.host_first != SINTER_QCOW2_NO_CLUSTER && guest != SINTER_QCOW2_NO_CLUSTER)
            gap_examine(self, &gap);
        gap.host_first = guest == SINTER_QCOW2_NO_CLUSTER ? SINTER_QCOW2_NO_CLUSTER : host;
        gap.guest_first = guest;
    }
}
