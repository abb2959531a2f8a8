/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What layers hold and hide: data, compressed data and zeros above data, and what cannot be
 * measured. */

#include "image-fixture.h"
#include "qcow2-build.h"
#include "sinter-chain-usage.h"
#include "sinter-error.h"

#include <glib/gstdio.h>

#define CLUSTER 65536

typedef struct {
    char *folder;
    SinterFs *fs;
    SinterDisk *disk; /* top, middle, base */
} Fixture;

/* An image of which @map, a character a cluster, tells what it holds: D data, C compressed data,
 * Z zeros, . nothing */
static void
make_image(Fixture *f, const char *name, const char *backing, const char *map)
{
    g_autofree char *path = fixture_path(f->folder, name);
    Build build;

    build_begin(&build, f->fs, path,
                &(BuildOptions){ .backing = backing, .backing_format = backing ? "qcow2" : NULL });
    for (guint i = 0; map[i] != '\0'; i++) {
        if (map[i] == 'D')
            build_map(&build, (guint64)i * CLUSTER,
                      (SinterQcow2L2Entry){ build_data(&build, 0xaa), 0 });
        else if (map[i] == 'C')
            build_map(&build, (guint64)i * CLUSTER, build_compressed(&build, 0xbb));
        else if (map[i] == 'Z')
            build_map(&build, (guint64)i * CLUSTER, (SinterQcow2L2Entry){ SINTER_QCOW2_ZERO, 0 });
    }
    build_end(&build);
}

static void
add_layer(Fixture *f, const char *name)
{
    SinterLayer *layer = sinter_layer_new();

    layer->type = SINTER_SOURCE_FILE;
    layer->path = fixture_path(f->folder, name);
    layer->description = g_strdup(layer->path);
    layer->format = g_strdup("qcow2");
    g_ptr_array_add(f->disk->layers, layer);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->folder = fixture_make_folder();
    f->fs = sinter_fs_new_host(NULL, &error);
    g_assert_no_error(error);
    make_image(f, "base", NULL, /*    */ "DDDDCC..ZD");
    make_image(f, "middle", "base", /**/ "..DZ.D.DD.");
    make_image(f, "top", "middle", /* */ ".D....ZZ..");
    f->disk = sinter_disk_new();
    f->disk->target = g_strdup("vda");
    add_layer(f, "top");
    add_layer(f, "middle");
    add_layer(f, "base");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_disk_free(f->disk);
    sinter_fs_unref(f->fs);
    fixture_remove_folder(f->folder);
}

static void
test_shadows(Fixture *f, gconstpointer data)
{
    static const guint64 held[] = { 1, 4, 7 };
    static const guint64 hidden[] = { 0, 1, 4 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) usage = sinter_chain_usage_measure(f->disk, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(usage->len, ==, G_N_ELEMENTS(held));
    for (guint i = 0; i < usage->len; i++) {
        const SinterLayerUsage *one = &g_array_index(usage, SinterLayerUsage, i);

        g_test_message("layer %u", i);
        g_assert_cmpuint(one->data_bytes, ==, held[i] * CLUSTER);
        g_assert_cmpuint(one->shadowed_bytes, ==, hidden[i] * CLUSTER);
    }
}

static void
assert_fails(Fixture *f, GCancellable *cancellable, int code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_chain_usage_measure(f->disk, cancellable, &error));
    g_test_message("%s", error->message);
    g_assert_error(error, SINTER_ERROR, code);
}

static void
test_failures(Fixture *f, gconstpointer data)
{
    SinterLayer *base;
    g_autoptr(GCancellable) cancelled = g_cancellable_new();

    g_cancellable_cancel(cancelled);
    assert_fails(f, cancelled, SINTER_ERROR_CANCELLED);
    g_ptr_array_set_size(f->disk->layers, 2);
    assert_fails(f, NULL, SINTER_ERROR_CHAIN_CHANGED);
    add_layer(f, "base");
    base = g_ptr_array_index(f->disk->layers, 2);
    base->type = SINTER_SOURCE_NETWORK;
    assert_fails(f, NULL, SINTER_ERROR_UNSUPPORTED);
    base->type = SINTER_SOURCE_FILE;
    g_assert_cmpint(g_unlink(base->path), ==, 0);
    assert_fails(f, NULL, SINTER_ERROR_NOT_FOUND);
    g_ptr_array_set_size(f->disk->layers, 0);
    assert_fails(f, NULL, SINTER_ERROR_UNSUPPORTED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/chain-usage/shadows", Fixture, NULL, set_up, test_shadows, tear_down);
    g_test_add("/chain-usage/failures", Fixture, NULL, set_up, test_failures, tear_down);
    return g_test_run();
}
