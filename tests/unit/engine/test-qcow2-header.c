/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The header: sound ones are read whole, and each bent field gives its problem, by name. A table
 * of pokes, one line a kind of damage.
 */

#include "qcow2-build.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter/image.h"
#include "sinter-error.h"

static void
test_sound(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;
    Build build;

    build_begin(&build, fs, "/dir/top.qcow2",
                &(BuildOptions){ .backing = "base.img",
                                 .backing_format = "raw",
                                 .refcount_order = 5,
                                 .virtual_size = 5 << 20 });
    build_end(&build);
    info = sinter_image_info_new(fs, "/dir/top.qcow2", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(info->format, ==, "qcow2");
    g_assert_cmpstr(info->trouble, ==, NULL);
    g_assert_cmpstr(info->backing_name, ==, "base.img");
    g_assert_cmpstr(info->backing_format, ==, "raw");
    g_assert_cmpstr(info->backing_path, ==, "/dir/base.img");
    g_assert_cmpuint(info->virtual_size, ==, 5 << 20);
    g_assert_cmpuint(info->refcount_bits, ==, 32);
    g_assert_cmpuint(info->cluster_size, ==, 65536);
    g_assert_false(info->dirty || info->corrupt || info->encrypted || info->extended_l2);
}

static void
test_version2(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;
    Build build;

    build_begin(&build, fs, "v2", &(BuildOptions){ .version = 2, .backing = "../b" });
    /* what follows the 72 bytes is an extension or a name, never a feature bit */
    build_end(&build);
    info = sinter_image_info_new(fs, "v2", "qcow2", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(info->trouble, ==, NULL);
    g_assert_cmpuint(info->version, ==, 2);
    g_assert_cmpuint(info->refcount_bits, ==, 16);
    g_assert_cmpuint(info->incompatible_features, ==, 0);
    g_assert_cmpstr(info->backing_path, ==, "../b");
}

typedef struct {
    const char *problem;
    guint64 at;
    guint bytes;
    guint64 value;
    BuildOptions options;
} Bent;

static const Bent bents[] = {
    { "header-version", 4, 4, 1 },
    { "header-version", 4, 4, 4 },
    { "header-cluster-bits", 20, 4, 8 },
    { "header-cluster-bits", 20, 4, 22 },
    { "header-cluster-bits", 20, 4, G_MAXUINT32 },
    { "header-length", 100, 4, 100 },
    { "header-length", 100, 4, 65544 },
    { "header-length", 100, 4, G_MAXUINT32 },
    { "header-length-alignment", 100, 4, 105 },
    { "header-refcount-order", 96, 4, 7 },
    { "header-crypt-method", 32, 4, 3 },
    { "header-unknown-features", 72, 8, G_GUINT64_CONSTANT(1) << 17 },
    { "header-unknown-autoclear", 88, 8, 4 },
    { "header-extended-l2-cluster", 72, 8, 16, { .cluster_bits = 13 } },
    { "header-compression-type", 104, 1, 2 },
    { "header-compression-bit", 104, 1, 1 },
    { "header-compression-bit", 72, 8, 8 },
    { "header-virtual-size", 24, 8, G_GUINT64_CONSTANT(1) << 63 },
    { "header-l1-size", 36, 4, (32 << 20) / 8 + 1 },
    { "header-l1-size", 36, 4, G_MAXUINT32 },
    { "header-l1-short", 36, 4, 0 },
    { "header-l1-short", 24, 8, G_GUINT64_CONSTANT(1) << 62 },
    { "header-l1-offset", 40, 8, 0x30200 },
    { "header-l1-offset", 40, 8, G_GUINT64_CONSTANT(1) << 55 },
    { "header-l1-offset", 40, 8, G_MAXUINT64 & ~G_GUINT64_CONSTANT(0xffff) },
    { "header-refcount-table-size", 56, 4, 0 },
    { "header-refcount-table-size", 56, 4, 129 },
    { "header-refcount-table-size", 56, 4, G_MAXUINT32 },
    { "header-refcount-table-offset", 48, 8, 0x10200 },
    { "header-refcount-table-beyond", 48, 8, G_GUINT64_CONSTANT(1) << 50 },
    { "header-snapshots-count", 60, 4, 65537 },
    { "header-snapshots-offset", 64, 8, 1 },
    { "header-snapshots-beyond", 60, 8, 0x0000001000010000 },
    { "header-backing-offset", 8, 8, 65537 },
    { "header-backing-offset", 8, 8, 100 },
    { "header-backing-length", 16, 4, 1024, { .backing = "x" } },
    { "header-backing-length", 8, 12, (65536ULL - 4) },
    { "header-backing-name", 16, 4, 2, { .backing = "x" } },
    { "header-extension-bounds", 112, 8, 0x1234567800010000 },
    { "header-extension-content", 112, 8, 0xe2792aca00000010 },
    { "header-extension-content", 112, 8, 0x2385287500000017 },
    { "header-extension-content", 112, 8, 0x0537be7700000017 },
    { "header-extension-twice", 128, 8, 0xe2792aca00000000, { .backing_format = "raw" } },
    { "header-feature-table", 112, 8, 0x6803f85700000031 },
    { "header-bitmaps-stale", 112, 8, 0x2385287500000018 },
    { "header-bitmaps-missing", 88, 8, 1 },
    { "header-bitmaps-bounds", 112, 8, 0x2385287500000018, { .autoclear = 1 } },
    { "header-luks-missing", 32, 4, 2 },
    { "header-luks-bounds", 112, 8, 0x0537be7700000010 },
    { "header-data-file-name", 72, 8, 4 },
    { "header-data-file-stale", 0, 0, 0, { .data_file = "d" } },
    { "header-data-file-raw", 88, 8, 2 },
    { "header-data-file-raw",
      0,
      0,
      0,
      { .data_file = "d", .backing = "b", .incompatible = 4, .autoclear = 2 } },
    { "header-data-file-snapshots", 60, 4, 1, { .data_file = "d", .incompatible = 4 } },
};

static gboolean
has_problem(const SinterQcow2Header *header, const char *name)
{
    for (guint i = 0; i < header->problems->len; i++) {
        const SinterQcow2Problem *p = &g_array_index(header->problems, SinterQcow2Problem, i);

        g_assert_nonnull(p->text);
        if (g_strcmp0(sinter_qcow2_problem_name(p->code), name) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
poke_value(Build *build, const Bent *bent)
{
    guint8 byte = (guint8)bent->value;

    switch (bent->bytes) {
    case 1:
        build_poke(build, bent->at, &byte, 1);
        break;
    case 4:
        build_poke32(build, bent->at, (guint32)bent->value);
        break;
    case 8:
        build_poke64(build, bent->at, bent->value);
        break;
    case 12: /* an offset and a length behind it */
        build_poke64(build, bent->at, bent->value);
        build_poke32(build, bent->at + 8, 8);
        break;
    default:
        break;
    }
}

static void
test_bent(gconstpointer data)
{
    const Bent *bent = data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterQcow2Header) header = NULL;
    g_autoptr(GError) error = NULL;
    Build build;

    build_begin(&build, fs, "bent", &bent->options);
    poke_value(&build, bent);
    header = sinter_qcow2_header_read(build.io, &error);
    g_assert_no_error(error);
    if (!has_problem(header, bent->problem))
        g_error("no problem '%s'", bent->problem);
    sinter_qcow2_header_require_usable(header, &error);
    for (guint i = 0; i < header->problems->len; i++) {
        const SinterQcow2Problem *p = &g_array_index(header->problems, SinterQcow2Problem, i);

        if (sinter_qcow2_problem_severity(p->code) != SINTER_QCOW2_SEVERITY_WARN)
            g_assert_nonnull(error);
    }
    build_end(&build);
}

/* Every prefix of an image is refused or has a problem, and nothing reads beyond it. */
static void
test_truncated(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    Build build;

    build_begin(&build, fs, "cut", &(BuildOptions){ .backing = "b", .backing_format = "raw" });
    for (guint len = 200; len-- > 0;) {
        g_autoptr(SinterQcow2Header) header = NULL;
        g_autoptr(GError) error = NULL;

        sinter_io_truncate(build.io, len, &error);
        g_assert_no_error(error);
        header = sinter_qcow2_header_read(build.io, &error);
        if (len < 4) { /* nothing says what it is */
            g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
            continue;
        }
        g_assert_no_error(error);
        g_assert_false(sinter_qcow2_header_require_usable(header, NULL));
    }
    build_end(&build);
}

static void
test_names(void)
{
    static const struct {
        const char *image;
        const char *name;
        const char *path; /* NULL: refused */
    } table[] = {
        { "/a/b", "c", "/a/c" },
        { "/a/b", "../c", "/a/../c" },
        { "/a/b", "/c", "/c" },
        { "b", "c", "c" },
        { "a/b", "c", "a/c" },
        { "/a/b", "./x:y", "/a/./x:y" },
        { "/a/b", "d/x:y", "/a/d/x:y" },
        { "/a/b", "json:{}", NULL },
        { "/a/b", "nbd://host/x", NULL },
        { "/a/b", "file:/etc/passwd", NULL },
        { "/a/b", "", NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = sinter_image_resolve_name(table[i].image, table[i].name, &error);

        g_assert_cmpstr(path, ==, table[i].path);
        g_assert_true((path == NULL) == (error != NULL));
    }
}

static void
test_features(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterQcow2Header) header = NULL;
    g_autoptr(GError) error = NULL;
    Build build;

    build_begin(&build, fs, "f", &(BuildOptions){ .incompatible = 1ULL << 40 | 1ULL << 41 });
    build_poke32(&build, 112, SINTER_QCOW2_EXT_FEATURE_NAMES);
    build_poke32(&build, 116, 48);
    build_poke(&build, 120,
               "\0\x28"
               "fold\x1b[2Jing",
               13);
    header = sinter_qcow2_header_read(build.io, &error);
    g_assert_no_error(error);
    g_assert_false(sinter_qcow2_header_require_usable(header, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_assert_cmpstr(error->message, ==,
                    "Unsupported qcow2 feature(s): fold?[2Jing, Unknown incompatible feature: "
                    "20000000000");
    build_end(&build);
}

static void
test_foreign(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "v", SINTER_IO_CREATE, NULL);
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_io_write(io, 0, "KDMV", 4, &error));
    g_assert_null(sinter_image_info_new(fs, "v", NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    info = sinter_image_info_new(fs, "v", "raw", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(info->virtual_size, ==, 512); /* whole sectors */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2-header/sound", test_sound);
    g_test_add_func("/qcow2-header/version2", test_version2);
    g_test_add_func("/qcow2-header/truncated", test_truncated);
    g_test_add_func("/qcow2-header/features", test_features);
    g_test_add_func("/image-info/names", test_names);
    g_test_add_func("/image-info/foreign", test_foreign);
    for (gsize i = 0; i < G_N_ELEMENTS(bents); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2-header/bent/%s/%zu", bents[i].problem, i);

        g_test_add_data_func(path, &bents[i], test_bent);
    }
    return g_test_run();
}
