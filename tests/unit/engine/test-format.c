/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Drivers outside the engine: a format with the required callbacks alone is probed, opened as a
 * member of a chain, written to and converted into, and checked with findings of its own. What
 * cannot be registered is refused.
 */

#include "disk-fixture.h"
#include "sinter-error.h"
#include "sinter/convert.h"
#include "sinter/format.h"

#include <string.h>

/*
 * The played format: a sector with a magic number and the disk's size in bytes as text, then the
 * disk. Its first sector of data reads inverted, as one that the engine cannot read by itself.
 */
#define MAGIC "PLAYED "
#define HEADER_BYTES 512
#define DISK_BYTES 8192
#define FIRST_FINDING (7 * SINTER_FINDING_RANGE)

static gboolean
played_probe(const guint8 *start, gsize len)
{
    return len >= sizeof MAGIC - 1 && memcmp(start, MAGIC, sizeof MAGIC - 1) == 0;
}

static gboolean
played_inspect(SinterIo *io, SinterImageInfo *info, GError **error)
{
    char header[HEADER_BYTES + 1] = { 0 };

    if (!sinter_io_read(io, 0, header, HEADER_BYTES, error))
        return FALSE;
    info->virtual_size = g_ascii_strtoull(header + strlen(MAGIC), NULL, 10);
    return TRUE;
}

static gboolean
played_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    g_assert_cmpuint(sinter_image_get_virtual_size(image), ==, DISK_BYTES);
    g_assert_cmpstr(sinter_image_get_info(image)->format, ==, "played");
    g_assert_null(how->snapshot);
    sinter_image_set_state(image, g_strdup("state"));
    return TRUE;
}

static void
played_close(SinterImage *image)
{
    g_assert_cmpstr(sinter_image_get_state(image), ==, "state");
    g_free(sinter_image_get_state(image));
}

static gboolean
played_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret, GError **error)
{
    gboolean first = offset < HEADER_BYTES;

    *ret = (SinterExtent){
        .offset = offset,
        .length = first ? MIN(len, HEADER_BYTES - offset) : len,
        .host_offset = HEADER_BYTES + offset,
        .kind = first ? SINTER_EXTENT_COMPRESSED : SINTER_EXTENT_DATA,
        .flags = first ? 0 : SINTER_EXTENT_HAS_HOST,
    };
    return TRUE;
}

static gboolean
played_read(SinterImage *image, guint64 offset, void *buf, gsize len, GError **error)
{
    if (!sinter_io_read(sinter_image_get_io(image), HEADER_BYTES + offset, buf, len, error))
        return FALSE;
    for (gsize i = 0; i < len; i++)
        ((guint8 *)buf)[i] ^= 0xff;
    return TRUE;
}

static const SinterFindingKind played_findings[] = {
    { "played-odd", SINTER_FINDING_CORRUPTION, SINTER_STAKE_DATA, SINTER_FIX_NONE,
      SINTER_QEMU_UNSEEN, "The byte at {host} is odd: {detail}" },
    { "played-even", SINTER_FINDING_NOTE, SINTER_STAKE_NONE, SINTER_FIX_NONE, SINTER_QEMU_UNSEEN,
      "The byte at {host} is even" },
};

static gboolean
played_check(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
             GError **error)
{
    for (guint i = 0; i < 5; i++) {
        SinterFinding finding = { .code = (SinterFindingCode)FIRST_FINDING,
                                  .guest_offset = SINTER_OFFSET_NONE,
                                  .host_offset = i,
                                  .detail = g_strdup("7") };

        sinter_check_result_add(result, options, &finding);
    }
    return TRUE;
}

/* Only what is required: the engine stands in for the rest. The writer is the file. */
static gpointer
played_write_open(const SinterFormatFile *file, const SinterFormatWrite *how,
                  SinterFormatTraits *ret, GError **error)
{
    g_assert_null(how->backing);
    ret->virtual_size = DISK_BYTES;
    ret->unit_size = 1;
    ret->data_io = file->io;
    return sinter_io_ref(file->io);
}

static void
played_write_free(gpointer writer)
{
    sinter_io_unref(writer);
}

