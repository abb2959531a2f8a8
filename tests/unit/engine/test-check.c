/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The check as its callers see it: what it promises about counts, places and owners, its options,
 * chains, and what becomes of it when storage fails. Which damage gives which finding is the
 * matter of the corpus in tests/images.
 */

#include "qcow2-build.h"
#include "io/sinter-fs-fault.h"
#include "sinter/check.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#include <string.h>

#define CLUSTER 65536

typedef struct {
    SinterFs *fs;
    Build build;
} Image;

/* Stored refcounts of the first @n clusters, one byte each. */
static void
image_count(Image *self, const guint8 *counts, guint n)
{
    for (guint i = 0; i < n; i++) {
        guint8 raw[2] = { 0, counts[i] };

        build_poke(&self->build, 2 * CLUSTER + (guint64)i * 2, raw, 2);
    }
}

/*
 * Clusters: 0 header, 1 refcount table, 2 refcount block, 3 L1, 4 data of guest 0, 5 L2, 6 data of
 * guest cluster 3, 7 compressed guest clusters 8 and 9. All counts are right.
 */
static void
image_begin(Image *self, const char *path)
{
    static const guint8 counts[] = { 1, 1, 1, 1, 1, 1, 1, 2 };
    SinterQcow2L2Entry l2 = { 0, 0 };

    build_begin(&self->build, self->fs, path, &(BuildOptions){ .virtual_size = 4 << 20 });
    build_poke64(&self->build, CLUSTER, 2 * CLUSTER);
    l2.entry = build_data(&self->build, 'A') | SINTER_QCOW2_COPIED;
    build_map(&self->build, 0, l2);
    l2.entry = build_data(&self->build, 'B') | SINTER_QCOW2_COPIED;
    build_map(&self->build, 3 * CLUSTER, l2);
    build_map(&self->build, 8 * CLUSTER, build_compressed(&self->build, 'C'));
    build_map(&self->build, 9 * CLUSTER, build_compressed(&self->build, 'D'));
    image_count(self, counts, G_N_ELEMENTS(counts));
}

static SinterCheckResult *
image_check(Image *self, const SinterCheckOptions *options)
{
    g_autoptr(GError) error = NULL;
    SinterCheckResult *result;

    sinter_io_lock(self->build.io, SINTER_IO_LOCK_NONE, NULL);
    result = sinter_image_check_io(self->build.io, "qcow2", options, &error);
    g_assert_no_error(error);
    return result;
}

static const SinterFinding *
find(const SinterCheckResult *result, SinterFindingCode code)
{
    for (guint i = 0; i < result->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(result->findings, SinterFinding, i);

        if (finding->code == code)
            return finding;
    }
    g_error("no finding '%s'", sinter_finding_code_name(code));
}

static void
set_up(Image *self, gconstpointer data)
{
    self->fs = sinter_fs_new_memory();
    image_begin(self, "/image");
}

static void
tear_down(Image *self, gconstpointer data)
{
    build_end(&self->build);
    sinter_fs_unref(self->fs);
}

static void
test_sound(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = image_check(self, NULL);

    g_assert_cmpuint(result->findings->len, ==, 0);
    g_assert_true(result->complete && result->leaks_are_safe && !result->trouble);
    g_assert_cmpstr(result->format, ==, "qcow2");
    g_assert_cmpuint(result->stats.allocated_clusters, ==, 4);
    g_assert_cmpuint(result->stats.compressed_clusters, ==, 2);
    g_assert_cmpuint(result->stats.total_clusters, ==, 64);
    g_assert_cmpuint(result->stats.image_end_offset, ==, 8 * CLUSTER);
    g_assert_cmpuint(result->stats.l2_tables, ==, 1);
    g_assert_cmpuint(result->stats.refcount_blocks, ==, 1);
    g_assert_cmpuint(result->stats.host_used, ==, 8);
    g_assert_cmpuint(result->stats.metadata_clusters, ==, 5);
    g_assert_cmpuint(result->stats.allocation, ==, SINTER_ALLOCATION_SPARSE);
}

