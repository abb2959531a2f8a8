/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* No user of an image stays hidden: by another name, in a stopped domain, in a snapshot. */

#include "sinter-reference-graph.h"
#include "watch-fixture.h"

#include <glib/gstdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    GPtrArray *domains;
    SinterReferenceGraph *graph;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->domains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_pointer(&f->graph, sinter_reference_graph_unref);
    g_ptr_array_unref(f->domains);
}

static SinterDomain *
add_domain(Fixture *f, const char *name, gboolean active)
{
    SinterDomain *domain = fixture_domain(name, active);

    g_ptr_array_add(f->domains, domain);
    return domain;
}

static guint
count_users(Fixture *f, const char *path, guint64 inode)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    g_autoptr(GPtrArray) found =
        sinter_reference_graph_lookup(f->graph, fixture_layer(layers, path, inode));

    return found->len;
}

static const SinterReference *
find_foreign(Fixture *f, const char *path, guint64 inode, const char *uuid, const char *target)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);

    return sinter_reference_graph_find_foreign(f->graph, fixture_layer(layers, path, inode), uuid,
                                               target);
}

static void
test_stopped_sibling(Fixture *f, gconstpointer data)
{
    SinterDisk *mine = fixture_disk(add_domain(f, "mine", TRUE), "vda");
    SinterDisk *sibling = fixture_disk(add_domain(f, "sibling", FALSE), "vda");
    const SinterReference *foreign;

    fixture_layer(mine->layers, "/images/top", 1);
    fixture_layer(mine->layers, "/images/base", 2);
    fixture_layer(sibling->layers, "/images/other", 3);
    fixture_layer(sibling->layers, "/images/hard-link-of-base", 2);
    sibling->inactive_layers = g_ptr_array_ref(sibling->layers);
    f->graph = sinter_reference_graph_new(f->domains);

    g_assert_null(find_foreign(f, "/images/top", 1, "uuid-of-mine", "vda"));
    foreign = find_foreign(f, "/images/base", 2, "uuid-of-mine", "vda");
    g_assert_nonnull(foreign);
    g_assert_cmpstr(foreign->domain_name, ==, "sibling");
    g_assert_cmpstr(foreign->path, ==, "/images/hard-link-of-base");
    g_assert_cmpint(foreign->kind, ==, SINTER_REFERENCE_INACTIVE);
    g_assert_cmpuint(foreign->depth, ==, 1);
    g_assert_cmpuint(count_users(f, "/images/base", 2), ==, 2);
    g_assert_cmpuint(count_users(f, "/images/nobody", 9), ==, 0);
}

/* A file that no scan could see is known by its name, in whatever way that is written. */
static void
test_by_name(Fixture *f, gconstpointer data)
{
    SinterDisk *a = fixture_disk(add_domain(f, "a", FALSE), "vda");
    SinterDisk *b = fixture_disk(add_domain(f, "b", FALSE), "vda");
    const SinterReference *foreign;

    fixture_layer(a->layers, "/images/base", 0);
    fixture_layer(b->layers, "/images/sub/../base", 5);
    f->graph = sinter_reference_graph_new(f->domains);

    g_assert_cmpuint(count_users(f, "/images//base", 0), ==, 2);
    g_assert_cmpuint(count_users(f, "/images/base", 5), ==, 2);
    g_assert_cmpuint(count_users(f, "/elsewhere", 5), ==, 1);
    foreign = find_foreign(f, "/images/./base", 0, "uuid-of-b", "vda");
    g_assert_cmpstr(foreign->domain_name, ==, "a");
}

static void
test_own_disk(Fixture *f, gconstpointer data)
{
    SinterDomain *domain = add_domain(f, "a", TRUE);
    SinterDisk *vda = fixture_disk(domain, "vda");
    SinterDisk *vdb = fixture_disk(domain, "vdb");
    const SinterReference *foreign;

    fixture_layer(vda->layers, "/a", 1);
    fixture_layer(vda->layers, "/base", 2);
    fixture_layer(vdb->layers, "/b", 3);
    fixture_layer(vdb->layers, "/base", 2);
    f->graph = sinter_reference_graph_new(f->domains);

    foreign = find_foreign(f, "/base", 2, "uuid-of-a", "vda");
    g_assert_cmpstr(foreign->disk, ==, "vdb");
    g_assert_null(find_foreign(f, "/a", 1, "uuid-of-a", "vda"));
}

