/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chains by their headers: how names resolve, what is believed, and where it ends. */

#include "image-fixture.h"
#include "sinter-layer-reader.h"
#include "sinter-scan-settings.h"

#include <glib/gstdio.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The chain that begins with @path, as the XML of a disk names it. */
static GPtrArray *
read_path(Fixture *f, const char *path, const char *format, gboolean is_whole)
{
    g_autofree char *text =
        g_strdup_printf("<domain><devices><disk type='file'><driver type='%s'/>"
                        "<source file='%s'/>%s<target dev='vda'/></disk></devices></domain>",
                        format, path, is_whole ? "<backingStore/>" : "");
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterXmlDomain) domain = sinter_xml_domain_new(text, "domain 'x'", &error);
    const SinterXmlDisk *disk;

    g_assert_no_error(error);
    disk = sinter_xml_domain_find_disk(domain, "vda");
    return sinter_layer_reader_read_chain(f->reader, disk->sources, disk->chain_is_whole);
}

static GPtrArray *
read_name(Fixture *f, const char *name, const char *format)
{
    g_autofree char *path = fixture_path(f->folder, name);

    return read_path(f, path, format, FALSE);
}

static const SinterLayer *
layer(const GPtrArray *layers, guint i)
{
    g_assert_cmpuint(i, <, layers->len);
    return g_ptr_array_index(layers, i);
}

static void
assert_path(Fixture *f, const SinterLayer *l, const char *name)
{
    g_autofree char *path = fixture_path(f->folder, name);

    g_assert_cmpstr(l->path, ==, path);
    g_assert_cmpstr(l->description, ==, path);
}

static void
test_facts(Fixture *f, gconstpointer data)
{
    g_autofree char *path = fixture_path(f->folder, "top");
    g_autofree char *sub = fixture_path(f->folder, "sub");
    g_autoptr(GPtrArray) layers = NULL;
    struct stat st;

    fixture_qcow2(f->folder, "top", "sub/../base", "qcow2");
    g_assert_cmpint(g_mkdir(sub, 0755), ==, 0);
    fixture_qcow2(f->folder, "base", NULL, NULL);
    layers = read_name(f, "top", "qcow2");
    g_assert_cmpuint(layers->len, ==, 2);
    g_assert_cmpint(stat(path, &st), ==, 0);
    assert_path(f, layer(layers, 0), "top");
    g_assert_cmpint(layer(layers, 0)->type, ==, SINTER_SOURCE_FILE);
    g_assert_cmpstr(layer(layers, 0)->format, ==, "qcow2");
    g_assert_cmpstr(layer(layers, 0)->backing_name, ==, "sub/../base");
    g_assert_cmpuint(layer(layers, 0)->virtual_size_bytes, ==, 64 << 20);
    g_assert_cmpuint(layer(layers, 0)->allocated_bytes, ==, (guint64)st.st_blocks * 512);
    g_assert_cmpuint(layer(layers, 0)->device, ==, st.st_dev);
    g_assert_cmpuint(layer(layers, 0)->inode, ==, st.st_ino);
    g_assert_cmpuint(layer(layers, 0)->fs_device, ==, st.st_dev);
    g_assert_cmpuint(layer(layers, 0)->fs_free_bytes, >, 0);
    g_assert_false(layer(layers, 0)->missing);
    g_assert_null(layer(layers, 0)->problem);
    assert_path(f, layer(layers, 1), "sub/../base");
    g_assert_null(layer(layers, 1)->problem);
    g_assert_null(layer(layers, 1)->backing_name);
    g_assert_null(layer(layers, 1)->looks_like);
}

/* A relative name is relative to the folder of the image as it is named, not where it leads. */
static void
test_symlink(Fixture *f, gconstpointer data)
{
    g_autofree char *there = fixture_path(f->folder, "there");
    g_autofree char *link = fixture_path(f->folder, "link");
    g_autoptr(GPtrArray) layers = NULL;

    g_assert_cmpint(g_mkdir(there, 0755), ==, 0);
    fixture_qcow2(there, "top", "base", "raw");
    fixture_file(there, "base", "wrong");
    fixture_file(f->folder, "base", "right");
    g_assert_cmpint(symlink("there/top", link), ==, 0);
    layers = read_name(f, "link", "qcow2");
    g_assert_cmpuint(layers->len, ==, 2);
    assert_path(f, layer(layers, 1), "base");
}