/* Two guest clusters on one host cluster, whose refcount was made to fit: QEMU sees nothing. */
static void
test_owners(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = NULL;
    const SinterFinding *finding;
    SinterQcow2L2Entry l2 = { 4 * CLUSTER, 0 };

    build_map(&self->build, 0, l2);
    build_map(&self->build, 5 * CLUSTER, l2);
    build_poke(&self->build, 2 * CLUSTER + 4 * 2, "\0\2", 2);
    result = image_check(self, NULL);
    g_assert_cmpuint(result->counts.corruptions, ==, 1);
    g_assert_cmpuint(result->qemu_counts.corruptions, ==, 0);
    finding = find(result, SINTER_FINDING_CLUSTER_SHARED);
    g_assert_cmpuint(finding->host_offset, ==, 4 * CLUSTER);
    g_assert_cmpuint(finding->refcount, ==, 2);
    g_assert_cmpuint(finding->n_owners, ==, 2);
    g_assert_cmpuint(finding->owners[0].kind, ==, SINTER_OWNER_DATA);
    g_assert_cmpuint(finding->owners[0].where, ==, 0);
    g_assert_cmpuint(finding->owners[1].where, ==, 5 * CLUSTER);
    sinter_check_result_free(g_steal_pointer(&result));

    result = image_check(self, &(SinterCheckOptions){ .flags = SINTER_CHECK_NO_OWNERS });
    finding = find(result, SINTER_FINDING_CLUSTER_SHARED);
    g_assert_cmpuint(finding->n_owners, ==, 0);
}

static void
test_metadata_owners(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = NULL;
    const SinterFinding *finding;
    SinterQcow2L2Entry l2 = { CLUSTER | SINTER_QCOW2_COPIED, 0 };

    build_map(&self->build, 7 * CLUSTER, l2);
    result = image_check(self, NULL);
    finding = find(result, SINTER_FINDING_METADATA_OVERLAP);
    g_assert_cmpuint(finding->owners[0].kind, ==, SINTER_OWNER_REFCOUNT_TABLE);
    g_assert_cmpuint(finding->owners[1].kind, ==, SINTER_OWNER_DATA);
    g_assert_cmpuint(finding->guest_offset, ==, 7 * CLUSTER);
    g_assert_false(result->leaks_are_safe);
}

/* A table that a snapshot shares counts twice, and is named once. */
static void
test_snapshot_times(Image *self, gconstpointer data)
{
    static const guint8 counts[] = { 1, 1, 1, 1, 2, 2, 2, 4, 1, 1 };
    g_autoptr(SinterCheckResult) result = NULL;
    const SinterFinding *finding;

    build_snapshot(&self->build);
    image_count(self, counts, G_N_ELEMENTS(counts));
    /* neither table may be written in place now */
    build_poke64(&self->build, self->build.l1_offset, 5 * CLUSTER);
    build_map(&self->build, 0, (SinterQcow2L2Entry){ 4 * CLUSTER, 0 });
    build_map(&self->build, 3 * CLUSTER, (SinterQcow2L2Entry){ 6 * CLUSTER | 2, 0 });
    result = image_check(self, &(SinterCheckOptions){ .flags = SINTER_CHECK_SNAPSHOT_STATS });
    g_assert_cmpuint(result->findings->len, ==, 1);
    finding = find(result, SINTER_FINDING_L2_ENTRY_RESERVED_BITS);
    g_assert_cmpuint(finding->times, ==, 2);
    g_assert_cmpuint(result->counts.corruptions, ==, 2);
    g_assert_cmpuint(result->qemu_counts.corruptions, ==, 2);
    g_assert_cmpuint(result->stats.snapshots->len, ==, 1);
    g_assert_cmpuint(((SinterSnapshotStats *)result->stats.snapshots->pdata[0])->clusters, ==, 4);
    g_assert_cmpuint(((SinterSnapshotStats *)result->stats.snapshots->pdata[0])->shared_clusters,
                     ==, 4);
}

static void
test_caps(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = NULL;
    guint8 counts[300];

    build_take(&self->build, 290);
    memset(counts, 1, sizeof counts);
    counts[7] = 2;
    image_count(self, counts, 290 + 8);
    result = image_check(self, NULL);
    g_assert_cmpuint(result->counts.leaks, ==, 290);
    g_assert_cmpuint(result->per_code[SINTER_FINDING_CLUSTER_LEAKED], ==, 290);
    g_assert_cmpuint(result->findings->len, ==, SINTER_CHECK_MAX_PER_CODE);
    g_assert_true(result->leaks_are_safe);
    sinter_check_result_free(g_steal_pointer(&result));
    result = image_check(self, &(SinterCheckOptions){ .max_per_code = 3 });
    g_assert_cmpuint(result->counts.leaks, ==, 290);
    g_assert_cmpuint(result->findings->len, ==, 3);
}

