/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The memory of a check against plain arrays: random stored refcounts of every width and random
 * references, in both forms. The seed is printed by the framework and can be given with --seed.
 */

#include "qcow2/check/qcow2-refcount-compare.h"
#include "qcow2/layout/qcow2-spans.h"

#define N_CLUSTERS 6000

/* What the map must say. */
typedef struct {
    guint64 stored[N_CLUSTERS * 2];
    guint64 refs[N_CLUSTERS * 2];
    guint use[N_CLUSTERS * 2];
    guint16 tag[N_CLUSTERS * 2];
    gboolean shared[N_CLUSTERS * 2];
    gboolean unknown[N_CLUSTERS * 2];
    guint n_mismatches;
} Naive;

typedef struct {
    guint order;
    gboolean flat;
    gboolean views;
} Variant;

static guint64
random_stored(guint order)
{
    guint64 max = sinter_qcow2_refcount_max(order);
    guint64 small = (guint64)g_test_rand_int_range(0, 4);
    guint64 large = (guint64)g_test_rand_int_range(200, 400);

    switch (g_test_rand_int_range(0, 8)) {
    case 0:
        return MIN(max, large);
    case 1:
        return max;
    default:
        return MIN(max, small);
    }
}

/* A block's worth of refcounts for the clusters from @first on, in pieces as a reader gives. */
static void
load_block(SinterQcow2RefcountMap *map, Naive *naive, guint order, guint64 first, guint64 n)
{
    gsize bytes = (gsize)((n << order) / 8);
    g_autofree guint8 *block = g_malloc0(bytes);
    guint64 per_piece = G_GUINT64_CONSTANT(1) << map->piece_bits;

    for (guint64 i = 0; i < n; i++) {
        guint64 value = first + i < G_N_ELEMENTS(naive->stored) ? random_stored(order) : 0;

        if (value == 0)
            continue;
        naive->stored[first + i] = value;
        sinter_qcow2_refcount_store(order, block, (guint32)i, value);
    }
    for (guint64 i = 0; i < n; i += per_piece * 2)
        sinter_qcow2_refcount_map_load(map, first + i, block + ((i << order) / 8),
                                       MIN(per_piece * 2, n - i), TRUE);
}

static void
naive_add(Naive *self, const Variant *variant, guint64 cluster, guint64 n, guint use, guint16 tag)
{
    guint had = self->use[cluster];
    gboolean legal = had == 0 || use == 0 || (had == 2 && use == 2) ||
                     (had == 1 && use == 1 && variant->views && self->tag[cluster] == tag);

    if (!legal)
        self->shared[cluster] = TRUE;
    if (had == 0)
        self->tag[cluster] = tag;
    self->use[cluster] = MAX(had, use);
    self->refs[cluster] += n;
}

static void
random_references(SinterQcow2RefcountMap *map, Naive *naive, const Variant *variant)
{
    for (guint i = 0; i < N_CLUSTERS * 2; i++) {
        guint64 cluster = (guint64)g_test_rand_int_range(0, N_CLUSTERS);
        guint64 n = g_test_rand_int_range(0, 20) ? 1 : (guint64)g_test_rand_int_range(1, 300);
        SinterQcow2Use use = (SinterQcow2Use)g_test_rand_int_range(0, 4);
        guint16 tag = (guint16)g_test_rand_int_range(0, 2);

        sinter_qcow2_refcount_map_add(map, cluster, n, use, tag);
        naive_add(naive, variant, cluster, n, use, tag);
    }
}

static void
count_mismatch(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Naive *naive = user_data;

    g_assert_cmpuint(cluster, <, N_CLUSTERS);
    g_assert_false(naive->unknown[cluster]);
    g_assert_cmpuint(stored, ==, naive->stored[cluster]);
    g_assert_cmpuint(refs, ==, naive->refs[cluster]);
    naive->n_mismatches++;
}

static void
compare(SinterQcow2RefcountMap *map, Naive *naive)
{
    guint64 max = map->refcount_max;
    guint64 end;
    guint64 naive_end = 0;
    guint n = 0;

    sinter_qcow2_refcount_map_compare(map, N_CLUSTERS, count_mismatch, naive, &end);
    for (guint64 i = 0; i < N_CLUSTERS; i++) {
        if (naive->unknown[i])
            continue;
        if (naive->stored[i] > 0 || naive->refs[i] > 0)
            naive_end = i + 1;
        n += naive->stored[i] != MIN(naive->refs[i], max) || naive->refs[i] > max;
    }
    g_assert_cmpuint(naive->n_mismatches, ==, n);
    g_assert_cmpuint(end, ==, naive_end);
}

static void
compare_each(const SinterQcow2RefcountMap *map, const Naive *naive)
{
    g_autoptr(GArray) shared = sinter_qcow2_refcount_map_list_shared(map);
    guint n_shared = 0;
    guint64 used = 0;
    guint64 metadata = 0;
    guint64 map_used;
    guint64 map_metadata;

    for (guint64 i = 0; i < N_CLUSTERS; i++) {
        g_assert_cmpuint(sinter_qcow2_refcount_map_get_refs(map, i), ==, naive->refs[i]);
        g_assert_cmpuint(sinter_qcow2_refcount_map_get_stored(map, i), ==, naive->stored[i]);
        g_assert_cmpuint(sinter_qcow2_refcount_map_get_use(map, i), ==, naive->use[i]);
        g_assert_true(sinter_qcow2_refcount_map_is_unknown(map, i) == naive->unknown[i]);
        used += naive->refs[i] > 0;
        metadata += naive->use[i] == SINTER_QCOW2_USE_METADATA;
        if (naive->shared[i])
            g_assert_cmpuint(g_array_index(shared, guint64, n_shared++), ==, i);
    }
    g_assert_cmpuint(shared->len, ==, n_shared);
    sinter_qcow2_refcount_map_count_uses(map, &map_used, &map_metadata);
    g_assert_cmpuint(map_used, ==, used);
    g_assert_cmpuint(map_metadata, ==, metadata);
}