/* XML that tells the whole chain is believed: the header is not followed. */
static void
test_whole(Fixture *f, gconstpointer data)
{
    g_autofree char *path = fixture_path(f->folder, "top");
    g_autoptr(GPtrArray) layers = NULL;

    fixture_qcow2(f->folder, "top", "base", "qcow2");
    layers = read_path(f, path, "qcow2", TRUE);
    g_assert_cmpuint(layers->len, ==, 1);
    g_assert_cmpstr(layer(layers, 0)->backing_name, ==, "base");
    g_assert_null(layer(layers, 0)->problem);
}

/* A raw image whose guest wrote a qcow2 header into it stays raw. */
static void
test_stored_raw(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) top = NULL;
    g_autoptr(GPtrArray) below = NULL;

    fixture_qcow2(f->folder, "guest", "/etc/passwd", "raw");
    fixture_qcow2(f->folder, "top", "guest", "raw");
    top = read_name(f, "guest", "raw");
    g_assert_cmpuint(top->len, ==, 1);
    g_assert_null(layer(top, 0)->backing_name);
    g_assert_cmpstr(layer(top, 0)->looks_like, ==, "qcow2");
    below = read_name(f, "top", "qcow2");
    g_assert_cmpuint(below->len, ==, 2);
    g_assert_cmpstr(layer(below, 1)->format, ==, "raw");
    g_assert_null(layer(below, 1)->problem);
}

/* Where no format is stored the layer says so, and what is named below it still is seen. */
static void
test_no_format(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = NULL;

    fixture_qcow2(f->folder, "top", "middle", NULL);
    fixture_qcow2(f->folder, "middle", "base", "raw");
    fixture_file(f->folder, "base", "data");
    layers = read_name(f, "top", "qcow2");
    g_assert_cmpuint(layers->len, ==, 3);
    g_assert_null(layer(layers, 1)->format);
    g_assert_nonnull(strstr(layer(layers, 1)->problem, "does not store the format"));
    assert_path(f, layer(layers, 2), "base");
}

static void
test_missing(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = NULL;

    fixture_qcow2(f->folder, "top", "gone", "qcow2");
    layers = read_name(f, "top", "qcow2");
    g_assert_cmpuint(layers->len, ==, 2);
    g_assert_false(layer(layers, 0)->missing);
    g_assert_true(layer(layers, 1)->missing);
    g_assert_nonnull(strstr(layer(layers, 1)->problem, "gone"));
    g_assert_nonnull(strstr(layer(layers, 1)->problem, g_strerror(ENOENT)));
    g_assert_cmpuint(layer(layers, 1)->inode, ==, 0);
}

static void
test_broken(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = NULL;

    fixture_qcow2(f->folder, "top", "broken", "qcow2");
    fixture_file(f->folder, "broken", "this is no qcow2 image");
    layers = read_name(f, "top", "qcow2");
    g_assert_cmpuint(layers->len, ==, 2);
    g_assert_false(layer(layers, 1)->missing);
    g_assert_nonnull(strstr(layer(layers, 1)->problem, "broken"));
    g_assert_cmpuint(layer(layers, 1)->inode, !=, 0);
}

static void
test_loop(Fixture *f, gconstpointer data)
{
    g_autofree char *link = fixture_path(f->folder, "a-again");
    g_autoptr(GPtrArray) layers = NULL;

    fixture_qcow2(f->folder, "a", "b", "qcow2");
    fixture_qcow2(f->folder, "b", "a-again", "qcow2");
    g_assert_cmpint(symlink("a", link), ==, 0);
    layers = read_name(f, "a", "qcow2");
    g_assert_cmpuint(layers->len, ==, 2);
    g_assert_nonnull(strstr(layer(layers, 1)->problem, "loops"));
}