/* The next boot's chain, a mirror's target and network sources count as well. */
static void
test_other_chains(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = fixture_disk(add_domain(f, "a", TRUE), "vda");
    SinterLayer *network;
    g_autoptr(GPtrArray) found = NULL;

    fixture_layer(disk->layers, "/now", 1);
    disk->inactive_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    fixture_layer(disk->inactive_layers, "/next-boot", 2);
    disk->mirror_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    fixture_layer(disk->mirror_layers, "/copy", 3);
    network = fixture_layer(disk->layers, NULL, 0);
    network->type = SINTER_SOURCE_NETWORK;
    network->description = g_strdup("rbd:pool/image");
    f->graph = sinter_reference_graph_new(f->domains);

    g_assert_cmpint(find_foreign(f, "/next-boot", 2, "uuid-of-b", "vda")->kind, ==,
                    SINTER_REFERENCE_INACTIVE);
    g_assert_cmpint(find_foreign(f, "/copy", 3, "uuid-of-b", "vda")->kind, ==,
                    SINTER_REFERENCE_LIVE);
    found = sinter_reference_graph_lookup(f->graph, network);
    g_assert_cmpuint(found->len, ==, 1);
}

static void
test_snapshots(Fixture *f, gconstpointer data)
{
    SinterDomain *domain = add_domain(f, "a", FALSE);
    SinterSnapshot *snapshot = fixture_snapshot(domain, "before");
    SinterSnapshotDisk *disk = fixture_snapshot_disk(snapshot, "vda", "/overlay", "/frozen");
    SinterSnapshotDisk *apart = fixture_snapshot_disk(snapshot, "vdb", NULL, "/apart");
    const SinterReference *reference;

    disk->frozen_device = 1;
    disk->frozen_inode = 4;
    apart->frozen_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    fixture_layer(apart->frozen_layers, "/apart", 5);
    fixture_layer(apart->frozen_layers, "/under-it", 6);
    snapshot->memory_path = g_strdup("/memory");
    f->graph = sinter_reference_graph_new(f->domains);

    reference = find_foreign(f, "/by-another-name", 4, "uuid-of-b", "vda");
    g_assert_cmpint(reference->kind, ==, SINTER_REFERENCE_SNAPSHOT);
    g_assert_cmpstr(reference->snapshot, ==, "before");
    g_assert_cmpstr(reference->path, ==, "/frozen");
    g_assert_null(find_foreign(f, "/frozen", 4, "uuid-of-a", "vda"));
    g_assert_cmpuint(count_users(f, "/overlay", 0), ==, 1);
    g_assert_cmpuint(count_users(f, "/apart", 5), ==, 1);
    g_assert_cmpuint(count_users(f, "/x", 6), ==, 1);
    g_assert_cmpuint(count_users(f, "/memory", 0), ==, 1);
}

/* Names that are resolved on the file system when asked: links, relative names, files gone. */
static void
test_lookup_path(Fixture *f, gconstpointer data)
{
    g_autofree char *dir = g_dir_make_tmp("sinter-graph-XXXXXX", NULL);
    g_autofree char *base = g_build_filename(dir, "base", NULL);
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_autofree char *hard = g_build_filename(dir, "hard", NULL);
    g_autofree char *folder = g_build_filename(dir, "folder", NULL);
    g_autofree char *gone = g_build_filename(dir, "gone", NULL);
    g_autofree char *gone_by_link = g_build_filename(folder, "gone", NULL);
    const char *names[] = { base, link, hard, gone, gone_by_link };
    SinterDisk *disk = fixture_disk(add_domain(f, "a", FALSE), "vda");
    SinterLayer *layer;
    struct stat st;

    g_assert_true(g_file_set_contents(base, "x", 1, NULL));
    g_assert_cmpint(symlink(base, link), ==, 0);
    g_assert_cmpint(symlink(dir, folder), ==, 0);
    g_assert_cmpint(linkat(AT_FDCWD, base, AT_FDCWD, hard, 0), ==, 0);
    g_assert_cmpint(stat(base, &st), ==, 0);
    layer = fixture_layer(disk->layers, base, st.st_ino);
    layer->device = st.st_dev;
    fixture_layer(disk->layers, gone, 0);
    f->graph = sinter_reference_graph_new(f->domains);

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GPtrArray) found = sinter_reference_graph_lookup_path(f->graph, names[i]);

        if (found->len != 1)
            g_error("'%s' leads to %u users", names[i], found->len);
    }
    g_assert_cmpint(g_unlink(base) | g_unlink(link) | g_unlink(hard) | g_unlink(folder), ==, 0);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* The firmware of a domain, a managed save image, and data files are users as well. */
