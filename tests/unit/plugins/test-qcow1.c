/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qcow version 1 through the engine's public interface: a small image in memory, whole, and with
 * one field bent at a time. What an image claims is an error that says what is wrong, and never
 * more memory or time than its file is worth.
 */

#include "sinter-error.h"
#include "sinter-plugin-registry.h"

#include <sinter/chain.h>
#include <sinter/format.h>
#include <string.h>
#include <zlib.h>

#define PATH "/dir/image"
#define CLUSTER 512U
#define L2_ENTRIES 64U
#define SIZE (100U * 1024)
#define L1_AT 48U
#define L2_AT 512U
#define DATA_AT 1024U   /* clusters 0, 1; cluster 2 is at 3072 */
#define STREAM_AT 2049U /* of clusters 5 and 6, not aligned */
#define FILE_BYTES 4096U
#define NAME_AT 200U

#define COMPRESSED (G_GUINT64_CONSTANT(1) << 63)

typedef struct {
    guint8 bytes[FILE_BYTES];
    gsize stream_bytes; /* of the one at STREAM_AT */
} Image;

static void
poke(Image *image, gsize at, guint n, guint64 value)
{
    for (guint i = 0; i < n; i++)
        image->bytes[at + i] = (guint8)(value >> (8 * (n - 1 - i)));
}

static void
set_l2(Image *image, guint index, guint64 entry)
{
    poke(image, L2_AT + index * 8, 8, entry);
}

static guint64
compressed_entry(guint64 at, guint64 bytes)
{
    return COMPRESSED | bytes << (63 - 9) | at;
}

/* 'c' repeated, as one raw deflate stream. */
static void
add_stream(Image *image)
{
    guint8 plain[CLUSTER];
    z_stream stream = { 0 };

    memset(plain, 'c', sizeof plain);
    g_assert_cmpint(deflateInit2(&stream, 9, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), ==, Z_OK);
    stream.next_in = plain;
    stream.avail_in = sizeof plain;
    stream.next_out = image->bytes + STREAM_AT;
    stream.avail_out = 500;
    g_assert_cmpint(deflate(&stream, Z_FINISH), ==, Z_STREAM_END);
    image->stream_bytes = stream.total_out;
    deflateEnd(&stream);
}

/* Three clusters of data, two that follow on each other; a hole; two compressed ones; holes. */
static void
build(Image *image)
{
    memset(image, 0, sizeof *image);
    poke(image, 0, 4, 0x514649fb);
    poke(image, 4, 4, 1);
    poke(image, 24, 8, SIZE);
    poke(image, 32, 1, 9);
    poke(image, 33, 1, 6);
    poke(image, 40, 8, L1_AT);
    poke(image, L1_AT, 8, L2_AT);
    set_l2(image, 0, DATA_AT);
    set_l2(image, 1, DATA_AT + CLUSTER);
    set_l2(image, 2, 3072);
    add_stream(image);
    set_l2(image, 5, compressed_entry(STREAM_AT, image->stream_bytes));
    set_l2(image, 6, compressed_entry(STREAM_AT, image->stream_bytes));
    memset(image->bytes + DATA_AT, 'a', CLUSTER * 2);
    memset(image->bytes + 3072, 'b', CLUSTER);
}

/* (transfer full): a set of files with the first @len bytes of @image in it */
static SinterFs *
store(const Image *image, gsize len)
{
    SinterFs *fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = sinter_fs_open(fs, PATH, SINTER_IO_CREATE, NULL);

    g_assert_nonnull(io);
    g_assert_true(sinter_io_write(io, 0, image->bytes, len, NULL));
    return fs;
}

static SinterChain *
open_image(SinterFs *fs, GError **error)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow" };

    return sinter_chain_open(PATH, &options, error);
}