static void
test_deep(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = NULL;
    const SinterFinding *finding;

    result = image_check(self, &(SinterCheckOptions){ .flags = SINTER_CHECK_DEEP });
    g_assert_cmpuint(result->findings->len, ==, 0);
    sinter_check_result_free(g_steal_pointer(&result));
    build_poke(&self->build, 7 * CLUSTER, "\xff\xff\xff\xff", 4);
    result = image_check(self, NULL);
    g_assert_cmpuint(result->findings->len, ==, 0);
    sinter_check_result_free(g_steal_pointer(&result));
    for (guint n_threads = 0; n_threads < 3; n_threads++) {
        result = image_check(
            self, &(SinterCheckOptions){ .flags = SINTER_CHECK_DEEP, .n_threads = n_threads });
        finding = find(result, SINTER_FINDING_COMPRESSED_UNDECODABLE);
        g_assert_cmpuint(finding->guest_offset, ==, 8 * CLUSTER);
        g_assert_cmpuint(finding->host_offset, ==, 7 * CLUSTER);
        g_assert_cmpuint(result->findings->len, ==, 1);
        sinter_check_result_free(g_steal_pointer(&result));
    }
}

static void
test_stopped(Image *self, gconstpointer data)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    SinterCheckOptions cancelled = { .cancellable = cancellable };
    SinterCheckOptions late = { .deadline_usec = g_get_monotonic_time() - 1 };
    SinterCheckOptions in_time = { .cancellable = cancellable,
                                   .deadline_usec = g_get_monotonic_time() + G_TIME_SPAN_HOUR };
    g_autoptr(GError) error = NULL;

    sinter_check_result_free(image_check(self, &in_time));
    g_assert_null(sinter_image_check_io(self->build.io, "qcow2", &late, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT);
    g_clear_error(&error);
    g_cancellable_cancel(cancellable);
    g_assert_null(sinter_image_check_io(self->build.io, "qcow2", &cancelled, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED);
    g_assert_true(g_str_has_prefix(error->message, "Could not check '/image': "));
}

static void
remember(double fraction, gpointer last)
{
    g_assert_cmpfloat(fraction, >=, *(double *)last);
    *(double *)last = fraction;
}

static void
test_progress(Image *self, gconstpointer data)
{
    double last = 0;
    g_autoptr(SinterProgress) progress = sinter_progress_new(remember, &last);

    sinter_check_result_free(image_check(self, &(SinterCheckOptions){ .progress = progress }));
    g_assert_true(last == 1.0);
}

static void
test_unknown(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) result = NULL;

    build_poke64(&self->build, SINTER_QCOW2_AT_INCOMPATIBLE, G_GUINT64_CONSTANT(1) << 40);
    build_poke64(&self->build, self->build.l1_offset, 1);
    result = image_check(self, NULL);
    g_assert_cmpuint(result->findings->len, ==, 1);
    g_assert_cmpuint(result->per_code[SINTER_FINDING_HEADER_UNKNOWN_FEATURES], ==, 1);
    g_assert_false(result->complete);
    g_assert_nonnull(strstr(result->trouble, "Unsupported qcow2 feature"));
    sinter_check_result_free(g_steal_pointer(&result));
    /* as far as the bytes allow */
    result = image_check(self, &(SinterCheckOptions){ .flags = SINTER_CHECK_KEEP_GOING });
    g_assert_cmpuint(result->per_code[SINTER_FINDING_L1_ENTRY_RESERVED_BITS], ==, 1);
}