static void
test_side_images(Fixture *f, gconstpointer data)
{
    SinterDomain *domain = add_domain(f, "a", FALSE);
    SinterDisk *disk = fixture_disk(domain, "vda");
    GPtrArray *nvram = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    GPtrArray *saved = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterSideImage *image = sinter_side_image_new("the managed save image", saved);
    g_autofree char *words = NULL;
    SinterLayer *layer;

    layer = fixture_layer(disk->layers, "/a", 1);
    layer->data_path = g_strdup("/data");
    layer->data_device = 1;
    layer->data_inode = 7;
    fixture_layer(nvram, "/nvram", 2);
    fixture_layer(nvram, "/under-nvram", 3);
    fixture_layer(saved, "/saved", 4);
    image->disk = g_strdup("vda");
    g_ptr_array_add(domain->side_images, sinter_side_image_new("the NVRAM", nvram));
    g_ptr_array_add(domain->side_images, image);
    f->graph = sinter_reference_graph_new(f->domains);

    g_assert_cmpuint(count_users(f, "/other-name-of-data", 7), ==, 1);
    g_assert_nonnull(find_foreign(f, "/under-nvram", 3, "uuid-of-b", "vda"));
    words = sinter_reference_describe(find_foreign(f, "/under-nvram", 3, "uuid-of-a", "vda"));
    g_assert_cmpstr(words, ==, "the NVRAM of domain 'a'");
    g_assert_nonnull(find_foreign(f, "/saved", 4, "uuid-of-a", "vdb"));
    g_assert_null(find_foreign(f, "/saved", 4, "uuid-of-a", "vda"));
}

static void
test_strays(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    GPtrArray *clone = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    g_autofree char *words = NULL;

    fixture_layer(clone, "/clone", 1);
    fixture_layer(clone, "/base", 2);
    g_ptr_array_add(strays, clone);
    fixture_layer(fixture_disk(add_domain(f, "a", FALSE), "vda")->layers, "/base", 2);
    f->graph = sinter_reference_graph_new_with_strays(f->domains, strays);

    g_assert_cmpuint(count_users(f, "/clone", 1), ==, 0);
    g_assert_cmpuint(count_users(f, "/base", 2), ==, 2);
    words = sinter_reference_describe(find_foreign(f, "/base", 2, "uuid-of-a", "vda"));
    g_assert_cmpstr(words, ==, "image '/clone', which no domain uses");
}

/* The search for strays saw an overlay that its domain, as it was read then, did not have yet. */
static void
test_stray_that_a_domain_uses(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    GPtrArray *overlay = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterDisk *disk = fixture_disk(add_domain(f, "a", FALSE), "vda");

    fixture_layer(overlay, "/overlay", 1);
    fixture_layer(overlay, "/base", 2);
    g_ptr_array_add(strays, overlay);
    fixture_layer(disk->layers, "/overlay", 1);
    fixture_layer(disk->layers, "/base", 2);
    f->graph = sinter_reference_graph_new_with_strays(f->domains, strays);

    g_assert_cmpuint(count_users(f, "/base", 2), ==, 1);
    g_assert_cmpuint(sinter_reference_graph_get_strays(f->graph)->len, ==, 0);
}

/* The domain was moved from the overlay to another one on the same base; only the metadata of the
 * snapshot still names it. */
static void
test_abandoned_overlay(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    GPtrArray *overlay = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterDomain *domain = add_domain(f, "a", FALSE);
    SinterDisk *disk = fixture_disk(domain, "vda");
    SinterSnapshot *snapshot = fixture_snapshot(domain, "s1");
    g_autofree char *words = NULL;

    fixture_snapshot_disk(snapshot, "vda", "/overlay", "/base");
    fixture_layer(overlay, "/overlay", 1);
    fixture_layer(overlay, "/base", 2);
    g_ptr_array_add(strays, overlay);
    fixture_layer(disk->layers, "/revert", 3);
    fixture_layer(disk->layers, "/base", 2);
    f->graph = sinter_reference_graph_new_with_strays(f->domains, strays);

    words = sinter_reference_describe(find_foreign(f, "/base", 2, "uuid-of-a", "vda"));
    g_assert_cmpstr(words, ==, "image '/overlay', which no domain uses");
}

/* The graph outlives the list that it was made from. */
static void
test_holds_domains(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = fixture_disk(add_domain(f, "a", FALSE), "vda");

    fixture_layer(disk->layers, "/a", 1);
    f->graph = sinter_reference_graph_new(f->domains);
    g_ptr_array_set_size(f->domains, 0);
    g_assert_cmpstr(find_foreign(f, "/a", 1, "uuid-of-b", "vda")->domain_name, ==, "a");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/reference-graph/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("stopped-sibling", test_stopped_sibling);
    ADD("by-name", test_by_name);
    ADD("own-disk", test_own_disk);
    ADD("other-chains", test_other_chains);
    ADD("snapshots", test_snapshots);
    ADD("lookup-path", test_lookup_path);
    ADD("side-images", test_side_images);
    ADD("strays", test_strays);
    ADD("stray-that-a-domain-uses", test_stray_that_a_domain_uses);
    ADD("abandoned-overlay", test_abandoned_overlay);
    ADD("holds-domains", test_holds_domains);
    return g_test_run();
}