static void
test_random(gconstpointer data)
{
    const Variant *variant = data;
    g_autofree Naive *naive = g_new0(Naive, 1);
    g_autoptr(SinterQcow2RefcountMap) map = NULL;
    g_autoptr(GError) error = NULL;
    SinterQcow2Geometry geo;
    guint64 per_block;
    guint64 beyond = 0;
    guint64 first;

    sinter_qcow2_geometry_init(&geo, 3, 9, variant->order, 0);
    per_block = G_GUINT64_CONSTANT(1) << geo.refblock_bits;
    map = sinter_qcow2_refcount_map_new(&geo, N_CLUSTERS, variant->flat, variant->views, &error);
    g_assert_no_error(error);
    for (guint64 at = 0; at < N_CLUSTERS * 2; at += per_block) {
        if (g_test_rand_int_range(0, 4) == 0) {
            sinter_qcow2_refcount_map_set_unknown(map, at, at + per_block);
            for (guint64 i = at; i < MIN(at + per_block, N_CLUSTERS * 2); i++)
                naive->unknown[i] = TRUE;
        } else {
            load_block(map, naive, variant->order, at, per_block);
        }
    }
    random_references(map, naive, variant);
    compare_each(map, naive);
    compare(map, naive);
    for (guint64 i = N_CLUSTERS + 2; i < N_CLUSTERS * 2; i++)
        beyond += naive->stored[i] > 0;
    g_assert_cmpuint(sinter_qcow2_refcount_map_count_beyond(map, N_CLUSTERS + 2, &first), ==,
                     beyond);
}

/* Eight references or one: the shared mark follows what is said, not what is counted. */
static void
test_marks(void)
{
    SinterQcow2Geometry geo;
    g_autoptr(SinterQcow2RefcountMap) map = NULL;

    sinter_qcow2_geometry_init(&geo, 3, 16, 4, 0);
    map = sinter_qcow2_refcount_map_new(&geo, 100, TRUE, FALSE, NULL);
    sinter_qcow2_refcount_map_add(map, 5, 8, SINTER_QCOW2_USE_METADATA, 0);
    g_assert_false(sinter_qcow2_refcount_map_is_shared(map, 5));
    sinter_qcow2_refcount_map_mark_shared(map, 5);
    g_assert_true(sinter_qcow2_refcount_map_is_shared(map, 5));
    sinter_qcow2_refcount_map_clear_shared(map, 5);
    g_assert_false(sinter_qcow2_refcount_map_is_shared(map, 5));
    g_assert_cmpuint(sinter_qcow2_refcount_map_get_refs(map, 5), ==, 8);
    /* far beyond any array */
    sinter_qcow2_refcount_map_add(map, G_GUINT64_CONSTANT(1) << 53, 2, SINTER_QCOW2_USE_DATA, 0);
    g_assert_cmpuint(sinter_qcow2_refcount_map_get_refs(map, G_GUINT64_CONSTANT(1) << 53), ==, 2);
}

#define SPAN_BYTES 400

static void
test_spans(void)
{
    for (guint round = 0; round < 300; round++) {
        g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));
        g_autoptr(GArray) segments = NULL;
        guint claims[SPAN_BYTES] = { 0 };
        gboolean zero[SPAN_BYTES] = { FALSE };
        guint n = (guint)g_test_rand_int_range(0, 12);

        for (guint id = 0; id < n; id++) {
            guint64 start = (guint64)g_test_rand_int_range(0, SPAN_BYTES);
            guint64 end = (guint64)g_test_rand_int_range((gint)start, SPAN_BYTES) + 1;
            SinterQcow2Span span = { start, end, id };

            g_array_append_val(spans, span);
            for (guint64 i = start; i < end; i++) {
                claims[i]++;
                zero[i] = zero[i] || id == 0;
            }
        }
        segments = sinter_qcow2_spans_sweep(spans);
        for (guint i = 0; i < segments->len; i++) {
            SinterQcow2Segment one = g_array_index(segments, SinterQcow2Segment, i);
            gboolean covered = FALSE;

            for (guint k = 0; k < spans->len; k++) {
                SinterQcow2Span span = g_array_index(spans, SinterQcow2Span, k);

                covered = covered ||
                          (span.id == one.id && span.start <= one.start && span.end >= one.end);
            }
            g_assert_true(covered);
            for (guint64 at = one.start; at < one.end; at++) {
                g_assert_cmpuint(claims[at], ==, one.n_claims);
                g_assert_true(zero[at] == one.by_zero);
                claims[at] = 0; /* each byte once */
            }
        }
        for (guint i = 0; i < SPAN_BYTES; i++)
            g_assert_cmpuint(claims[i], ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint order = 0; order <= 6; order++) {
        for (guint form = 0; form < 4; form++) {
            Variant *variant = g_new(Variant, 1);
            g_autofree char *path =
                g_strdup_printf("/refcount-map/order%u/%s%s", order, form & 1 ? "flat" : "sparse",
                                form & 2 ? "/views" : "");

            *variant = (Variant){ order, (form & 1) != 0, (form & 2) != 0 };
            g_test_add_data_func_full(path, variant, test_random, g_free);
        }
    }
    g_test_add_func("/refcount-map/marks", test_marks);
    g_test_add_func("/spans/random", test_spans);
    return g_test_run();
}
