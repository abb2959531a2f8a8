/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images that no domain uses: which are found, and which do not count. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "image-fixture.h"
#include "sinter-merged-mark.h"
#include "sinter-stray-search.h"
#include "watch-fixture.h"

typedef struct {
    char *folder;
    SinterScanSettings *settings;
    SinterLayerReader *reader;
    SinterDomain *domain;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = fixture_make_folder();
    f->settings = sinter_scan_settings_new();
    f->reader = sinter_layer_reader_new(NULL, f->settings->memory);
    f->domain = fixture_domain("a", FALSE);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_layer_reader_free(f->reader);
    sinter_scan_settings_unref(f->settings);
    sinter_domain_unref(f->domain);
    fixture_remove_folder(f->folder);
}

/* A disk of the domain with one image, NAME in the folder. */
static void
use(Fixture *f, const char *name)
{
    g_autofree char *path = fixture_path(f->folder, name);
    SinterDisk *disk = fixture_disk(f->domain, name);
    SinterLayer *layer;
    GStatBuf st;

    g_assert_cmpint(g_stat(path, &st), ==, 0);
    layer = fixture_layer(disk->layers, path, st.st_ino);
    layer->device = st.st_dev;
}

/* The names of the strays, joined. */
static char *
search(Fixture *f, const char *folder)
{
    g_autoptr(SinterStraySearch) pass = sinter_stray_search_new();
    g_autoptr(SinterScanSettings) settings = sinter_scan_settings_new();
    g_autoptr(GPtrArray) strays = NULL;
    GString *names = g_string_new(NULL);

    if (folder) {
        g_strfreev(settings->image_folders);
        settings->image_folders = g_strsplit(folder, ":", -1);
    }
    sinter_stray_search_note(pass, f->domain);
    strays = sinter_stray_search_run(pass, NULL, f->reader, settings);
    for (guint i = 0; i < strays->len; i++) {
        const GPtrArray *layers = strays->pdata[i];
        const SinterLayer *last = layers->pdata[layers->len - 1];
        g_autofree char *name = g_path_get_basename(((SinterLayer *)layers->pdata[0])->path);

        g_string_append_printf(names, "%s%s ", name, last->backing_unknown ? "?" : "");
    }
    return g_string_free(names, FALSE);
}

static void
write_qed(Fixture *f, const char *name, guint8 features)
{
    g_autofree char *path = fixture_path(f->folder, name);
    char content[1024] = "QED";

    content[16] = (char)features;
    g_assert_true(g_file_set_contents(path, content, sizeof content, NULL));
}

static void
test_beside(Fixture *f, gconstpointer data)
{
    g_autofree char *found = NULL;
    g_autofree char *link = fixture_path(f->folder, "link-to-clone");
    g_autofree char *noise = g_strnfill(2048, 'x');

    fixture_qcow2(f->folder, "base", NULL, NULL);
    fixture_qcow2(f->folder, "top", "base", "qcow2");
    fixture_qcow2(f->folder, "clone", "base", "qcow2");
    fixture_qcow2(f->folder, "alone", NULL, NULL);
    fixture_qcow2(f->folder, "lost", "gone", "qcow2");
    fixture_file(f->folder, "noise", noise);
    fixture_file(f->folder, "small", "QFI\xfb");
    write_qed(f, "qed-alone", 0);
    write_qed(f, "qed-clone", 1);
    g_assert_cmpint(symlink("clone", link), ==, 0);
    use(f, "top");
    use(f, "base");
    found = search(f, NULL);
    /* one of the two names of the clone, whichever comes first in the folder */
    if (strcmp(found, "clone lost qed-clone? ") != 0)
        g_assert_cmpstr(found, ==, "link-to-clone lost qed-clone? ");
}

static void
test_marked(Fixture *f, gconstpointer data)
{
    g_autofree char *path = fixture_path(f->folder, "merged");
    g_autofree char *found = NULL;
    int fd;

    fixture_qcow2(f->folder, "base", NULL, NULL);
    fixture_qcow2(f->folder, "merged", "base", "qcow2");
    use(f, "base");
    found = search(f, NULL);
    g_assert_cmpstr(found, ==, "merged ");
    fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    g_assert_false(sinter_merged_mark_is_set(fd));
    if (!sinter_merged_mark_set(fd, "7")) {
        g_close(fd, NULL);
        g_test_skip("the file system keeps no extended attributes");
        return;
    }
    g_assert_true(sinter_merged_mark_is_set(fd));
    g_close(fd, NULL);
    g_free(found);
    found = search(f, NULL);
    g_assert_cmpstr(found, ==, "");
}

/* A configured folder, by two names; a folder that does not exist is none. */
static void
test_folders(Fixture *f, gconstpointer data)
{
    g_autofree char *folders = g_strdup_printf("%s:/no/such/folder:%s/.", f->folder, f->folder);
    g_autofree char *without = NULL;
    g_autofree char *with = NULL;

    fixture_qcow2(f->folder, "base", NULL, NULL);
    fixture_qcow2(f->folder, "clone", "base", "qcow2");
    without = search(f, NULL);
    g_assert_cmpstr(without, ==, "");
    with = search(f, folders);
    g_assert_cmpstr(with, ==, "clone ");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/stray-search/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("beside", test_beside);
    ADD("marked", test_marked);
    ADD("folders", test_folders);
    return g_test_run();
}