static void
test_info(void)
{
    Image image;
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;

    build(&image);
    poke(&image, 8, 8, NAME_AT);
    poke(&image, 16, 4, 8);
    memcpy(image.bytes + NAME_AT, "base.img", 8);
    fs = store(&image, FILE_BYTES);
    info = sinter_image_info_new(fs, PATH, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(info->format, ==, "qcow");
    g_assert_cmpstr(info->trouble, ==, NULL);
    g_assert_cmpstr(info->backing_name, ==, "base.img");
    g_assert_cmpstr(info->backing_format, ==, NULL);
    g_assert_cmpstr(info->backing_path, ==, "/dir/base.img");
    g_assert_cmpuint(info->virtual_size, ==, SIZE);
    g_assert_cmpuint(info->cluster_size, ==, CLUSTER);
    g_assert_cmpuint(info->version, ==, 1);
    g_assert_false(info->encrypted);
}

/* The disk ends with a whole sector, as in QEMU. */
static void
test_odd_size(void)
{
    Image image;
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;

    build(&image);
    poke(&image, 24, 8, SIZE + 511);
    fs = store(&image, FILE_BYTES);
    chain = open_image(fs, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sinter_chain_get_virtual_size(chain), ==, SIZE);
}

static gboolean
add_extent(const SinterExtent *extent, gpointer user_data)
{
    g_array_append_val((GArray *)user_data, *extent);
    return TRUE;
}

static void
test_map(void)
{
    static const SinterExtent expected[] = {
        { 0, 1024, DATA_AT, SINTER_EXTENT_DATA, SINTER_EXTENT_HAS_HOST, 0 },
        { 1024, 512, 3072, SINTER_EXTENT_DATA, SINTER_EXTENT_HAS_HOST, 0 },
        { 1536, 1024, 0, SINTER_EXTENT_HOLE, 0, 0 },
        { 2560, 1024, 0, SINTER_EXTENT_COMPRESSED, 0, 0 },
        { 3584, SIZE - 3584, 0, SINTER_EXTENT_HOLE, 0, 0 },
    };
    Image image;
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(SinterExtent));
    g_autoptr(GError) error = NULL;

    build(&image);
    fs = store(&image, FILE_BYTES);
    chain = open_image(fs, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_map(chain, 0, SIZE, SINTER_MAP_DEFAULT, add_extent, found, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(found->data, found->len * sizeof(SinterExtent), expected, sizeof expected);
}

static void
fill_expected(guint8 *disk)
{
    memset(disk, 0, SIZE);
    memset(disk, 'a', CLUSTER * 2);
    memset(disk + CLUSTER * 2, 'b', CLUSTER);
    memset(disk + CLUSTER * 5, 'c', CLUSTER * 2);
}

/* Ranges of every alignment: each part of the disk reads as it does as a whole. */
static void
test_read(void)
{
    static guint8 expected[SIZE];
    static guint8 got[SIZE];
    Image image;
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;

    build(&image);
    fill_expected(expected);
    fs = store(&image, FILE_BYTES);
    chain = open_image(fs, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_read(chain, 0, got, SIZE, &error));
    g_assert_cmpmem(got, SIZE, expected, SIZE);
    for (guint offset = 0; offset < 4096; offset += 97) {
        for (guint len = 1; len < 2000; len += 331) {
            g_assert_true(sinter_chain_read(chain, offset, got, len, &error));
            g_assert_cmpmem(got, len, expected + offset, len);
        }
    }
}

/* Metadata of an encrypted image is told; its content is refused, and never given out raw. */
static void
test_encrypted(void)
{
    Image image;
    guint8 buf[CLUSTER];
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(SinterExtent));
    g_autoptr(GError) error = NULL;

    build(&image);
    poke(&image, 36, 4, 1);
    fs = store(&image, FILE_BYTES);
    chain = open_image(fs, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_get_info(chain, 0)->encrypted);
    g_assert_cmpstr(sinter_chain_get_info(chain, 0)->encryption, ==, "aes");
    g_assert_true(sinter_chain_map(chain, 0, 1024, SINTER_MAP_DEFAULT, add_extent, found, &error));
    g_assert_cmpuint(g_array_index(found, SinterExtent, 0).flags, ==,
                     SINTER_EXTENT_HAS_HOST | SINTER_EXTENT_ENCRYPTED);
    for (guint offset = 0; offset < 4096; offset += 2560) {
        g_assert_false(sinter_chain_read(chain, offset, buf, sizeof buf, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
        g_clear_error(&error);
    }
}

static void
test_no_snapshots(void)
{
    Image image;
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GError) error = NULL;
    SinterChainOptions options = { .format = "qcow", .snapshot = "x" };

    build(&image);
    fs = store(&image, FILE_BYTES);
    options.fs = fs;
    g_assert_null(sinter_chain_open(PATH, &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    io = sinter_fs_open(fs, PATH, SINTER_IO_READ, NULL);
    list = sinter_image_list_snapshots(io, "qcow", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(list->len, ==, 0);
}

/* --- headers that lie --- */

typedef struct {
    gsize at;
    guint bytes;
    guint64 value;
    const char *why;
} HeaderRow;

static const HeaderRow header_rows[] = {
    { 24, 8, 0, "too small" },
    { 24, 8, 1, "too small" },
    { 24, 8, G_MAXUINT64, "too large" },
    { 24, 8, G_MAXUINT64 - 32768, "too large" },
    { 24, 8, G_MAXINT64, "too large" },
    /* an L1 table of 2 GiB is refused, and one that is not in the file, before memory is asked for
     */
    { 24, 8, G_GUINT64_CONSTANT(1) << 43, "too large" },
    { 24, 8, G_GUINT64_CONSTANT(1) << 42, "beyond the end of the file" },
    { 32, 1, 0, "Cluster size must be between 512 and 64k" },
    { 32, 1, 8, "Cluster size must be between 512 and 64k" },
    { 32, 1, 17, "Cluster size must be between 512 and 64k" },
    { 32, 1, 63, "Cluster size must be between 512 and 64k" },
    { 32, 1, 255, "Cluster size must be between 512 and 64k" },
    { 33, 1, 0, "L2 table size must be between 512 and 64k" },
    { 33, 1, 5, "L2 table size must be between 512 and 64k" },
    { 33, 1, 14, "L2 table size must be between 512 and 64k" },
    { 33, 1, 255, "L2 table size must be between 512 and 64k" },
    { 36, 4, 2, "invalid encryption method" },
    { 36, 4, G_MAXUINT32, "invalid encryption method" },
    { 40, 8, FILE_BYTES, "beyond the end of the file" },
    { 40, 8, FILE_BYTES - 8, "beyond the end of the file" },
    { 40, 8, G_MAXUINT64, "beyond the end of the file" },
    { 40, 8, G_MAXUINT64 - 16, "beyond the end of the file" },
};

/* Looking at the image succeeds and says the trouble; using it fails and says the same. */
static void
assert_trouble(const Image *image, gsize len, const char *why)
{
    g_autoptr(SinterFs) fs = store(image, len);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterImageInfo) info = sinter_image_info_new(fs, PATH, "qcow", &error);

    g_assert_no_error(error);
    g_assert_nonnull(info->trouble);
    if (!strstr(info->trouble, why))
        g_error("'%s' is not in '%s'", why, info->trouble);
    g_assert_null(open_image(fs, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, info->trouble));
}

static void
test_headers(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(header_rows); i++) {
        Image image;

        build(&image);
        poke(&image, header_rows[i].at, header_rows[i].bytes, header_rows[i].value);
        assert_trouble(&image, FILE_BYTES, header_rows[i].why);
    }
}

static void
test_backing_names(void)
{
    static const struct {
        guint64 offset;
        guint32 bytes;
        const char *why;
    } rows[] = {
        { NAME_AT, 1024, "Backing file name too long" },
        { NAME_AT, G_MAXUINT32, "Backing file name too long" },
        { FILE_BYTES - 3, 4, "end" },
        { G_MAXUINT64, 4, "end" },
        { G_MAXINT64 - 1, 4, "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        Image image;

        build(&image);
        poke(&image, 8, 8, rows[i].offset);
        poke(&image, 16, 4, rows[i].bytes);
        assert_trouble(&image, FILE_BYTES, rows[i].why);
    }
}

/* A file of another format, or too short for a header, is no image of this one at all. */
static void
test_not_qcow(void)
{
    static const struct {
        gsize at;
        guint8 value;
        gsize len;
        int code;
    } rows[] = {
        { 0, 'X', FILE_BYTES, SINTER_ERROR_CORRUPT },
        { 7, 2, FILE_BYTES, SINTER_ERROR_UNSUPPORTED },
        { 4, 1, FILE_BYTES, SINTER_ERROR_UNSUPPORTED },
        { 0, 'Q', 47, SINTER_ERROR_CORRUPT },
        { 0, 'Q', 7, SINTER_ERROR_CORRUPT },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        Image image;
        g_autoptr(SinterFs) fs = NULL;
        g_autoptr(GError) error = NULL;

        build(&image);
        image.bytes[rows[i].at] = rows[i].value;
        fs = store(&image, rows[i].len);
        g_assert_null(sinter_image_info_new(fs, PATH, "qcow", &error));
        g_assert_error(error, SINTER_ERROR, rows[i].code);
    }
}

/* Version 2 begins with the same magic number: each driver takes its own. */
static void
test_probe(void)
{
    const SinterFormat *qcow = sinter_format_lookup("qcow");
    Image image;

    build(&image);
    g_assert_true(qcow->probe(image.bytes, FILE_BYTES));
    g_assert_true(qcow->probe(image.bytes, 8));
    g_assert_false(qcow->probe(image.bytes, 7));
    g_assert_false(qcow->probe(image.bytes, 0));
    image.bytes[7] = 2;
    g_assert_false(qcow->probe(image.bytes, FILE_BYTES));
}

/* A qcow2 header whose version was damaged to 1 has zeros where the bits are. */
static void
test_probe_bits(void)
{
    static const struct {
        guint8 cluster_bits;
        guint8 l2_bits;
        gboolean is_qcow;
    } rows[] = {
        { 9, 6, TRUE },   { 16, 13, TRUE }, { 8, 6, TRUE },  { 9, 5, TRUE },    { 17, 13, TRUE },
        { 16, 14, TRUE }, { 0, 0, FALSE },  { 8, 5, FALSE }, { 17, 14, FALSE }, { 0, 255, FALSE },
    };
    const SinterFormat *qcow = sinter_format_lookup("qcow");
    Image image;

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        build(&image);
        poke(&image, 32, 1, rows[i].cluster_bits);
        poke(&image, 33, 1, rows[i].l2_bits);
        g_assert_cmpint(qcow->probe(image.bytes, FILE_BYTES), ==, rows[i].is_qcow);
    }
}

/* --- tables that lie --- */

typedef struct {
    gboolean is_l1;
    guint64 entry;
    const char *map_why;  /* NULL: it can be mapped */
    const char *read_why; /* of what can be mapped */
} EntryRow;

static const EntryRow entry_rows[] = {
    { TRUE, FILE_BYTES, "beyond the end of the file", NULL },
    { TRUE, FILE_BYTES - 8, "beyond the end of the file", NULL },
    { TRUE, G_MAXUINT64, "table", NULL },
    { TRUE, COMPRESSED | L2_AT, "table", NULL },
    { FALSE, DATA_AT + 1, "invalid cluster entry", NULL },
    { FALSE, DATA_AT + 511, "invalid cluster entry", NULL },
    { FALSE, G_MAXINT64 - 511, "invalid cluster entry", NULL },
    { FALSE, FILE_BYTES + CLUSTER, NULL, "was truncated" },
    { FALSE, G_GUINT64_CONSTANT(1) << 55, NULL, "was truncated" },
    /* streams: no bytes, not in the file, garbage, too little, and of the largest offset */
    { FALSE, COMPRESSED | STREAM_AT, NULL, "does not decompress to a whole cluster" },
    { FALSE, COMPRESSED | G_GUINT64_CONSTANT(100) << 54 | FILE_BYTES, NULL, "end" },
    { FALSE, COMPRESSED | G_GUINT64_CONSTANT(100) << 54 | DATA_AT, NULL, "does not decompress" },
    { FALSE, COMPRESSED | G_GUINT64_CONSTANT(3) << 54 | STREAM_AT, NULL, "does not decompress" },
    { FALSE, G_MAXUINT64, NULL, "" },
};

static void
check_entry(const EntryRow *row)
{
    Image image;
    guint8 buf[CLUSTER];
    g_autoptr(SinterFs) fs = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(SinterExtent));
    g_autoptr(GError) error = NULL;

    build(&image);
    poke(&image, row->is_l1 ? L1_AT : L2_AT, 8, row->entry);
    fs = store(&image, FILE_BYTES);
    chain = open_image(fs, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_map(chain, 0, SIZE, SINTER_MAP_DEFAULT, add_extent, found, &error) ==
                  (row->map_why == NULL));
    if (row->map_why)
        g_assert_nonnull(strstr(error->message, row->map_why));
    g_clear_error(&error);
    g_assert_false(sinter_chain_read(chain, 0, buf, sizeof buf, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    if (!strstr(error->message, row->map_why ? row->map_why : row->read_why))
        g_error("unexpected: %s", error->message);
}

static void
test_entries(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(entry_rows); i++)
        check_entry(&entry_rows[i]);
}

/* Cut anywhere, the image is refused or what is gone is an error: nothing is made up. */
static void
test_cut(void)
{
    static guint8 expected[SIZE];
    static guint8 got[SIZE];
    Image image;

    build(&image);
    fill_expected(expected);
    for (gsize len = SINTER_FORMAT_PROBE_BYTES / 64; len < 3072 + CLUSTER; len += 61) {
        g_autoptr(SinterFs) fs = store(&image, len);
        g_autoptr(SinterChain) chain = open_image(fs, NULL);

        for (guint offset = 0; chain && offset < 4096; offset += CLUSTER) {
            if (sinter_chain_read(chain, offset, got, CLUSTER, NULL))
                g_assert_cmpmem(got, CLUSTER, expected + offset, CLUSTER);
        }
    }
}

int
main(int argc, char **argv)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();

    g_test_init(&argc, &argv, NULL);
    g_assert_true(sinter_plugin_registry_add_built_in(registry, NULL));
    g_test_add_func("/qcow1/info", test_info);
    g_test_add_func("/qcow1/odd-size", test_odd_size);
    g_test_add_func("/qcow1/map", test_map);
    g_test_add_func("/qcow1/read", test_read);
    g_test_add_func("/qcow1/encrypted", test_encrypted);
    g_test_add_func("/qcow1/no-snapshots", test_no_snapshots);
    g_test_add_func("/qcow1/headers", test_headers);
    g_test_add_func("/qcow1/backing-names", test_backing_names);
    g_test_add_func("/qcow1/not-qcow", test_not_qcow);
    g_test_add_func("/qcow1/probe", test_probe);
    g_test_add_func("/qcow1/probe-bits", test_probe_bits);
    g_test_add_func("/qcow1/entries", test_entries);
    g_test_add_func("/qcow1/cut", test_cut);
    return g_test_run();
}