static void
test_too_deep(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = NULL;

    for (int i = 0; i <= SINTER_LAYER_READER_MAX_DEPTH; i++) {
        g_autofree char *name = g_strdup_printf("%d", i);
        g_autofree char *below = g_strdup_printf("%d", i + 1);

        fixture_qcow2(f->folder, name, below, "qcow2");
    }
    layers = read_name(f, "0", "qcow2");
    g_assert_cmpuint(layers->len, ==, SINTER_LAYER_READER_MAX_DEPTH);
    g_assert_nonnull(strstr(layer(layers, layers->len - 1)->problem, "too long"));
}

static void
test_long_names(Fixture *f, gconstpointer data)
{
    g_autofree char *base = fixture_path(f->folder, "base");
    g_autofree char *object = g_strdup_printf(
        "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"%s\"}}", base);
    g_autofree char *dotted =
        g_strdup_printf("json:{\"driver\":\"raw\",\"file.filename\":\"%s\"}", base);
    g_autoptr(GPtrArray) by_object = NULL;
    g_autoptr(GPtrArray) by_dot = NULL;
    g_autoptr(GPtrArray) nonsense = NULL;
    g_autoptr(GPtrArray) network = NULL;

    fixture_qcow2(f->folder, "base", NULL, NULL);
    fixture_qcow2(f->folder, "object", object, "qcow2");
    fixture_qcow2(f->folder, "dotted", dotted, "qcow2");
    fixture_qcow2(f->folder, "nonsense", "json:[{", "qcow2");
    fixture_qcow2(f->folder, "network", "nbd://host/export", "raw");
    by_object = read_name(f, "object", "qcow2");
    g_assert_cmpuint(by_object->len, ==, 2);
    g_assert_cmpstr(layer(by_object, 1)->path, ==, base);
    g_assert_null(layer(by_object, 1)->problem);
    g_assert_cmpuint(layer(by_object, 1)->inode, !=, 0);
    by_dot = read_name(f, "dotted", "qcow2");
    g_assert_cmpstr(layer(by_dot, 1)->path, ==, base);
    nonsense = read_name(f, "nonsense", "qcow2");
    g_assert_cmpint(layer(nonsense, 1)->type, ==, SINTER_SOURCE_OTHER);
    g_assert_null(layer(nonsense, 1)->path);
    network = read_name(f, "network", "qcow2");
    g_assert_cmpint(layer(network, 1)->type, ==, SINTER_SOURCE_NETWORK);
    g_assert_cmpstr(layer(network, 1)->description, ==, "nbd://host/export");
}

/* A pipe under an image's name holds nobody up. */
static void
test_pipe(Fixture *f, gconstpointer data)
{
    g_autofree char *path = fixture_path(f->folder, "pipe");
    g_autoptr(GPtrArray) layers = NULL;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    layers = read_name(f, "pipe", "raw");
    g_assert_cmpuint(layers->len, ==, 1);
    g_assert_nonnull(layer(layers, 0)->problem);
}

static void
test_relative_source(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = read_path(f, "not/absolute", "qcow2", FALSE);

    g_assert_cmpuint(layers->len, ==, 1);
    g_assert_null(layer(layers, 0)->path);
    g_assert_cmpstr(layer(layers, 0)->description, ==, "not/absolute");
    g_assert_nonnull(layer(layers, 0)->problem);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/layer-reader/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("facts", test_facts);
    ADD("symlink", test_symlink);
    ADD("whole", test_whole);
    ADD("stored-raw", test_stored_raw);
    ADD("no-format", test_no_format);
    ADD("missing", test_missing);
    ADD("broken", test_broken);
    ADD("loop", test_loop);
    ADD("too-deep", test_too_deep);
    ADD("long-names", test_long_names);
    ADD("pipe", test_pipe);
    ADD("relative-source", test_relative_source);
    return g_test_run();
}
