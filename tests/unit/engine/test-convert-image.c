/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Copying disks into qcow2 images: the copy is sound and shows what the source does, whatever kind
 * it is; a failure at any single call leaves what stood there before, and nothing beside it.
 */

#include "crash/qcow2-judge.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "io/sinter-fs-record.h"
#include "sinter-error.h"
#include "sinter/bitmap.h"
#include "sinter/convert.h"
#include "sinter/handle.h"

#include <string.h>

#define CLUSTER 4096
#define BASE_BYTES (40 * CLUSTER)
#define DISK_BYTES (48 * CLUSTER + 1536)

typedef struct {
    const char *name;
    SinterCreateOptions image;
    SinterConvertFlags flags;
    gboolean was_there; /* an older image, with its data file where this one has one */
} Kind;

#define QCOW2(...)                                                                                 \
    {                                                                                              \
        .format = "qcow2", __VA_ARGS__                                                             \
    }

static const Kind kinds[] = {
    { "plain", QCOW2(.cluster_size = CLUSTER), 0, FALSE },
    { "replacing", QCOW2(.cluster_size = 512), 0, TRUE },
    { "version-2", QCOW2(.version = 2), 0, FALSE },
    { "subclusters", QCOW2(.extended_l2 = TRUE), 0, FALSE },
    { "compressed", QCOW2(.cluster_size = CLUSTER), SINTER_CONVERT_COMPRESS, FALSE },
    { "zstd", QCOW2(.cluster_size = 65536, .compression = "zstd"), SINTER_CONVERT_COMPRESS, TRUE },
    { "full", QCOW2(.cluster_size = CLUSTER), SINTER_CONVERT_FULL, FALSE },
    { "preallocated", QCOW2(.preallocation = SINTER_PREALLOCATION_METADATA), 0, FALSE },
    { "offload", QCOW2(.cluster_size = CLUSTER), SINTER_CONVERT_OFFLOAD, FALSE },
    { "overlay", QCOW2(.backing_name = "base", .backing_format = "raw", .cluster_size = 8192),
      SINTER_CONVERT_TOP_LAYER, FALSE },
    { "bitmaps", QCOW2(.cluster_size = CLUSTER), SINTER_CONVERT_BITMAPS, FALSE },
    { "data-file", QCOW2(.cluster_size = CLUSTER, .data_file_name = "data"), 0, FALSE },
    { "data-file-replacing",
      QCOW2(.cluster_size = CLUSTER, .data_file_name = "data", .data_file_raw = TRUE), 0, TRUE },
};

static void
write_at(SinterHandle *handle, guint64 offset, guint8 byte, gsize n)
{
    g_autofree guint8 *buf = g_malloc(n);

    memset(buf, byte, n);
    g_assert_true(sinter_handle_write_at(handle, offset, buf, n, NULL));
}

