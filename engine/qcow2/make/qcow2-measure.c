/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Computes the size of images to be created. Everything is an upper bound: metadata is counted as
 * if the disk were full, and what a backing file will share is unknown.
 */

#include "qcow2-measure.h"
#include "qcow2/layout/qcow2-layout.h"
#include "sinter-error.h"

#include <string.h>

#define DEFAULT_CLUSTER_BITS 16
#define DEFAULT_REFCOUNT_ORDER 4
#define L1_ENTRY_BYTES 8
#define REFTABLE_ENTRY_BYTES 8

/* The qcow2 image to be created. */
typedef struct {
    guint64 cluster_size;
    guint64 l2_entry_bytes;
    guint64 refcounts_per_block;
} Shape;

static guint64
divide_up(guint64 n, guint64 by)
{
    return n / by + (n % by != 0);
}

static guint64
round_up(guint64 n, guint64 to)
{
    return divide_up(n, to) * to;
}

static gboolean
is_power_of_two_within(guint64 value, guint64 min, guint64 max)
{
    return value >= min && value <= max && (value & (value - 1)) == 0;
}

static gboolean
shape_init(Shape *self, const SinterMeasureOptions *options, GError **error)
{
    guint64 refcount_bits =
        options->refcount_bits ? options->refcount_bits : 1U << DEFAULT_REFCOUNT_ORDER;

    self->cluster_size = options->cluster_size ? options->cluster_size : 1U << DEFAULT_CLUSTER_BITS;
    self->l2_entry_bytes = options->extended_l2 ? 16 : 8;
    if (!is_power_of_two_within(self->cluster_size, 1U << SINTER_QCOW2_CLUSTER_BITS_MIN,
                                1U << SINTER_QCOW2_CLUSTER_BITS_MAX)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "Cluster size must be a power of two between %d and %dk",
                    1 << SINTER_QCOW2_CLUSTER_BITS_MIN, 1 << (SINTER_QCOW2_CLUSTER_BITS_MAX - 10));
        return FALSE;
    }
    if (options->extended_l2 &&
        self->cluster_size < 1U << SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "Extended L2 entries are only supported with cluster sizes of at least %u "
                    "bytes",
                    1U << SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN);
        return FALSE;
    }
    if (!is_power_of_two_within(refcount_bits, 1, 1U << SINTER_QCOW2_REFCOUNT_ORDER_MAX)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "Refcount width must be a power of two and may not exceed 64 bits");
        return FALSE;
    }
    self->refcounts_per_block = self->cluster_size * 8 / refcount_bits;
    return TRUE;
}

/* The refcount metadata for @n_clusters clusters, and for the table and blocks themselves. */
static guint64
shape_refcount_bytes(const Shape *self, guint64 n_clusters)
{
    guint64 table = 0;
    guint64 blocks = 0;
    guint64 before;
    guint64 all = 0;

    do {
        before = all;
        blocks = divide_up(n_clusters + table + blocks, self->refcounts_per_block);
        table = divide_up(blocks, self->cluster_size / REFTABLE_ENTRY_BYTES);
        all = n_clusters + blocks + table;
    } while (all != before);
    return (blocks + table) * self->cluster_size;
}

/* The size of an image whose disk of @virtual_size (a multiple of the cluster size) is full. */
static guint64
shape_full_bytes(const Shape *self, guint64 virtual_size)
{
    guint64 l2 =
        round_up(virtual_size / self->cluster_size * self->l2_entry_bytes, self->cluster_size);
    guint64 l1 = round_up(l2 / self->cluster_size * L1_ENTRY_BYTES, self->cluster_size);
    guint64 bytes = self->cluster_size + l2 + l1 + virtual_size;

    return bytes + shape_refcount_bytes(self, bytes / self->cluster_size);
}

static gboolean
shape_check_size(const Shape *self, guint64 virtual_size, GError **error)
{
    guint64 l2_tables = divide_up(divide_up(virtual_size, self->cluster_size),
                                  self->cluster_size / self->l2_entry_bytes);

    if (virtual_size <= G_MAXINT64 && l2_tables * L1_ENTRY_BYTES <= SINTER_QCOW2_L1_MAX_BYTES)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "The image size is too large (try using a larger cluster size)");
    return FALSE;
}

static void
add_bitmap(const SinterBitmapInfo *bitmap, const Shape *shape, guint64 virtual_size,
           SinterMeasure *ret, guint64 *directory)
{
    guint64 bits = divide_up(virtual_size, MAX(bitmap->granularity, 1));
    guint64 clusters = divide_up(divide_up(bits, 8), shape->cluster_size);

    ret->bitmaps += clusters * shape->cluster_size;
    ret->bitmaps += round_up(clusters * 8, shape->cluster_size);
    *directory += round_up(SINTER_QCOW2_BITMAP_BYTES + strlen(bitmap->name), 8);
}

static void
measure_bitmaps(const SinterFormatMeasure *source, const Shape *shape, SinterMeasure *ret)
{
    guint64 directory = 0;

    /* only versions with bitmaps */
    ret->has_bitmaps = source->bitmaps && source->top->version >= 3;
    for (guint i = 0; ret->has_bitmaps && i < source->bitmaps->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(source->bitmaps, i);

        if (!bitmap->in_use)
            add_bitmap(bitmap, shape, source->virtual_size, ret, &directory);
    }
    ret->bitmaps += round_up(directory, shape->cluster_size);
}

gboolean
sinter_qcow2_measure(const SinterFormatMeasure *source, const SinterMeasureOptions *options,
                     SinterMeasure *ret, GError **error)
{
    Shape shape;
    guint64 virtual_size;
    guint64 data = 0;

    if (!shape_init(&shape, options, error) ||
        !shape_check_size(&shape, source->virtual_size, error))
        return FALSE;
    virtual_size = round_up(source->virtual_size, shape.cluster_size);
    if (options->preallocated || (source->count_data && options->has_backing))
        data = virtual_size;
    else if (source->count_data &&
             !source->count_data(shape.cluster_size, &data, source->data, error))
        return FALSE;
    ret->fully_allocated = shape_full_bytes(&shape, virtual_size);
    ret->required = ret->fully_allocated - virtual_size + data;
    measure_bitmaps(source, &shape, ret);
    return TRUE;
}