static void
test_formats(Image *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_format_has_check("qcow2"));
    g_assert_false(sinter_format_has_check("raw"));
    g_assert_false(sinter_format_has_check("frob"));
    g_assert_null(sinter_image_check(self->fs, "/image", "raw", NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_null(sinter_image_check(self->fs, "/none", "qcow2", NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

/* --- the two forms of memory --- */

/*
 * The file is made to seem a thousand times as long as the space it takes: references then stand
 * in the sparse form. Everything else must come out the same.
 */
static void
test_sparse(Image *self, gconstpointer data)
{
    g_autoptr(SinterCheckResult) dense = NULL;
    g_autoptr(SinterCheckResult) sparse = NULL;
    g_autoptr(GError) error = NULL;
    SinterQcow2L2Entry l2 = { 4 * CLUSTER, 0 };

    build_map(&self->build, 5 * CLUSTER, l2);                      /* shared, and too low */
    build_poke(&self->build, 2 * CLUSTER + 6 * 2, "\0\0", 2);      /* used, and free */
    build_poke(&self->build, 2 * CLUSTER + 30 * 2, "\1\2\0\3", 4); /* leaked */
    build_take(&self->build, 40);
    dense = image_check(self, NULL);
    sinter_io_truncate(self->build.io, G_GUINT64_CONSTANT(1) << 50, &error);
    g_assert_no_error(error);
    sparse = image_check(self, NULL);
    g_assert_cmpuint(dense->findings->len, >, 5);
    g_assert_cmpmem(sparse->per_code, sizeof sparse->per_code, dense->per_code,
                    sizeof dense->per_code);
    g_assert_cmpuint(sparse->stats.image_end_offset, ==, dense->stats.image_end_offset);
    g_assert_cmpuint(sparse->stats.host_used, ==, dense->stats.host_used);
    g_assert_cmpuint(sparse->stats.metadata_clusters, ==, dense->stats.metadata_clusters);
    for (guint i = 0; i < dense->findings->len; i++) {
        g_autofree char *a =
            sinter_finding_get_text(&g_array_index(dense->findings, SinterFinding, i));
        g_autofree char *b =
            sinter_finding_get_text(&g_array_index(sparse->findings, SinterFinding, i));

        g_assert_cmpstr(a, ==, b);
    }
}

/* --- chains --- */

static void
make_overlay(SinterFs *fs, const char *path, const char *backing, const char *format)
{
    static const guint8 counts[] = { 1, 1, 1, 1 };
    Image image = { .fs = fs };

    build_begin(
        &image.build, fs, path,
        &(BuildOptions){ .backing = backing, .backing_format = format, .virtual_size = 4 << 20 });
    build_poke64(&image.build, CLUSTER, 2 * CLUSTER);
    image_count(&image, counts, G_N_ELEMENTS(counts));
    build_end(&image.build);
}

static void
test_chain(Image *self, gconstpointer data)
{
    g_autoptr(GPtrArray) results = NULL;
    g_autoptr(GError) error = NULL;
    const SinterCheckResult *base;

    make_overlay(self->fs, "/mid", "image", "qcow2");
    make_overlay(self->fs, "/top", "mid", "qcow2");
    build_poke(&self->build, 2 * CLUSTER + 20 * 2, "\0\1", 2);
    build_take(&self->build, 20);
    results = sinter_chain_check(self->fs, "/top", "qcow2", FALSE, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(results->len, ==, 3);
    base = g_ptr_array_index(results, 2);
    g_assert_cmpstr(base->path, ==, "/image");
    g_assert_cmpuint(base->counts.leaks, ==, 1);
    g_assert_cmpuint(((SinterCheckResult *)g_ptr_array_index(results, 0))->counts.leaks, ==, 0);
}

static void
test_chain_trouble(gconstpointer data)
{
    static const struct {
        const char *backing; /* of "/b", on which "/a" stands */
        const char *format;
        const char *code;
        guint n_members;
    } table[] = {
        { "a", "qcow2", "chain-loop", 2 },
        { "/b", "qcow2", "chain-loop", 2 },
        { "none", "qcow2", "chain-member-missing", 2 },
        { "nbd://host/x", "qcow2", "chain-member-missing", 2 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();
        g_autoptr(GPtrArray) results = NULL;
        g_autoptr(GError) error = NULL;
        const SinterCheckResult *last;

        make_overlay(fs, "/a", "b", "qcow2");
        make_overlay(fs, "/b", table[i].backing, table[i].format);
        results = sinter_chain_check(fs, "/a", "qcow2", FALSE, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(results->len, ==, table[i].n_members);
        last = g_ptr_array_index(results, results->len - 1);
        g_assert_cmpuint(last->per_code[sinter_finding_code_from_name(table[i].code)], ==, 1);
        find(last, sinter_finding_code_from_name(table[i].code));
    }
}

/* A format that nobody says is told by the content only where that was asked for. */
static void
test_chain_format(gconstpointer data)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GPtrArray) results = NULL;
    g_autoptr(GError) error = NULL;

    make_overlay(fs, "/a", "b", NULL);
    make_overlay(fs, "/b", NULL, NULL);
    g_assert_null(sinter_chain_check(fs, "/a", "qcow2", FALSE, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    results = sinter_chain_check(fs, "/a", "qcow2", TRUE, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(results->len, ==, 2);
    find(g_ptr_array_index(results, 0), SINTER_FINDING_BACKING_FORMAT_MISSING);
}

/* --- storage that fails --- */

static SinterCheckResult *
check_everything(SinterFs *fs, gboolean keep_going, GError **error)
{
    SinterCheckOptions options = { .flags = SINTER_CHECK_DEEP | SINTER_CHECK_SNAPSHOT_STATS |
                                            (keep_going ? SINTER_CHECK_KEEP_GOING : 0),
                                   .n_threads = 2 };

    return sinter_image_check(fs, "/image", "qcow2", &options, error);
}

/* A bitmap with a table and one cluster of data, and a cluster that two guests share. */
static void
make_rich(Image *self)
{
    guint64 directory = build_take(&self->build, 1);
    guint64 table = build_take(&self->build, 1);
    guint64 bits = build_take(&self->build, 1);
    SinterQcow2L2Entry l2 = { 4 * CLUSTER, 0 };

    build_poke64(&self->build, SINTER_QCOW2_AT_AUTOCLEAR, SINTER_QCOW2_AUTOCLEAR_BITMAPS);
    build_poke32(&self->build, 112, SINTER_QCOW2_EXT_BITMAPS);
    build_poke32(&self->build, 116, SINTER_QCOW2_EXT_BITMAPS_BYTES);
    build_poke32(&self->build, 120, 1);
    build_poke64(&self->build, 128, 32);
    build_poke64(&self->build, 136, directory);
    build_poke64(&self->build, directory, table);
    build_poke32(&self->build, directory + 8, 1);
    build_poke(&self->build, directory + 16, "\1\20\0\1\0\0\0\0m", 9);
    build_poke64(&self->build, table, bits);
    build_map(&self->build, 5 * CLUSTER, l2);
    build_snapshot(&self->build);
    sinter_io_lock(self->build.io, SINTER_IO_LOCK_NONE, NULL);
}

static void
test_faults(gconstpointer kind)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autoptr(SinterCheckResult) sound = NULL;
    g_autoptr(GError) error = NULL;
    Image image = { .fs = memory };
    const guint calls =
        SINTER_FAULT_READ | SINTER_FAULT_STAT | SINTER_FAULT_EXTENTS | SINTER_FAULT_OPEN;
    guint64 n_calls;

    image_begin(&image, "/image");
    make_rich(&image);
    sinter_fs_fault_arm(fs, calls, SINTER_FAULT_EIO, 0, FALSE);
    sound = check_everything(fs, FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sound->per_code[SINTER_FINDING_BITMAP_DIRECTORY_DAMAGED], ==, 0);
    n_calls = sinter_fs_fault_get_count(fs);
    g_assert_cmpuint(n_calls, >, 15);
    for (guint64 nth = 1; nth <= n_calls; nth++) {
        for (guint keep_going = 0; keep_going < 2; keep_going++) {
            g_autoptr(SinterCheckResult) result = NULL;

            sinter_fs_fault_arm(fs, calls, (SinterFaultKind)GPOINTER_TO_INT(kind), nth, FALSE);
            result = check_everything(fs, keep_going, &error);
            g_assert_true((result == NULL) == (error != NULL));
            if (error)
                g_assert_nonnull(strstr(error->message, "/image"));
            if (result && keep_going && result->per_code[SINTER_FINDING_READ_ERROR] > 0)
                g_assert_false(result->complete || result->leaks_are_safe);
            else if (result && GPOINTER_TO_INT(kind) == SINTER_FAULT_EIO)
                g_error("call %" G_GUINT64_FORMAT " failed, and nobody noticed", nth);
            else if (result) /* the second try gave it all */
                g_assert_cmpmem(result->per_code, sizeof result->per_code, sound->per_code,
                                sizeof sound->per_code);
            g_clear_error(&error);
        }
    }
    build_end(&image.build);
}

#define ADD(name, func) g_test_add(name, Image, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/check/sound", test_sound);
    ADD("/check/owners", test_owners);
    ADD("/check/metadata-owners", test_metadata_owners);
    ADD("/check/snapshot-times", test_snapshot_times);
    ADD("/check/caps", test_caps);
    ADD("/check/deep", test_deep);
    ADD("/check/stopped", test_stopped);
    ADD("/check/progress", test_progress);
    ADD("/check/unknown", test_unknown);
    ADD("/check/formats", test_formats);
    ADD("/check/sparse", test_sparse);
    ADD("/check/chain", test_chain);
    g_test_add_data_func("/check/chain-trouble", NULL, test_chain_trouble);
    g_test_add_data_func("/check/chain-format", NULL, test_chain_format);
    g_test_add_data_func("/check/faults/eio", GINT_TO_POINTER(SINTER_FAULT_EIO), test_faults);
    g_test_add_data_func("/check/faults/short", GINT_TO_POINTER(SINTER_FAULT_SHORT), test_faults);
    return g_test_run();
}