/* "top" over raw "base", which ends before it; data, zeros that hide the base, written zeros */
static void
make_sources(SinterFs *fs)
{
    const SinterCreateOptions top = { .format = "qcow2",
                                      .cluster_size = CLUSTER,
                                      .virtual_size = DISK_BYTES,
                                      .backing_name = "base",
                                      .backing_format = "raw" };
    const SinterBitmapAction add = { .kind = SINTER_BITMAP_ADD, .granularity = CLUSTER };
    const SinterBitmapChange change = {
        .format = "qcow2", .name = "marks", .actions = &add, .n_actions = 1
    };
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;
    gsize n_done;

    disk_make_raw(fs, "base", BASE_BYTES);
    disk_fill(fs, "base", 0, 1, 10 * CLUSTER);
    disk_fill(fs, "base", 30 * CLUSTER + 100, 2, 7000);
    g_assert_true(sinter_image_create(fs, "top", &top, NULL));
    sinter_bitmap_change(fs, "top", &change, &n_done, &error);
    g_assert_no_error(error);
    handle = sinter_handle_open(fs, "top", "qcow2", SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    write_at(handle, 3 * CLUSTER, 3, 2 * CLUSTER + 300);
    g_assert_true(sinter_handle_zero_at(handle, 7 * CLUSTER, CLUSTER, NULL));
    write_at(handle, 20 * CLUSTER, 0, 3 * CLUSTER);
    write_at(handle, DISK_BYTES - 600, 5, 600);
    g_assert_true(sinter_handle_close(handle, NULL));
}

/* What the target is to replace: a disk of another size, full of nines. */
static void
make_former(SinterFs *fs, const Kind *kind)
{
    SinterCreateOptions former = { .format = "qcow2",
                                   .virtual_size = 20 * CLUSTER,
                                   .data_file_name = kind->image.data_file_name };
    SinterHandle *handle;

    if (!kind->was_there)
        return;
    g_assert_true(sinter_image_create(fs, "copy", &former, NULL));
    handle = sinter_handle_open(fs, "copy", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    write_at(handle, 0, 9, 20 * CLUSTER);
    g_assert_true(sinter_handle_close(handle, NULL));
}

static gboolean
convert(SinterFs *fs, const Kind *kind, GError **error)
{
    const SinterConvertOptions options = { .fs = fs, .flags = kind->flags, .n_threads = 2 };
    const SinterChainOptions how = { .fs = fs, .format = "qcow2" };
    g_autoptr(SinterChain) chain = sinter_chain_open("top", &how, error);

    return chain && sinter_convert_to_image(&chain, 1, "copy", &kind->image, &options, error);
}

static gboolean
exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

static GBytes *
content_of(SinterFs *fs, const char *path)
{
    g_autoptr(SinterChain) chain = disk_open(fs, path);

    return disk_content(chain);
}

static void
assert_copy(SinterFs *fs)
{
    g_autoptr(GBytes) expected = content_of(fs, "top");
    g_autoptr(GBytes) found = content_of(fs, "copy");

    qcow2_assert_sound(fs, "copy", FALSE);
    g_assert_true(g_bytes_equal(expected, found));
}

/* Whether the disk "copy" is full of nines. */
static gboolean
is_former(SinterFs *fs)
{
    g_autoptr(GBytes) content = content_of(fs, "copy");
    const guint8 *data = g_bytes_get_data(content, NULL);
    gsize n = g_bytes_get_size(content);

    return n == 20 * CLUSTER && data[0] == 9 && memcmp(data, data + 1, n - 1) == 0;
}

static void
assert_bitmaps(SinterFs *fs, const Kind *kind)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "copy", SINTER_IO_READ, NULL);
    g_autoptr(GPtrArray) bitmaps = sinter_image_list_bitmaps(io, "qcow2", NULL);

    g_assert_cmpuint(bitmaps->len, ==, kind->flags & SINTER_CONVERT_BITMAPS ? 1 : 0);
}

static void
test_kind(gconstpointer data)
{
    const Kind *kind = data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;

    make_sources(fs);
    make_former(fs, kind);
    convert(fs, kind, &error);
    g_assert_no_error(error);
    assert_copy(fs);
    assert_bitmaps(fs, kind);
    /* and over itself */
    convert(fs, kind, &error);
    g_assert_no_error(error);
    assert_copy(fs);
}

/* What may be there after a failure: nothing, what was there before, or all of the copy. */
static void
check_after_failure(SinterFs *fs, const Kind *kind)
{
    if (!exists(fs, "copy"))
        g_assert_true(!kind->was_there || kind->image.data_file_name);
    else if (!kind->was_there || !is_former(fs))
        assert_copy(fs);
}

