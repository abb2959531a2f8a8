/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images that cannot be read: which of them may be backed by another one, and what long names and
 * volumes of inactive pools lead to. */

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "image-fixture.h"
#include "sinter-layer-reader.h"
#include "sinter-long-name.h"
#include "sinter-scan-settings.h"
#include "sinter-volume-place.h"
#include "virt-fixture.h"

typedef struct {
    char *folder;
    SinterScanSettings *settings;
    SinterLayerReader *reader;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = fixture_make_folder();
    f->settings = sinter_scan_settings_new();
    f->reader = sinter_layer_reader_new(NULL, f->settings->memory);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_layer_reader_free(f->reader);
    sinter_scan_settings_unref(f->settings);
    fixture_remove_folder(f->folder);
}

/* The last layer of the chain that begins with the image NAME, read as @format. */
static const SinterLayer *
read_end(Fixture *f, const char *name, const char *format, GPtrArray **ret_layers)
{
    g_autofree char *path = fixture_path(f->folder, name);
    SinterXmlSource source = {
        .type = SINTER_XML_SOURCE_FILE, .path = path, .description = path, .format = (char *)format
    };
    g_autoptr(GPtrArray) sources = g_ptr_array_new();

    g_ptr_array_add(sources, &source);
    *ret_layers = sinter_layer_reader_read_chain(f->reader, sources, FALSE);
    return g_ptr_array_index(*ret_layers, (*ret_layers)->len - 1);
}

static const char vmdk_text[] = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=%s\n";

static void
write_vmdk(Fixture *f, const char *name, const char *parent)
{
    g_autofree char *text = g_strdup_printf(vmdk_text, parent);

    fixture_file(f->folder, name, text);
}

/* The descriptor is in the file, at the sector that the header names. */
static void
write_sparse_vmdk(Fixture *f, const char *name, const char *parent)
{
    g_autofree char *text = g_strdup_printf(vmdk_text, parent);
    g_autofree char *path = fixture_path(f->folder, name);
    guint64 sector = GUINT64_TO_LE(3);
    char content[4096] = "KDMV";

    memcpy(content + 28, &sector, sizeof sector);
    memcpy(content + 3 * 512, text, strlen(text));
    g_assert_true(g_file_set_contents(path, content, sizeof content, NULL));
}

static void
assert_doubt(Fixture *f, const char *name, const char *format, gboolean expected)
{
    g_autoptr(GPtrArray) layers = NULL;
    const SinterLayer *end = read_end(f, name, format, &layers);

    if (end->backing_unknown != expected)
        g_error("'%s' as %s: %s", name, format, end->problem ? end->problem : "no problem");
    if (expected)
        g_assert_nonnull(end->problem);
}

static void
test_formats(Fixture *f, gconstpointer data)
{
    g_autofree char *loop = fixture_path(f->folder, "loop");
    g_autofree char *behind = fixture_path(f->folder, "loop/image");

    fixture_file(f->folder, "noise", "neither a qcow2 image nor anything else that is known");
    fixture_file(f->folder, "empty", "");
    write_vmdk(f, "alone.vmdk", "ffffffff");
    write_vmdk(f, "child.vmdk", "12345678");
    write_sparse_vmdk(f, "alone-sparse.vmdk", "ffffffff");
    write_sparse_vmdk(f, "child-sparse.vmdk", "12345678");
    g_assert_cmpint(symlink("loop", loop), ==, 0);

    assert_doubt(f, "noise", "qcow2", TRUE);
    assert_doubt(f, "noise", "qed", TRUE);
    assert_doubt(f, "noise", "a-format-of-tomorrow", TRUE);
    assert_doubt(f, "noise", "raw", FALSE);
    assert_doubt(f, "noise", "vdi", FALSE);
    assert_doubt(f, "noise", "vhdx", FALSE);
    assert_doubt(f, "noise", "luks", FALSE);
    assert_doubt(f, "empty", "qcow2", FALSE);
    assert_doubt(f, "missing", "qcow2", FALSE);
    assert_doubt(f, "noise/below-a-file", "qcow2", FALSE);
    assert_doubt(f, "alone.vmdk", "vmdk", FALSE);
    assert_doubt(f, "child.vmdk", "vmdk", TRUE);
    assert_doubt(f, "alone-sparse.vmdk", "vmdk", FALSE);
    assert_doubt(f, "child-sparse.vmdk", "vmdk", TRUE);
    assert_doubt(f, "noise", "vmdk", TRUE);
    assert_doubt(f, "loop/image", "qcow2", TRUE);
    assert_doubt(f, "loop/image", "raw", FALSE);
    g_free(g_steal_pointer(&behind));
}

/* An image that cannot be examined is still known to be in its folder. */
static void
test_place(Fixture *f, gconstpointer data)
{
    g_autofree char *loop = fixture_path(f->folder, "loop");
    g_autoptr(GPtrArray) layers = NULL;
    const SinterLayer *end;
    GStatBuf st;

    g_assert_cmpint(symlink("loop", loop), ==, 0);
    g_assert_cmpint(g_stat(f->folder, &st), ==, 0);
    end = read_end(f, "loop/deep/image", "qcow2", &layers);
    g_assert_true(end->backing_unknown);
    g_assert_cmpuint(end->fs_device, ==, st.st_dev);
}

typedef struct {
    const char *backing;
    const char *format;
    SinterSourceType type;
    gboolean unknown;
} NameCase;

