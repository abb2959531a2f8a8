/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds small qcow2 images in memory. Every write must succeed: a failure is a failure of the
 * test.
 */

#include "qcow2-build.h"

#include <zlib.h>
#include <zstd.h>

void
build_poke(Build *self, guint64 at, const void *data, gsize len)
{
    g_autoptr(GError) error = NULL;

    sinter_io_write(self->io, at, data, len, &error);
    g_assert_no_error(error);
}

void
build_poke32(Build *self, guint64 at, guint32 value)
{
    guint8 raw[4];

    sinter_be32_store(raw, value);
    build_poke(self, at, raw, sizeof raw);
}

void
build_poke64(Build *self, guint64 at, guint64 value)
{
    guint8 raw[8];

    sinter_be64_store(raw, value);
    build_poke(self, at, raw, sizeof raw);
}

static guint64
build_peek64(Build *self, guint64 at)
{
    g_autoptr(GError) error = NULL;
    guint8 raw[8];

    sinter_io_read(self->io, at, raw, sizeof raw, &error);
    g_assert_no_error(error);
    return sinter_be64_load(raw);
}

guint64
build_take(Build *self, guint n_clusters)
{
    g_autoptr(GError) error = NULL;
    guint64 offset = self->end;

    self->end += (guint64)n_clusters << self->geo.cluster_bits;
    sinter_io_truncate(self->io, self->end, &error);
    g_assert_no_error(error);
    return offset;
}

static guint64
build_extension(Build *self, guint64 at, guint32 type, const char *text)
{
    gsize len = strlen(text);

    build_poke32(self, at, type);
    build_poke32(self, at + 4, (guint32)len);
    build_poke(self, at + 8, text, len);
    return at + 8 + (len + 7) / 8 * 8;
}

static void
build_header(Build *self, const BuildOptions *options)
{
    guint version = options->version ? options->version : 3;
    guint64 at = version == 2 ? SINTER_QCOW2_HEADER_V2_BYTES : SINTER_QCOW2_HEADER_V3_BYTES;

    build_poke32(self, SINTER_QCOW2_AT_MAGIC, SINTER_QCOW2_MAGIC);
    build_poke32(self, SINTER_QCOW2_AT_VERSION, version);
    build_poke32(self, SINTER_QCOW2_AT_CLUSTER_BITS, self->geo.cluster_bits);
    build_poke64(self, SINTER_QCOW2_AT_VIRTUAL_SIZE, options->virtual_size);
    build_poke32(self, SINTER_QCOW2_AT_CRYPT_METHOD, options->crypt_method);
    build_poke32(self, SINTER_QCOW2_AT_L1_ENTRIES, (guint32)self->l1_entries);
    build_poke64(self, SINTER_QCOW2_AT_L1_OFFSET, self->l1_offset);
    build_poke64(self, SINTER_QCOW2_AT_REFTABLE_OFFSET, self->geo.cluster_size);
    build_poke32(self, SINTER_QCOW2_AT_REFTABLE_CLUSTERS, 1);
    if (version > 2) {
        build_poke64(self, SINTER_QCOW2_AT_INCOMPATIBLE, options->incompatible);
        build_poke64(self, SINTER_QCOW2_AT_AUTOCLEAR, options->autoclear);
        build_poke32(self, SINTER_QCOW2_AT_REFCOUNT_ORDER, self->geo.refcount_order);
        build_poke32(self, SINTER_QCOW2_AT_HEADER_BYTES, (guint32)at);
        build_poke(self, SINTER_QCOW2_AT_COMPRESSION_TYPE, &options->compression, 1);
    }
    if (options->backing_format)
        at = build_extension(self, at, SINTER_QCOW2_EXT_BACKING_FORMAT, options->backing_format);
    if (options->data_file)
        at = build_extension(self, at, SINTER_QCOW2_EXT_DATA_FILE, options->data_file);
    if (!options->backing)
        return;
    at += 8; /* the end of the extensions */
    build_poke64(self, SINTER_QCOW2_AT_BACKING_OFFSET, at);
    build_poke32(self, SINTER_QCOW2_AT_BACKING_BYTES, (guint32)strlen(options->backing));
    build_poke(self, at, options->backing, strlen(options->backing));
}