static gboolean
played_write_read(gpointer writer, guint64 offset, void *buf, gsize len, GError **error)
{
    return sinter_io_read(writer, HEADER_BYTES + offset, buf, len, error);
}

static gboolean
played_write(gpointer writer, guint64 offset, const void *buf, gsize len, GError **error)
{
    return sinter_io_write(writer, HEADER_BYTES + offset, buf, len, error);
}

static gboolean
played_write_flush(gpointer writer, GError **error)
{
    return sinter_io_flush(writer, error);
}

static const SinterFormat played = {
    .struct_size = sizeof(SinterFormat),
    .api_version = SINTER_FORMAT_API_VERSION,
    .name = "played",
    .findings = played_findings,
    .n_findings = G_N_ELEMENTS(played_findings),
    .first_finding = FIRST_FINDING,
    .probe = played_probe,
    .inspect = played_inspect,
    .open = played_open,
    .map = played_map,
    .close = played_close,
    .read_compressed = played_read,
    .check = played_check,
    .write_open = played_write_open,
    .write_close = played_write_flush,
    .write_free = played_write_free,
    .write_read = played_write_read,
    .write = played_write,
    .write_flush = played_write_flush,
};

static void
assert_refused(const SinterFormat *format, const char *why)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_format_register(format, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, why));
}

static void
test_refused(void)
{
    SinterFormat format = played;

    format.api_version++;
    assert_refused(&format, "another API version");
    format = played;
    format.struct_size++;
    assert_refused(&format, "size");
    format.struct_size = G_STRUCT_OFFSET(SinterFormat, map);
    assert_refused(&format, "size");
    format = played;
    format.name = "qcow2";
    assert_refused(&format, "that name");
    format = played;
    format.map = NULL;
    assert_refused(&format, "required for reading");
    format = played;
    format.write_flush = NULL;
    assert_refused(&format, "required for writing");
    format = played;
    format.first_finding = 1;
    assert_refused(&format, "range");
}

static void
test_register(void)
{
    SinterFormat other = played;
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_format_register(&played, &error));
    g_assert_no_error(error);
    assert_refused(&played, "that name");
    other.name = "other";
    assert_refused(&other, "already used");
    other.first_finding += SINTER_FINDING_RANGE;
    assert_refused(&other, "names is already used");
}

static SinterFs *
make_image(void)
{
    SinterFs *fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = NULL;
    const char *header = MAGIC G_STRINGIFY(DISK_BYTES);

    disk_make_raw(fs, "/image", HEADER_BYTES + DISK_BYTES);
    disk_fill(fs, "/image", HEADER_BYTES, 0x0f, 1024);
    io = sinter_fs_open(fs, "/image", SINTER_IO_WRITE, NULL);
    g_assert_true(sinter_io_write(io, 0, header, strlen(header), NULL));
    return fs;
}

static void
test_read(void)
{
    g_autoptr(SinterFs) fs = make_image();
    g_autoptr(SinterChain) chain = disk_open(fs, "/image");
    g_autoptr(GBytes) content = disk_content(chain);
    const guint8 *data = g_bytes_get_data(content, NULL);

    g_assert_cmpstr(sinter_chain_get_info(chain, 0)->format, ==, "played");
    g_assert_cmpuint(g_bytes_get_size(content), ==, DISK_BYTES);
    g_assert_cmpuint(data[0], ==, 0xf0);
    g_assert_cmpuint(data[HEADER_BYTES], ==, 0x0f);
    g_assert_cmpuint(data[1024], ==, 0);
}

/* What the driver leaves out is done by writing, or not at all. */
static void
test_write(void)
{
    g_autoptr(SinterFs) fs = make_image();
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, "/image", "played", 0, &error);
    guint8 buf[DISK_BYTES];

    g_assert_no_error(error);
    memset(buf, 7, sizeof buf);
    g_assert_true(sinter_handle_write_at(handle, 1000, buf, 3000, &error));
    g_assert_true(sinter_handle_zero_at(handle, 2000, 500, &error));
    g_assert_true(sinter_handle_discard_at(handle, 3000, 100, &error));
    g_assert_true(sinter_handle_read_at(handle, 0, buf, sizeof buf, &error));
    g_assert_cmpuint(buf[999], ==, 0x0f);
    g_assert_cmpuint(buf[1000], ==, 7);
    g_assert_cmpuint(buf[1999], ==, 7);
    g_assert_cmpuint(buf[2000], ==, 0);
    g_assert_cmpuint(buf[2499], ==, 0);
    g_assert_cmpuint(buf[2500], ==, 7);
    g_assert_cmpuint(buf[3050], ==, 7);
    g_assert_false(sinter_handle_write_at(handle, DISK_BYTES - 1, buf, 2, NULL));
    g_assert_true(sinter_handle_close(handle, &error));
}