static const NameCase name_cases[] = {
    { "nbd://server/export", "raw", SINTER_SOURCE_NETWORK, FALSE },
    { "nbd+unix:///export?socket=/run/s", "qcow2", SINTER_SOURCE_NETWORK, FALSE },
    { "rbd:pool/image", "raw", SINTER_SOURCE_NETWORK, FALSE },
    { "https://server/image.qcow2", "qcow2", SINTER_SOURCE_NETWORK, FALSE },
    { "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"nbd\",\"host\":\"a\"}}", "qcow2",
      SINTER_SOURCE_NETWORK, FALSE },
    { "json:{\"file.driver\":\"https\",\"file.url\":\"https://a/b\"}", "raw", SINTER_SOURCE_NETWORK,
      FALSE },
    { "json:{\"driver\":\"host_cdrom\"}", "raw", SINTER_SOURCE_OTHER, TRUE },
    { "json:{", "raw", SINTER_SOURCE_OTHER, TRUE },
    { "blkdebug::other", "qcow2", SINTER_SOURCE_OTHER, TRUE },
    { "base", "file", SINTER_SOURCE_FILE, FALSE },
};

static void
test_names(Fixture *f, gconstpointer data)
{
    fixture_qcow2(f->folder, "under", NULL, NULL);
    fixture_qcow2(f->folder, "base", "under", "qcow2");
    for (gsize i = 0; i < G_N_ELEMENTS(name_cases); i++) {
        const NameCase *row = &name_cases[i];
        g_autofree char *name = g_strdup_printf("top-%zu", i);
        g_autoptr(GPtrArray) layers = NULL;
        const SinterLayer *end;

        fixture_qcow2(f->folder, name, row->backing, row->format);
        end = read_end(f, name, "qcow2", &layers);
        if (end->type != row->type || end->backing_unknown != row->unknown)
            g_error("'%s': type %d", row->backing, end->type);
    }
}

/* A backing format that is a protocol is none: the layer below is still found. */
static void
test_format_file(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = NULL;
    const SinterLayer *middle;

    fixture_qcow2(f->folder, "under", NULL, NULL);
    fixture_qcow2(f->folder, "base", "under", "qcow2");
    fixture_qcow2(f->folder, "top", "base", "file");
    read_end(f, "top", "qcow2", &layers);
    g_assert_cmpuint(layers->len, ==, 3);
    middle = g_ptr_array_index(layers, 1);
    g_assert_null(middle->format);
    g_assert_nonnull(strstr(middle->problem, "does not store the format"));
    g_assert_false(middle->backing_unknown);
}

static void
test_long_name(void)
{
    g_autofree char *path = NULL;

    g_assert_cmpint(sinter_long_name_parse("file:/a/b", &path), ==, SINTER_LONG_NAME_PATH);
    g_assert_cmpstr(path, ==, "/a/b");
    g_clear_pointer(&path, g_free);
    g_assert_cmpint(sinter_long_name_parse("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":"
                                           "\"file\",\"filename\":\"/c\"}}",
                                           &path),
                    ==, SINTER_LONG_NAME_PATH);
    g_assert_cmpstr(path, ==, "/c");
    g_clear_pointer(&path, g_free);
    g_assert_cmpint(sinter_long_name_parse("file:b", &path), ==, SINTER_LONG_NAME_UNKNOWN);
    g_assert_cmpint(sinter_long_name_parse("no protocol", &path), ==, SINTER_LONG_NAME_UNKNOWN);
    g_assert_null(path);
}

static void
define_pool(virConnectPtr connection, const char *name, const char *type, const char *rest)
{
    g_autofree char *xml =
        g_strdup_printf("<pool type='%s'><name>%s</name>%s</pool>", type, name, rest);
    virStoragePoolPtr pool = virStoragePoolDefineXML(connection, xml, 0);

    g_assert_nonnull(pool);
    g_assert_cmpint(virStoragePoolIsActive(pool), ==, 0);
    virStoragePoolFree(pool);
}

static void
assert_place(virConnectPtr connection, const char *pool, const char *volume, SinterSourceType type,
             const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterScanSettings) settings = sinter_scan_settings_new();
    const SinterVolumeName name = { pool, volume };
    SinterVolumePlace place;
    gboolean known =
        sinter_volume_place_find(settings->memory->libvirt, connection, &name, &place, &error);

    g_assert_cmpint(place.type, ==, type);
    g_assert_cmpstr(place.path, ==, path);
    g_assert_true(known == (path || type == SINTER_SOURCE_NETWORK));
    g_assert_true(known == !error);
    g_free(place.path);
}

/* libvirt answers nothing about the volumes of an inactive pool: its definition does. */
static void
test_volumes(void)
{
    virConnectPtr connection = virConnectOpen("test:///default");

    g_assert_nonnull(connection);
    define_pool(connection, "files", "dir", "<target><path>/img</path></target>");
    define_pool(connection, "lvs", "logical",
                "<source><name>vg</name></source><target><path>/dev/vg</path></target>");
    define_pool(connection, "luns", "scsi",
                "<source><adapter type='scsi_host' name='host1'/></source>"
                "<target><path>/dev/disk/by-path</path></target>");
    assert_place(connection, "files", "a.qcow2", SINTER_SOURCE_FILE, "/img/a.qcow2");
    assert_place(connection, "files", "../a", SINTER_SOURCE_FILE, NULL);
    assert_place(connection, "lvs", "a", SINTER_SOURCE_BLOCK, "/dev/vg/a");
    assert_place(connection, "luns", "unit:0:0:1", SINTER_SOURCE_BLOCK, NULL);
    assert_place(connection, "nowhere", "a", SINTER_SOURCE_OTHER, NULL);
    virConnectClose(connection);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_init();
#define ADD(name, func) g_test_add("/odd-image/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("formats", test_formats);
    ADD("place", test_place);
    ADD("names", test_names);
    ADD("format-file", test_format_file);
    g_test_add_func("/odd-image/long-name", test_long_name);
    g_test_add_func("/odd-image/volumes", test_volumes);
    return g_test_run();
}