static void
test_faults(gconstpointer data)
{
    const Kind *kind = data;
    guint n_failures = 0;

    for (guint64 nth = 1;; nth++) {
        g_autoptr(SinterFs) files = sinter_fs_new_memory();
        g_autoptr(SinterFs) record = sinter_fs_record_new(files);
        g_autoptr(SinterFs) fs = sinter_fs_fault_new(record);
        g_autoptr(GError) error = NULL;

        make_sources(files);
        make_former(files, kind);
        sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, nth, FALSE);
        if (convert(fs, kind, &error)) {
            assert_copy(files);
            if (sinter_fs_fault_get_count(fs) < nth)
                break;
            continue;
        }
        n_failures++;
        g_assert_nonnull(error);
        check_after_failure(files, kind);
        g_assert_cmpuint(disk_count_hidden(files), ==, 0);
    }
    g_test_message("%u calls failed", n_failures);
    g_assert_cmpuint(n_failures, >, 20);
}

static const Kind existing = { "existing", { .format = "qcow2" }, SINTER_CONVERT_EXISTING, TRUE };

/* Into an image that is there: what it held is gone, what is behind stays. */
static void
test_existing(void)
{
    const SinterCreateOptions larger = { .format = "qcow2", .virtual_size = DISK_BYTES + 8192 };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GBytes) expected = NULL;
    g_autoptr(GBytes) found = NULL;
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;

    make_sources(fs);
    g_assert_true(sinter_image_create(fs, "copy", &larger, NULL));
    handle = sinter_handle_open(fs, "copy", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    write_at(handle, 0, 9, DISK_BYTES + 8192);
    g_assert_true(sinter_handle_close(handle, NULL));
    convert(fs, &existing, &error);
    g_assert_no_error(error);
    qcow2_assert_sound(fs, "copy", FALSE);
    expected = content_of(fs, "top");
    found = content_of(fs, "copy");
    g_assert_cmpmem(g_bytes_get_data(found, NULL), DISK_BYTES, g_bytes_get_data(expected, NULL),
                    DISK_BYTES);
    g_assert_cmpuint(((const guint8 *)g_bytes_get_data(found, NULL))[DISK_BYTES], ==, 9);
}

static void
assert_refused(SinterFs *fs, const Kind *kind, SinterError code, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(convert(fs, kind, &error));
    g_assert_error(error, SINTER_ERROR, (gint)code);
    g_assert_nonnull(strstr(error->message, text));
}

static void
test_refused(void)
{
    static const Kind small = { "small", { .format = "qcow2" }, SINTER_CONVERT_EXISTING, TRUE };
    static const Kind compressed_data = {
        "", { .format = "qcow2", .data_file_name = "data" }, SINTER_CONVERT_COMPRESS, FALSE
    };
    static const Kind onto_source = {
        "", { .format = "qcow2", .data_file_name = "base" }, 0, FALSE
    };
    static const Kind no_backing = {
        "", { .format = "qcow2", .backing_name = "nowhere", .backing_format = "raw" }, 0, FALSE
    };
    static const Kind data_is_image = {
        "", { .format = "qcow2", .data_file_name = "copy" }, 0, FALSE
    };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    make_sources(fs);
    assert_refused(fs, &compressed_data, SINTER_ERROR_UNSUPPORTED, "data file");
    assert_refused(fs, &onto_source, SINTER_ERROR_LOCKED, "one of the files to read");
    assert_refused(fs, &no_backing, SINTER_ERROR_NOT_FOUND, "Could not open backing file");
    assert_refused(fs, &data_is_image, SINTER_ERROR_INVALID_ARGUMENT, "its own data file");
    g_assert_false(exists(fs, "copy"));
    g_assert_false(exists(fs, "data"));
    make_former(fs, &small);
    assert_refused(fs, &small, SINTER_ERROR_NO_SPACE, "output file is smaller");
    g_assert_true(is_former(fs));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *kind = g_strdup_printf("/convert-image/%s/content", kinds[i].name);
        g_autofree char *faults = g_strdup_printf("/convert-image/%s/faults", kinds[i].name);

        g_test_add_data_func(kind, &kinds[i], test_kind);
        g_test_add_data_func(faults, &kinds[i], test_faults);
    }
    g_test_add_func("/convert-image/existing", test_existing);
    g_test_add_func("/convert-image/refused", test_refused);
    return g_test_run();
}
