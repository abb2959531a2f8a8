/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where copies may lie: by name (a table), and by what is really there. */

#include "sinter-destination.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALLOWED "/srv/copies:/mnt/a b/"

static SinterDisk *
make_disk(void)
{
    static const char *const paths[] = { "/vm/tops/top.qcow2", "/vm/base.qcow2" };
    SinterDisk *disk = sinter_disk_new();

    disk->target = g_strdup("vda");
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        SinterLayer *layer = sinter_layer_new();

        layer->type = SINTER_SOURCE_FILE;
        layer->path = g_strdup(paths[i]);
        g_ptr_array_add(disk->layers, layer);
    }
    return disk;
}

static void
test_names(void)
{
    static const struct {
        const char *destination;
        const char *folders;
        const char *root; /* or, where that is NULL … */
        int code;         /* … this error, or 0 for anywhere */
    } cases[] = {
        { "/vm/tops/copy.qcow2", ALLOWED, "/vm/tops", 0 },
        { "/vm/copy.qcow2", ALLOWED, "/vm", 0 },
        { "/vm/other/deep/copy.qcow2", "", "/vm", 0 },
        { "/srv/copies/x", ALLOWED, "/srv/copies", 0 },
        { "/mnt/a b/x", ALLOWED, "/mnt/a b/", 0 },
        { "/vmx/copy", ALLOWED, NULL, SINTER_ERROR_NOT_AUTHORIZED },
        { "/srv/copies2/x", ALLOWED, NULL, SINTER_ERROR_NOT_AUTHORIZED },
        { "/srv/copies", ALLOWED, NULL, SINTER_ERROR_NOT_AUTHORIZED },
        { "/etc/shadow", ALLOWED, NULL, SINTER_ERROR_NOT_AUTHORIZED },
        { "/etc/shadow", "", NULL, SINTER_ERROR_NOT_AUTHORIZED },
        { "/etc/shadow", NULL, NULL, 0 },
        { "/vm/../etc/shadow", ALLOWED, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "/vm/./copy", ALLOWED, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "/vm//copy", NULL, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "/vm/copy/", ALLOWED, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "/", NULL, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "vm/copy", NULL, NULL, SINTER_ERROR_INVALID_ARGUMENT },
        { "", NULL, NULL, SINTER_ERROR_INVALID_ARGUMENT },
    };
    SinterDisk *disk = make_disk();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *root = NULL;
        gboolean good = sinter_destination_find_root(cases[i].destination, disk, cases[i].folders,
                                                     &root, &error);

        g_test_message("'%s' in '%s'", cases[i].destination, cases[i].folders);
        g_assert_cmpint(good, ==, cases[i].code == 0);
        g_assert_cmpstr(root, ==, cases[i].root);
        if (!good)
            g_assert_error(error, SINTER_ERROR, cases[i].code);
    }
    sinter_disk_free(disk);
}

/* --- what is there ---------------------------------------------------------------------------- */

typedef struct {
    char *root;
} Fixture;

static char *
at(Fixture *f, const char *name)
{
    return g_build_filename(f->root, name, NULL);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    static const char *const folders[] = { "in", "in/deep", "out" };
    static const char *const files[] = { "in/file", "out/file" };

    f->root = g_dir_make_tmp("sinter-destination-XXXXXX", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = at(f, folders[i]);

        g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = at(f, files[i]);

        g_assert_true(g_file_set_contents(path, "", 0, NULL));
    }
    {
        g_autofree char *link_to_folder = at(f, "in/link");
        g_autofree char *link_to_file = at(f, "in/linked-file");
        g_autofree char *dangling = at(f, "in/dangling");
        g_autofree char *fifo = at(f, "in/fifo");
        g_autofree char *root_link = at(f, "root-link");

        g_assert_cmpint(symlink("../out", link_to_folder), ==, 0);
        g_assert_cmpint(symlink("../out/file", link_to_file), ==, 0);
        g_assert_cmpint(symlink("../out/nothing", dangling), ==, 0);
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(symlink("in", root_link), ==, 0);
    }
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {
        "in/link",   "in/linked-file", "in/dangling", "in/fifo", "in/file", "out/file",
        "root-link", "in/deep",        "in",          "out",     ""
    };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = at(f, names[i]);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_free(f->root);
}

static void
test_places(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *destination;
        const char *root; /* NULL: anywhere */
        gboolean reuse;
        int code; /* 0: it may be written to */
    } cases[] = {
        { "in/new", "in", FALSE, 0 },
        { "in/deep/new", "in", FALSE, 0 },
        { "in/new", NULL, FALSE, 0 },
        { "root-link/new", "root-link", FALSE, 0 }, /* the administrator's own link */
        { "in/link/new", NULL, FALSE, 0 },          /* nobody said where it may be */
        { "in/file", "in", TRUE, 0 },
        { "in/file", "in", FALSE, SINTER_ERROR_INVALID_ARGUMENT },
        { "in/new", "in", TRUE, SINTER_ERROR_NOT_FOUND },
        { "in/nowhere/new", "in", FALSE, SINTER_ERROR_NOT_FOUND },
        { "in/link/new", "in", FALSE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/link/file", "in", TRUE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/linked-file", "in", TRUE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/linked-file", NULL, TRUE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/dangling", "in", FALSE, SINTER_ERROR_INVALID_ARGUMENT },
        { "in/dangling", "in", TRUE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/fifo", "in", TRUE, SINTER_ERROR_NOT_AUTHORIZED },
        { "in/deep", "in", TRUE, SINTER_ERROR_NOT_AUTHORIZED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        SinterDiskPlan *plan = sinter_disk_plan_new("vda");
        g_autoptr(GError) error = NULL;
        gboolean good;

        plan->operation = SINTER_OPERATION_COPY;
        plan->destination = at(f, cases[i].destination);
        plan->destination_root = cases[i].root ? at(f, cases[i].root) : NULL;
        plan->reuse_external = cases[i].reuse;
        good = sinter_destination_check(plan, NULL, &error);
        g_test_message("'%s' below '%s': %s", cases[i].destination, cases[i].root,
                       error ? error->message : "good");
        g_assert_cmpint(good, ==, cases[i].code == 0);
        if (!good)
            g_assert_error(error, SINTER_ERROR, cases[i].code);
        sinter_disk_plan_free(plan);
    }
}

static void
test_others(void)
{
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");

    g_assert_true(sinter_destination_check(plan, NULL, NULL));
    sinter_disk_plan_free(plan);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/destination/names", test_names);
    g_test_add("/destination/places", Fixture, NULL, set_up, test_places, tear_down);
    g_test_add_func("/destination/others", test_others);
    return g_test_run();
}