/* A driver without a callback for it is no driver for it. */
static void
test_unsupported(void)
{
    const SinterResizeOptions how = { .size = 2 * DISK_BYTES };
    const SinterCreateOptions image = { .format = "played", .virtual_size = DISK_BYTES };
    g_autoptr(SinterFs) fs = make_image();
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_image_resize(fs, "/image", "played", 0, &how, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_false(sinter_image_create(fs, "/new", &image, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_false(sinter_snapshot_create(fs, "/image", "played", 0, "one", 0, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
}

/* Into it by the pipeline that all operations share. */
static void
test_convert(void)
{
    const SinterCreateOptions image = { .format = "played" };
    g_autoptr(SinterFs) fs = make_image();
    const SinterConvertOptions how = { .fs = fs, .flags = SINTER_CONVERT_EXISTING };
    g_autoptr(SinterChain) source = NULL;
    g_autoptr(SinterChain) target = NULL;
    g_autoptr(GBytes) wanted = NULL;
    g_autoptr(GBytes) content = NULL;
    g_autoptr(GError) error = NULL;

    disk_make_raw(fs, "/raw", DISK_BYTES);
    disk_fill(fs, "/raw", 3000, 5, 2000);
    source = disk_open(fs, "/raw");
    sinter_convert_to_image(&source, 1, "/image", &image, &how, &error);
    g_assert_no_error(error);
    target = disk_open(fs, "/image");
    wanted = disk_content(source);
    content = disk_content(target);
    /* the first sector reads inverted */
    g_assert_cmpmem(
        (const guint8 *)g_bytes_get_data(content, NULL) + HEADER_BYTES, DISK_BYTES - HEADER_BYTES,
        (const guint8 *)g_bytes_get_data(wanted, NULL) + HEADER_BYTES, DISK_BYTES - HEADER_BYTES);
}

static void
test_findings(void)
{
    const SinterCheckOptions options = { .max_per_code = 3 };
    g_autoptr(SinterFs) fs = make_image();
    g_autoptr(SinterCheckResult) result =
        sinter_image_check(fs, "/image", "played", &options, NULL);
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);
    const SinterCheckCodeCount *count = &g_array_index(counts, SinterCheckCodeCount, 0);
    g_autofree char *text =
        sinter_finding_get_text(&g_array_index(result->findings, SinterFinding, 2));

    g_assert_cmpuint(result->counts.corruptions, ==, 5);
    g_assert_cmpuint(result->findings->len, ==, 3);
    g_assert_cmpuint(counts->len, ==, 1);
    g_assert_cmpuint(count->found, ==, 5);
    g_assert_cmpuint(count->kept, ==, 3);
    g_assert_cmpstr(sinter_finding_code_name(count->code), ==, "played-odd");
    g_assert_cmpuint(sinter_finding_code_from_name("played-even"), ==, FIRST_FINDING + 1);
    g_assert_cmpstr(text, ==, "The byte at 0x2 is odd: 7");
}

/* Once an image was opened the table is read by any thread. */
static void
test_late(void)
{
    SinterFormat late = played;

    late.name = "late";
    late.findings = NULL;
    late.n_findings = late.first_finding = 0;
    assert_refused(&late, "already open");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/format/refused", test_refused);
    g_test_add_func("/format/register", test_register);
    g_test_add_func("/format/read", test_read);
    g_test_add_func("/format/write", test_write);
    g_test_add_func("/format/unsupported", test_unsupported);
    g_test_add_func("/format/convert", test_convert);
    g_test_add_func("/format/findings", test_findings);
    g_test_add_func("/format/late", test_late);
    return g_test_run();
}
