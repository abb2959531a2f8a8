/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A chain as the bus shows it: who else uses a layer, and what a merge could free. */

#include "sinter-chain-view.h"

#include "../watch/watch-fixture.h"

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

/* A disk vda with three layers of 1, 10 and 100 bytes; the bottom one is @base. */
static SinterDisk *
add_chain(Fixture *f, const char *name, const char *base, guint64 base_inode)
{
    SinterDomain *domain = fixture_domain(name, TRUE);
    SinterDisk *disk = fixture_disk(domain, "vda");
    g_autofree char *top = g_strconcat("/i/", name, "-top", NULL);
    g_autofree char *mid = g_strconcat("/i/", name, "-mid", NULL);

    fixture_layer(disk->layers, top, 0)->allocated_bytes = 1;
    fixture_layer(disk->layers, mid, 0)->allocated_bytes = 10;
    fixture_layer(disk->layers, base, base_inode)->allocated_bytes = 100;
    g_ptr_array_add(f->domains, domain);
    return disk;
}

static GVariant *
layer_of(GVariant *chain, gsize i)
{
    return g_variant_get_child_value(chain, i);
}

static void
test_shared_base(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = add_chain(f, "one", "/i/base", 7);
    g_autoptr(GVariant) chain = NULL;
    g_autoptr(GVariant) bottom = NULL;
    g_autoptr(GVariant) top = NULL;
    g_auto(GStrv) users = NULL;

    add_chain(f, "two", "/other/name/of/base", 7);
    f->graph = sinter_reference_graph_new(f->domains);
    chain = sinter_chain_view_new(f->domains->pdata[0], disk, f->graph);
    g_assert_cmpuint(g_variant_n_children(chain), ==, 3);
    top = layer_of(chain, 0);
    bottom = layer_of(chain, 2);
    g_assert_false(g_variant_lookup(top, "users", "^as", &users));
    g_assert_true(g_variant_lookup(bottom, "users", "^as", &users));
    g_assert_cmpuint(g_strv_length(users), ==, 1);
    g_assert_cmpstr(users[0], ==, "two/vda");
    /* the base is another's too: only the middle can take in the top */
    g_assert_cmpuint(sinter_chain_view_reclaimable_bytes(f->domains->pdata[0], disk, f->graph), ==,
                     1);
    g_assert_cmpuint(sinter_chain_view_allocated_bytes(disk), ==, 111);
}

static void
test_own(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = add_chain(f, "one", "/i/base", 7);
    SinterSnapshot *snapshot = fixture_snapshot(f->domains->pdata[0], "s1");
    g_autoptr(GVariant) chain = NULL;
    g_autoptr(GVariant) bottom = NULL;
    const char *text = NULL;
    guint64 bytes = 0;

    fixture_snapshot_disk(snapshot, "vda", "/i/one-mid", "/i/base");
    f->graph = sinter_reference_graph_new(f->domains);
    chain = sinter_chain_view_new(f->domains->pdata[0], disk, f->graph);
    bottom = layer_of(chain, 2);
    g_assert_false(g_variant_lookup(bottom, "users", "as", NULL)); /* its own snapshot is none */
    g_assert_true(g_variant_lookup(bottom, "path", "&s", &text));
    g_assert_cmpstr(text, ==, "/i/base");
    g_assert_true(g_variant_lookup(bottom, "type", "&s", &text));
    g_assert_cmpstr(text, ==, "file");
    g_assert_true(g_variant_lookup(bottom, "allocated-bytes", "t", &bytes));
    g_assert_cmpuint(bytes, ==, 100);
    g_assert_false(g_variant_lookup(bottom, "index", "u", NULL));
    g_assert_cmpuint(sinter_chain_view_reclaimable_bytes(f->domains->pdata[0], disk, f->graph), ==,
                     11);
}

static void
test_foreign_snapshot(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = add_chain(f, "one", "/i/base", 7);
    SinterDomain *other = fixture_domain("other", FALSE);
    SinterSnapshot *snapshot = fixture_snapshot(other, "old");
    g_autoptr(GVariant) chain = NULL;
    g_autoptr(GVariant) middle = NULL;
    g_auto(GStrv) users = NULL;

    fixture_snapshot_disk(snapshot, "vda", "/i/gone", "/i/one-mid");
    g_ptr_array_add(f->domains, other);
    f->graph = sinter_reference_graph_new(f->domains);
    chain = sinter_chain_view_new(f->domains->pdata[0], disk, f->graph);
    middle = layer_of(chain, 1);
    g_assert_true(g_variant_lookup(middle, "users", "^as", &users));
    g_assert_cmpstr(users[0], ==, "other@old");
    g_assert_cmpuint(sinter_chain_view_reclaimable_bytes(f->domains->pdata[0], disk, f->graph), ==,
                     0);
}

/* A base with a thousand users costs a bounded list, sorted, each name once. */
static void
test_many_users(Fixture *f, gconstpointer data)
{
    SinterDisk *disk = add_chain(f, "one", "/i/base", 7);
    g_autoptr(GVariant) chain = NULL;
    g_autoptr(GVariant) bottom = NULL;
    g_auto(GStrv) users = NULL;

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("d%04u", i);

        add_chain(f, name, "/i/base", 7);
    }
    f->graph = sinter_reference_graph_new(f->domains);
    chain = sinter_chain_view_new(f->domains->pdata[0], disk, f->graph);
    bottom = layer_of(chain, 2);
    g_assert_true(g_variant_lookup(bottom, "users", "^as", &users));
    g_assert_cmpuint(g_strv_length(users), ==, SINTER_CHAIN_VIEW_MAX_USERS);
    g_assert_cmpstr(users[0], ==, "d0000/vda");
    g_assert_cmpstr(users[1], ==, "d0001/vda");
}

static void
test_empty_drive(Fixture *f, gconstpointer data)
{
    SinterDomain *domain = fixture_domain("one", TRUE);
    SinterDisk *disk = fixture_disk(domain, "sda");
    g_autoptr(GVariant) chain = NULL;

    g_ptr_array_add(f->domains, domain);
    f->graph = sinter_reference_graph_new(f->domains);
    chain = sinter_chain_view_new(domain, disk, f->graph);
    g_assert_cmpuint(g_variant_n_children(chain), ==, 0);
    g_assert_cmpuint(sinter_chain_view_reclaimable_bytes(domain, disk, f->graph), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/chain-view/shared-base", Fixture, NULL, set_up, test_shared_base, tear_down);
    g_test_add("/chain-view/own", Fixture, NULL, set_up, test_own, tear_down);
    g_test_add("/chain-view/foreign-snapshot", Fixture, NULL, set_up, test_foreign_snapshot,
               tear_down);
    g_test_add("/chain-view/many-users", Fixture, NULL, set_up, test_many_users, tear_down);
    g_test_add("/chain-view/empty-drive", Fixture, NULL, set_up, test_empty_drive, tear_down);
    return g_test_run();
}