void
build_begin(Build *self, SinterFs *fs, const char *path, const BuildOptions *options)
{
    g_autoptr(GError) error = NULL;
    BuildOptions full = *options;

    if (!full.virtual_size)
        full.virtual_size = 64 << 20;
    self->fs = fs;
    self->io = sinter_fs_open(fs, path, SINTER_IO_CREATE, &error);
    g_assert_no_error(error);
    sinter_qcow2_geometry_init(&self->geo, full.version ? full.version : 3,
                               full.cluster_bits ? full.cluster_bits : 16,
                               full.refcount_order ? full.refcount_order : 4, full.incompatible);
    self->end = 0;
    self->packed = self->packed_end = 0;
    self->compression = full.compression;
    self->virtual_size = full.virtual_size;
    self->l1_entries = sinter_qcow2_geometry_l1_entries(&self->geo, full.virtual_size);
    build_take(self, 3);
    self->l1_offset =
        build_take(self, (guint)sinter_qcow2_geometry_clusters(&self->geo, self->l1_entries * 8));
    build_header(self, &full);
}

void
build_end(Build *self)
{
    sinter_io_unref(self->io);
    self->io = NULL;
}

void
build_map(Build *self, guint64 guest, SinterQcow2L2Entry l2)
{
    guint64 cluster = guest >> self->geo.cluster_bits;
    guint64 l1_at = self->l1_offset + (cluster >> self->geo.l2_bits) * 8;
    guint64 table = build_peek64(self, l1_at) & SINTER_QCOW2_OFFSET_MASK;
    guint8 raw[16];

    if (!table) {
        table = build_take(self, 1);
        build_poke64(self, l1_at, table | SINTER_QCOW2_COPIED);
    }
    sinter_qcow2_l2_store(&self->geo, raw, 0, l2);
    build_poke(self, table + (cluster & (self->geo.l2_entries - 1)) * self->geo.l2_entry_bytes, raw,
               self->geo.l2_entry_bytes);
}

guint64
build_data(Build *self, guint8 byte)
{
    g_autofree guint8 *buf = g_malloc(self->geo.cluster_size);
    guint64 offset = build_take(self, 1);

    memset(buf, byte, self->geo.cluster_size);
    build_poke(self, offset, buf, self->geo.cluster_size);
    return offset;
}

static gsize
build_compress(Build *self, const guint8 *in, guint8 *out, gsize room)
{
    z_stream z = { .next_in = (guint8 *)in, .avail_in = self->geo.cluster_size };
    gsize n;

    if (self->compression == SINTER_QCOW2_COMPRESSION_ZSTD) {
        n = ZSTD_compress(out, room, in, self->geo.cluster_size, 3);
        g_assert_false(ZSTD_isError(n));
        return n;
    }
    z.next_out = out;
    z.avail_out = (uInt)room;
    g_assert_cmpint(deflateInit2(&z, 6, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    n = room - z.avail_out;
    deflateEnd(&z);
    return n;
}

SinterQcow2L2Entry
build_compressed(Build *self, guint8 byte)
{
    gsize size = self->geo.cluster_size;
    g_autofree guint8 *in = g_malloc(size);
    g_autofree guint8 *out = g_malloc(size + 64);
    SinterQcow2L2Entry l2 = { 0, 0 };
    gsize n;

    memset(in, byte, size);
    n = build_compress(self, in, out, size + 64);
    if (self->packed + n > self->packed_end) {
        self->packed = build_take(self, 1);
        self->packed_end = self->end;
    }
    build_poke(self, self->packed, out, n);
    l2.entry = sinter_qcow2_l2_compressed_entry(&self->geo, self->packed, n);
    self->packed += n;
    return l2;
}

void
build_snapshot(Build *self)
{
    g_autoptr(GError) error = NULL;
    gsize bytes = self->l1_entries * 8;
    g_autofree guint8 *l1 = g_malloc(bytes);
    guint64 copy = build_take(self, (guint)sinter_qcow2_geometry_clusters(&self->geo, bytes));
    guint64 table = build_take(self, 1);
    guint64 extra = table + SINTER_QCOW2_SNAPSHOT_BYTES;

    sinter_io_read(self->io, self->l1_offset, l1, bytes, &error);
    g_assert_no_error(error);
    build_poke(self, copy, l1, bytes);
    build_poke64(self, table + SINTER_QCOW2_SNAPSHOT_AT_L1_OFFSET, copy);
    build_poke32(self, table + SINTER_QCOW2_SNAPSHOT_AT_L1_ENTRIES, (guint32)self->l1_entries);
    build_poke(self, table + SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES, "\0\1\0\1", 4);
    build_poke32(self, table + SINTER_QCOW2_SNAPSHOT_AT_DATE_SEC, 1234567890);
    build_poke32(self, table + SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES, 16);
    build_poke64(self, extra + SINTER_QCOW2_SNAPSHOT_EXTRA_DISK_BYTES, self->virtual_size);
    build_poke(self, extra + 16, "1s", 2);
    build_poke32(self, SINTER_QCOW2_AT_N_SNAPSHOTS, 1);
    build_poke64(self, SINTER_QCOW2_AT_SNAPSHOTS_OFFSET, table);
}
