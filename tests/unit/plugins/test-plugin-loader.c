/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plugins as files: what is loaded from a folder, and each reason not to load one. The shared
 * objects are those of meson.build, copied into a folder of the test's own.
 */

#include "sinter-error.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-loader.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define NOBODY 65534

typedef struct {
    char *folder;
    SinterPluginRegistry *registry;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("sinter-plugins-XXXXXX", NULL);
    g_assert_nonnull(f->folder);
    f->registry = sinter_plugin_registry_new();
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->folder, name, NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
    sinter_plugin_registry_free(f->registry);
}

/* (transfer full): the path of a copy of the test's plugin @sample */
static char *
put(Fixture *f, const char *sample)
{
    g_autofree char *name = g_strconcat(sample, ".so", NULL);
    g_autofree char *from = g_test_build_filename(G_TEST_BUILT, "plugins", name, NULL);
    char *to = g_build_filename(f->folder, name, NULL);
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(from, &data, &len, NULL));
    g_assert_true(g_file_set_contents(to, data, (gssize)len, NULL));
    g_assert_cmpint(g_chmod(to, 0644), ==, 0);
    return to;
}

static void
assert_not_loaded(Fixture *f, const char *path, SinterError code, const char *why)
{
    g_autoptr(GError) error = NULL;
    guint n = sinter_plugin_registry_get_n(f->registry);

    g_assert_false(sinter_plugin_loader_load(f->registry, path, &error));
    g_assert_error(error, SINTER_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, path));
    if (!strstr(error->message, why))
        g_error("'%s' is not in '%s'", why, error->message);
    g_assert_cmpuint(sinter_plugin_registry_get_n(f->registry), ==, n);
}

static void
test_load(Fixture *f, gconstpointer data)
{
    g_autofree char *path = put(f, "sound");
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) steps = NULL;

    g_assert_true(sinter_plugin_loader_load(f->registry, path, &error));
    g_assert_no_error(error);
    steps = sinter_plugin_ask_policy(sinter_plugin_registry_find(f->registry, "policy-sample"),
                                     &(SinterPolicyQuestion){ .now_usec = 1 }, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(steps->len, ==, 1);
    /* the same one again, and another one of that name */
    assert_not_loaded(f, path, SINTER_ERROR_INVALID_ARGUMENT, "is already used by '");
}

typedef struct {
    const char *sample;
    SinterError code;
    const char *why;
} Row;

static const Row rows[] = {
    { "abi", SINTER_ERROR_UNSUPPORTED, "built for plugin ABI 999, this program has" },
    { "size", SINTER_ERROR_INVALID_ARGUMENT, "its SinterPlugin has 7 bytes, expected" },
    { "kind", SINTER_ERROR_INVALID_ARGUMENT, "its kind 42 is unknown" },
    { "name", SINTER_ERROR_INVALID_ARGUMENT, "its name is 'Sample'" },
    { "no-symbol", SINTER_ERROR_INVALID_ARGUMENT, "symbol 'sinter_plugin' is missing" },
    { "unresolved", SINTER_ERROR_INVALID_ARGUMENT, "undefined symbol" },
};

static void
test_refused(Fixture *f, gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = put(f, rows[i].sample);

        assert_not_loaded(f, path, rows[i].code, rows[i].why);
    }
}

static void
test_no_object(Fixture *f, gconstpointer data)
{
    g_autofree char *text = g_build_filename(f->folder, "text.so", NULL);
    g_autofree char *empty = g_build_filename(f->folder, "empty.so", NULL);
    g_autofree char *folder = g_build_filename(f->folder, "folder.so", NULL);
    g_autofree char *missing = g_build_filename(f->folder, "missing.so", NULL);
    char junk[4096];

    memset(junk, 'x', sizeof junk);
    g_assert_true(g_file_set_contents(text, junk, sizeof junk, NULL));
    g_assert_true(g_file_set_contents(empty, "", 0, NULL));
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    assert_not_loaded(f, text, SINTER_ERROR_INVALID_ARGUMENT, "invalid ELF header");
    assert_not_loaded(f, empty, SINTER_ERROR_INVALID_ARGUMENT, "file too short");
    assert_not_loaded(f, folder, SINTER_ERROR_INVALID_ARGUMENT, "not a regular file");
    assert_not_loaded(f, missing, SINTER_ERROR_NOT_FOUND, "No such file");
}

/* Who may change the file, or put another one there, might as well be asked to run their code. */
static void
test_untrusted(Fixture *f, gconstpointer data)
{
    static const guint modes[] = { 0666, 0664, 0646, 0622 };
    g_autofree char *path = put(f, "sound");

    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_assert_cmpint(g_chmod(path, (int)modes[i]), ==, 0);
        assert_not_loaded(f, path, SINTER_ERROR_NOT_AUTHORIZED, "other users can change");
    }
    g_assert_cmpint(g_chmod(path, 0644), ==, 0);
    g_assert_cmpint(g_chmod(f->folder, 0777), ==, 0);
    assert_not_loaded(f, path, SINTER_ERROR_NOT_AUTHORIZED, "other users can change");
    g_assert_cmpint(g_chmod(f->folder, 0755), ==, 0);
    g_assert_true(sinter_plugin_loader_load(f->registry, path, NULL));
}

/* A link is judged by what it leads to, with all that is above that. */
static void
test_link(Fixture *f, gconstpointer data)
{
    g_autofree char *path = put(f, "sound");
    g_autofree char *link_path = g_build_filename(f->folder, "link.so", NULL);

    g_assert_cmpint(symlink(path, link_path), ==, 0);
    g_assert_cmpint(g_chmod(path, 0666), ==, 0);
    assert_not_loaded(f, link_path, SINTER_ERROR_NOT_AUTHORIZED, "sound.so");
    g_assert_cmpint(g_chmod(path, 0644), ==, 0);
    g_assert_true(sinter_plugin_loader_load(f->registry, link_path, NULL));
}

/* Only root can give a file to somebody else. */
static void
test_not_of_root(Fixture *f, gconstpointer data)
{
    g_autofree char *path = put(f, "sound");

    g_assert_cmpint(chown(path, NOBODY, NOBODY), ==, 0);
    assert_not_loaded(f, path, SINTER_ERROR_NOT_AUTHORIZED, "user 65534");
    g_assert_cmpint(chown(path, 0, 0), ==, 0);
    g_assert_cmpint(chown(f->folder, NOBODY, NOBODY), ==, 0);
    assert_not_loaded(f, path, SINTER_ERROR_NOT_AUTHORIZED, "user 65534");
}

static void
test_list(Fixture *f, gconstpointer data)
{
    g_autofree char *second = put(f, "sound");
    g_autofree char *first = put(f, "abi");
    g_autofree char *other = g_build_filename(f->folder, "README", NULL);
    g_autofree char *missing = g_build_filename(f->folder, "nowhere", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) paths = sinter_plugin_loader_list(f->folder, &error);

    g_assert_no_error(error);
    g_assert_true(g_file_set_contents(other, "", 0, NULL));
    g_assert_cmpuint(paths->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(paths, 0), ==, first);
    g_assert_cmpstr(g_ptr_array_index(paths, 1), ==, second);
    g_assert_null(sinter_plugin_loader_list(missing, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, missing));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/plugin-loader/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("load", test_load);
    ADD("refused", test_refused);
    ADD("no-object", test_no_object);
    ADD("untrusted", test_untrusted);
    ADD("link", test_link);
    if (geteuid() == 0)
        ADD("not-of-root", test_not_of_root);
    ADD("list", test_list);
    return g_test_run();
}
