/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "disk-fixture.h"
#include "io/sinter-io.h"

#include <string.h>

void
disk_make_raw(SinterFs *fs, const char *path, guint64 size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_CREATE, &error);

    g_assert_no_error(error);
    sinter_io_truncate(io, size, &error);
    g_assert_no_error(error);
}

void
disk_fill(SinterFs *fs, const char *path, guint64 at, guint8 byte, gsize n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_WRITE, &error);
    g_autofree guint8 *bytes = g_malloc(n);

    g_assert_no_error(error);
    memset(bytes, byte, n);
    sinter_io_write(io, at, bytes, n, &error);
    g_assert_no_error(error);
}

SinterChain *
disk_open(SinterFs *fs, const char *path)
{
    SinterChainOptions options = { .fs = fs, .flags = SINTER_CHAIN_PROBE };
    g_autoptr(GError) error = NULL;
    SinterChain *chain = sinter_chain_open(path, &options, &error);

    g_assert_no_error(error);
    return chain;
}

GBytes *
disk_content(SinterChain *chain)
{
    gsize size = (gsize)sinter_chain_get_virtual_size(chain);
    guint8 *bytes = g_malloc(size);
    g_autoptr(GError) error = NULL;

    sinter_chain_read(chain, 0, bytes, size, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(bytes, size);
}

GBytes *
disk_file(SinterFs *fs, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, &error);
    SinterIoStat st = { 0 };
    guint8 *bytes;

    g_assert_no_error(error);
    g_assert_true(sinter_io_stat(io, &st, NULL));
    bytes = g_malloc(st.size_bytes);
    g_assert_true(sinter_io_read(io, 0, bytes, st.size_bytes, NULL));
    return g_bytes_new_take(bytes, st.size_bytes);
}

guint
disk_count_hidden(SinterFs *fs)
{
    g_autoptr(GPtrArray) names = sinter_fs_list(fs, "any", NULL);
    guint n = 0;

    for (guint i = 0; i < names->len; i++)
        n += *(const char *)g_ptr_array_index(names, i) == '.';
    return n;
}
