/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that an operation makes anew: disks copied over older copies, an image made. */

#include "crash-operation.h"
#include "io/sinter-fs-fault.h"
#include "sinter/convert.h"
#include "sinter/create.h"
#include "sinter/handle.h"

#include <string.h>

#define DISK_BYTES (96 * 1024)

static void
write_at(SinterHandle *handle, guint64 offset, guint8 byte, gsize n)
{
    g_autofree guint8 *buf = g_malloc(n);

    memset(buf, byte, n);
    g_assert_true(sinter_handle_write_at(handle, offset, buf, n, NULL));
}

/* "image", a disk with data and holes, and "copy", an older one of another size */
static void
prepare(SinterFs *fs)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 4096,
                                        .virtual_size = DISK_BYTES };
    const SinterCreateOptions copy = { .format = "raw", .virtual_size = 3000 };
    SinterHandle *handle;

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    for (guint i = 0; i < 12; i++)
        write_at(handle, i * 8192, (guint8)(i + 1), i % 2 ? 3000 : 5000);
    g_assert_true(sinter_handle_close(handle, NULL));
    g_assert_true(sinter_image_create(fs, "copy", &copy, NULL));
}

static const SinterCreateOptions raw = { .format = "raw" };

static gboolean
read_out(SinterFs *fs, gboolean again, GError **error)
{
    SinterChainOptions source = { .fs = fs, .format = "qcow2" };
    SinterConvertOptions options = { .fs = fs, .n_threads = 1 };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &source, error);

    return chain && sinter_convert_to_image(&chain, 1, "copy", &raw, &options, error);
}

/* Over "copy", which is a raw file yet. */
static gboolean
convert(SinterFs *fs, const SinterCreateOptions *image, SinterConvertFlags flags, GError **error)
{
    SinterChainOptions source = { .fs = fs, .format = "qcow2" };
    SinterConvertOptions options = { .fs = fs, .n_threads = 1, .flags = flags };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &source, error);

    return chain && sinter_convert_to_image(&chain, 1, "copy", image, &options, error);
}

static gboolean
to_qcow2(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCreateOptions image = { .format = "qcow2", .cluster_size = 4096 };

    return convert(fs, &image, SINTER_CONVERT_DEFAULT, error);
}

/* Where there are no files without a name. */
static gboolean
to_qcow2_named(SinterFs *fs, gboolean again, GError **error)
{
    g_autoptr(SinterFs) named = sinter_fs_fault_new(fs);

    sinter_fs_fault_arm(named, SINTER_FAULT_OPEN_UNNAMED, SINTER_FAULT_EIO, 1, TRUE);
    return to_qcow2(named, again, error);
}

static gboolean
to_compressed(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCreateOptions image = { .format = "qcow2", .cluster_size = 8192 };

    return convert(fs, &image, SINTER_CONVERT_COMPRESS, error);
}

static gboolean
to_data_file(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = 4096,
                                        .data_file_name = "data" };

    return convert(fs, &image, SINTER_CONVERT_DEFAULT, error);
}

/* "copy" with "data", of older content */
static void
prepare_data_file(SinterFs *fs)
{
    const SinterCreateOptions copy = { .format = "qcow2",
                                       .cluster_size = 4096,
                                       .virtual_size = DISK_BYTES,
                                       .data_file_name = "data" };
    SinterHandle *handle;

    prepare(fs);
    g_assert_true(sinter_image_create(fs, "copy", &copy, NULL));
    handle = sinter_handle_open(fs, "copy", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    write_at(handle, 1000, 77, 60000);
    g_assert_true(sinter_handle_close(handle, NULL));
}

static gboolean
create(SinterFs *fs, gboolean again, GError **error)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = 4096,
                                          .virtual_size = 64 * 4096,
                                          .preallocation = SINTER_PREALLOCATION_METADATA,
                                          .backing_name = NULL };

    return sinter_image_create(fs, "new", &options, error);
}

static const CrashOperation operations[] = {
    { .name = "reading out",
      .prepare = prepare,
      .run = read_out,
      .files = { "image", "copy" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "copy", "raw", NULL, CRASH_VIEW_CHANGES, FALSE } } },
    { .name = "convert",
      .prepare = prepare,
      .run = to_qcow2,
      .files = { "image", "copy" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "copy", NULL, NULL, CRASH_VIEW_CHANGES, FALSE } } },
    { .name = "convert under a hidden name",
      .prepare = prepare,
      .run = to_qcow2_named,
      .files = { "image", "copy" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "copy", NULL, NULL, CRASH_VIEW_CHANGES, FALSE } } },
    { .name = "convert-c",
      .prepare = prepare,
      .run = to_compressed,
      .files = { "image", "copy" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "copy", NULL, NULL, CRASH_VIEW_CHANGES, FALSE } } },
    { .name = "convert with data file",
      .prepare = prepare_data_file,
      .run = to_data_file,
      .files = { "image", "copy", "data" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "copy", "qcow2", NULL, CRASH_VIEW_CHANGES, TRUE } },
      /* the data file may take its name before it is whole, for no image names it then; and the
       * image may be whole before that */
      .n_idle_swaps = 2 },
    { .name = "create",
      .prepare = prepare,
      .run = create,
      .files = { "image", "copy" },
      .views = { { "image", "qcow2", NULL, CRASH_VIEW_KEPT, FALSE },
                 { "new", "qcow2", NULL, CRASH_VIEW_OUTPUT, FALSE } } },
};

int
main(int argc, char **argv)
{
    return crash_operation_main(argc, argv, operations, G_N_ELEMENTS(operations));
}
