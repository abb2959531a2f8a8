/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Internal snapshots in images whose reference counts are too narrow for them: the counts get as
 * wide as is needed and no wider, at the same moment; where they cannot, nothing changes.
 */

#include "sinter/snapshot.h"
#include "crash/qcow2-judge.h"
#include "disk-fixture.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter-error.h"
#include "sinter/amend.h"
#include "sinter/create.h"

#include <string.h>

#define DISK_BYTES (200 * 1024)

static void
make_image(SinterFs *fs, const SinterCreateOptions *shape)
{
    SinterCreateOptions options = *shape;

    options.format = "qcow2";
    options.virtual_size = DISK_BYTES;
    g_assert_true(sinter_image_create(fs, "image", &options, NULL));
}

/* All of the disk is @byte. */
static void
fill(SinterFs *fs, guint8 byte)
{
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    g_autofree guint8 *buf = g_malloc(DISK_BYTES);

    memset(buf, byte, DISK_BYTES);
    g_assert_true(sinter_handle_write_at(handle, 0, buf, DISK_BYTES, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
make_snapshot(SinterFs *fs, const char *name)
{
    g_autoptr(GError) error = NULL;

    sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, name, 0, &error);
    g_assert_no_error(error);
}

static void
amend_width(SinterFs *fs, guint bits)
{
    const SinterAmendOptions options = { .refcount_bits = bits };
    g_autoptr(GError) error = NULL;

    sinter_image_amend(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &options, NULL, &error);
    g_assert_no_error(error);
}

static guint
width(SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    guint8 order[4];

    g_assert_true(sinter_io_read(io, SINTER_QCOW2_AT_REFCOUNT_ORDER, order, sizeof order, NULL));
    return 1U << sinter_be32_load(order);
}

/* The image is sound to the last cluster, and the disk or its snapshot is all @byte. */
static void
assert_shows(SinterFs *fs, const char *snapshot, guint8 byte)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = snapshot };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, NULL);
    g_autoptr(GBytes) content = disk_content(chain);
    const guint8 *data = g_bytes_get_data(content, NULL);

    g_assert_cmpuint(g_bytes_get_size(content), ==, DISK_BYTES);
    for (gsize i = 0; i < DISK_BYTES; i++)
        g_assert_cmpuint(data[i], ==, byte);
    qcow2_assert_sound(fs, "image", FALSE);
}

/* A count of n + 1 for n snapshots, each width used up before the next one. */
static void
test_create(gconstpointer data)
{
    static const guint expected[] = { 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8 };
    const SinterCreateOptions *shape = data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    make_image(fs, shape);
    fill(fs, 1);
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *name = g_strdup_printf("s%u", i);

        make_snapshot(fs, name);
        g_assert_cmpuint(width(fs), ==, expected[i]);
        assert_shows(fs, name, 1);
    }
    fill(fs, 2);
    assert_shows(fs, NULL, 2);
    assert_shows(fs, "s0", 1);
}

/* Nothing is shared: nothing gets wider. */
static void
test_create_empty(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    make_image(fs, &(const SinterCreateOptions){ .cluster_size = 4096, .refcount_bits = 1 });
    make_snapshot(fs, "one");
    g_assert_cmpuint(width(fs), ==, 1);
    assert_shows(fs, "one", 0);
}

/* Three snapshots share what the disk has no more, until it is made what they are. */
static void
test_apply(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;

    make_image(fs, &(const SinterCreateOptions){ .cluster_size = 512, .refcount_bits = 2 });
    fill(fs, 1);
    make_snapshot(fs, "one");
    make_snapshot(fs, "two");
    make_snapshot(fs, "three");
    fill(fs, 2);
    amend_width(fs, 2);
    sinter_snapshot_apply(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "two",
                          SINTER_SNAPSHOT_BY_NAME, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(width(fs), ==, 4);
    assert_shows(fs, NULL, 1);
    assert_shows(fs, "three", 1);
}

static guint64
load_offset(SinterIo *io, guint64 at)
{
    guint8 raw[8];

    g_assert_true(sinter_io_read(io, at, raw, sizeof raw, NULL));
    return sinter_be64_load(raw) & SINTER_QCOW2_OFFSET_MASK;
}

/* Counts the disk's first cluster as often as 16 bits can tell. */
static void
use_up(SinterFs *fs)
{
    static const guint8 most[] = { 0xff, 0xff };
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_WRITE, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    guint64 data = load_offset(io, load_offset(io, header->l1_offset));
    guint64 block = load_offset(io, header->reftable_offset);

    g_assert_true(sinter_io_write(io, block + (data >> header->cluster_bits) * 2, most, 2, NULL));
}

static void
test_beyond_16_bits(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    make_image(fs, &(const SinterCreateOptions){ .cluster_size = 4096 });
    fill(fs, 1);
    use_up(fs);
    make_snapshot(fs, "one");
    g_assert_cmpuint(width(fs), ==, 32);
}

/* Version 2 has 16 bits. */
static void
test_version_2(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;
    g_autoptr(GError) error = NULL;

    make_image(fs, &(const SinterCreateOptions){ .cluster_size = 4096, .version = 2 });
    fill(fs, 1);
    use_up(fs);
    before = disk_file(fs, "image");
    g_assert_false(
        sinter_snapshot_create(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, "one", 0, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "65535 references"));
    g_assert_nonnull(strstr(error->message, "amend -o compat=1.1"));
    after = disk_file(fs, "image");
    g_assert_true(g_bytes_equal(before, after));
}

int
main(int argc, char **argv)
{
    static const SinterCreateOptions small = { .cluster_size = 512, .refcount_bits = 1 };
    static const SinterCreateOptions large = { .refcount_bits = 1 };
    static const SinterCreateOptions subclusters = { .cluster_size = 16384,
                                                     .refcount_bits = 1,
                                                     .extended_l2 = TRUE };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/snapshot/widens/512", &small, test_create);
    g_test_add_data_func("/snapshot/widens/64k", &large, test_create);
    g_test_add_data_func("/snapshot/widens/subclusters", &subclusters, test_create);
    g_test_add_func("/snapshot/widens/not-where-nothing-is-shared", test_create_empty);
    g_test_add_func("/snapshot/widens/on-apply", test_apply);
    g_test_add_func("/snapshot/widens/beyond-16-bits", test_beyond_16_bits);
    g_test_add_func("/snapshot/version-2-cannot-widen", test_version_2);
    return g_test_run();
}
