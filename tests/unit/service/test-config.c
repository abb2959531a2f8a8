/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in a configuration file, every setting keeps a valid value, and what is not
 * understood is told in one sentence that names file, group, key and the nearest name. */

#include "sinter-config.h"

#include <glib/gstdio.h>

typedef struct {
    char *dir;
    char *path;
    GPtrArray *problems;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("sinter-config-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "sinter.conf", NULL);
    f->problems = g_ptr_array_new_with_free_func(g_free);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_ptr_array_unref(f->problems);
    g_free(f->path);
    g_free(f->dir);
}

static SinterConfig *
load(Fixture *f, const char *text)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();

    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
    g_ptr_array_add(paths, f->path);
    return sinter_config_load(paths, f->problems);
}

static void
test_values(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterConfig) config = load(f, "[connection]\nuri = test:///default \nqmp-events=no\n"
                                             "rescan-interval-sec=0\n"
                                             "[jobs]\nmax-per-host=7\nbandwidth=50M\n"
                                             "[plans]\nmax-per-user=3\n"
                                             "[managers]\nnames=prod-* ; vm-??;\n"
                                             "[storage]\nexclusive=/dev/vg0/*; /mnt/c?/*\n"
                                             "[copy]\nfolders=/a:/b c\n");
    g_autoptr(SinterScanSettings) settings = sinter_config_dup_scan_settings(config);

    g_assert_cmpuint(f->problems->len, ==, 0);
    g_assert_cmpstr(config->connection_uri, ==, "test:///default");
    g_assert_false(config->qmp_events);
    g_assert_cmpuint(config->rescan_interval_sec, ==, 0);
    g_assert_cmpuint(config->limits.max_jobs_per_host, ==, 7);
    g_assert_cmpuint(config->limits.bandwidth_bytes_per_sec, ==, 50 * 1024 * 1024);
    g_assert_cmpstr(config->copy_folders, ==, "/a:/b c");
    g_assert_cmpuint(config->plans.max_per_user, ==, 3);
    g_assert_cmpuint(config->plans.lifetime_sec, ==, 600);
    g_assert_cmpuint(g_strv_length(settings->exclusive), ==, 2);
    g_assert_cmpstr(settings->exclusive[1], ==, "/mnt/c?/*");
    g_assert_cmpuint(g_strv_length(settings->manager_names), ==, 2);
    g_assert_cmpstr(settings->manager_names[0], ==, "prod-*");
    g_assert_cmpstr(settings->manager_names[1], ==, "vm-??");
}

typedef struct {
    const char *text;
    const char *words[4]; /* that the one problem says */
} BadCase;

static const BadCase bad_cases[] = {
    { "[jobs]\nmax-per-hosts=2\n",
      { "sinter.conf", "[jobs]", "'max-per-hosts'", "'max-per-host'" } },
    { "[job]\nmax-per-host=2\n", { "sinter.conf", "[job]", "'jobs'" } },
    { "[jobs]\nmax-per-host=0\n", { "'max-per-host'", "from 1 to 1000", "not 0" } },
    { "[jobs]\nmax-per-host=many\n", { "'max-per-host'", "from 1 to 1000", "not many" } },
    { "[jobs]\nmax-per-host=\n", { "'max-per-host'", "from 1 to 1000" } },
    { "[jobs]\nbandwidth=-5\n", { "'bandwidth'", "-5" } },
    { "[connection]\nqmp-events=perhaps\n", { "'qmp-events'", "true or false", "perhaps" } },
    { "[copy]\nfolders=/a:b\n", { "'folders'", "[copy]", "absolute" } },
    { "[connection]\nuri=\xff\xfe\n", { "'uri'", "[connection]" } },
    { "max-per-host=2\n", { "sinter.conf" } },
    { "[jobs\nmax-per-host=2\n", { "sinter.conf" } },
};

static void
test_bad(Fixture *f, gconstpointer data)
{
    const BadCase *bad = data;
    g_autoptr(SinterConfig) config = load(f, bad->text);
    g_autoptr(SinterConfig) initial = sinter_config_new();
    const char *problem;

    g_assert_cmpuint(f->problems->len, ==, 1);
    problem = g_ptr_array_index(f->problems, 0);
    g_test_message("%s", problem);
    for (gsize i = 0; i < G_N_ELEMENTS(bad->words) && bad->words[i]; i++)
        g_assert_nonnull(strstr(problem, bad->words[i]));
    g_assert_null(strchr(problem, '\n'));
    g_assert_cmpuint(config->limits.max_jobs_per_host, ==, initial->limits.max_jobs_per_host);
    g_assert_cmpuint(config->limits.bandwidth_bytes_per_sec, ==, 0);
    g_assert_cmpstr(config->connection_uri, ==, "");
}

/* A key's fault costs that key only. */
static void
test_rest_is_used(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterConfig) config =
        load(f, "[jobs]\nmax-per-hosts=2\nmax-per-storage=5\n[nonsense]\na=b\n[plans]\nmax=9\n");

    g_assert_cmpuint(f->problems->len, ==, 2);
    g_assert_cmpuint(config->limits.max_jobs_per_storage, ==, 5);
    g_assert_cmpuint(config->plans.max, ==, 9);
}

static void
test_absent_file(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterConfig) config = sinter_config_new();
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_config_read_file(config, f->path, f->problems, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(error->message, f->path));
}

static void
test_huge_file(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterConfig) config = sinter_config_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(2 * 1024 * 1024, '\n');

    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
    g_assert_false(sinter_config_read_file(config, f->path, f->problems, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_adopt(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterConfig) config = sinter_config_new();
    g_autoptr(SinterConfig) fresh =
        load(f, "[connection]\nuri=test:///x\n[jobs]\nmax-per-host=9\n[plans]\nmax-per-user=2\n"
                "[copy]\nfolders=/a\n");
    g_autoptr(GPtrArray) waiting = sinter_config_adopt(config, fresh);

    g_assert_cmpuint(config->plans.max_per_user, ==, 2);
    g_assert_cmpstr(config->connection_uri, ==, "");
    g_assert_cmpuint(waiting->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(waiting, 0), ==, "[connection] uri");
    g_assert_cmpstr(g_ptr_array_index(waiting, 1), ==, "[jobs] max-per-host");
}

static void
remove_files(GPtrArray *files)
{
    for (guint i = 0; i < files->len; i++)
        g_unlink(g_ptr_array_index(files, i));
}

/* The user's places: shared ones first, conf.d behind sinter.conf, by name. */
static void
test_order(void)
{
    const char *base = g_get_user_config_dir();
    g_autofree char *folder = g_build_filename(base, "sinter", NULL);
    g_autofree char *conf_d = g_build_filename(folder, "conf.d", NULL);
    g_autofree char *main_file = g_build_filename(folder, "sinter.conf", NULL);
    g_autofree char *first = g_build_filename(conf_d, "10-a.conf", NULL);
    g_autofree char *second = g_build_filename(conf_d, "20-b.conf", NULL);
    g_autofree char *other = g_build_filename(conf_d, "30-c.txt", NULL);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) files = NULL;
    g_autoptr(SinterConfig) config = NULL;

    g_assert_cmpint(g_mkdir_with_parents(conf_d, 0700), ==, 0);
    g_assert_true(g_file_set_contents(second, "[plans]\nmax=2\n", -1, NULL));
    g_assert_true(g_file_set_contents(first, "[plans]\nmax=1\nlifetime-sec=1\n", -1, NULL));
    g_assert_true(g_file_set_contents(other, "[plans]\nmax=3\n", -1, NULL));
    g_assert_true(g_file_set_contents(main_file, "[plans]\nmax=4\nmax-per-user=4\n", -1, NULL));
    files = sinter_config_list_files(FALSE, NULL);
    g_assert_cmpuint(files->len, ==, 6); /* the shared place is the same folder here */
    for (guint i = 0; i < 6; i += 3) {
        g_assert_cmpstr(g_ptr_array_index(files, i), ==, main_file);
        g_assert_cmpstr(g_ptr_array_index(files, i + 1), ==, first);
        g_assert_cmpstr(g_ptr_array_index(files, i + 2), ==, second);
    }
    config = sinter_config_load(files, problems);
    g_assert_cmpuint(config->plans.max, ==, 2);
    g_assert_cmpuint(config->plans.lifetime_sec, ==, 1);
    g_assert_cmpuint(config->plans.max_per_user, ==, 4);
    remove_files(files);
    g_unlink(other);
    g_rmdir(conf_d);
    g_rmdir(folder);
    g_rmdir(base);
}

/* The file that ships names every key with its default, and nothing else. */
static void
test_shipped_file(Fixture *f, gconstpointer data)
{
    g_autofree char *shipped = NULL;
    g_autofree char *source = g_strdup(g_getenv("SINTER_SHIPPED_CONFIG"));
    g_autoptr(GRegex) commented = g_regex_new("^#([a-z-]+=)", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *active = NULL;
    g_autoptr(SinterConfig) config = NULL;
    g_autoptr(SinterConfig) initial = sinter_config_new();
    g_autoptr(GPtrArray) different = NULL;

    g_assert_true(g_file_get_contents(source, &shipped, NULL, NULL));
    active = g_regex_replace(commented, shipped, -1, 0, "\\1", 0, NULL);
    config = load(f, active);
    g_assert_cmpuint(f->problems->len, ==, 0);
    g_assert_cmpstr(g_hash_table_lookup(config->remedy_values, "remedy-transient/max-attempts"), ==,
                    "8");
    different = sinter_config_adopt(initial, config);
    g_assert_cmpuint(different->len, ==, 2);
    g_assert_cmpstr(different->pdata[0], ==, "[remedy-NAME]");
    g_assert_cmpstr(different->pdata[1], ==, "[policy]");
    g_assert_true(sinter_policy_rules_any(config->policy_rules));
    g_assert_cmpstr(initial->copy_folders, ==, "/var/lib/libvirt/images");
    g_assert_cmpuint(initial->plans.max, ==, 1024);
    g_assert_cmpuint(initial->plans.max_per_user, ==, 16);
    g_assert_cmpuint(initial->plans.lifetime_sec, ==, 600);
}

int
main(int argc, char **argv)
{
    g_autofree char *home = g_dir_make_tmp("sinter-config-XXXXXX", NULL);

    g_setenv("XDG_CONFIG_HOME", home, TRUE);
    g_setenv("XDG_CONFIG_DIRS", home, TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add("/config/values", Fixture, NULL, set_up, test_values, tear_down);
    for (gsize i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autofree char *name = g_strdup_printf("/config/bad/%zu", i);

        g_test_add(name, Fixture, &bad_cases[i], set_up, test_bad, tear_down);
    }
    g_test_add("/config/rest-is-used", Fixture, NULL, set_up, test_rest_is_used, tear_down);
    g_test_add("/config/absent-file", Fixture, NULL, set_up, test_absent_file, tear_down);
    g_test_add("/config/huge-file", Fixture, NULL, set_up, test_huge_file, tear_down);
    g_test_add("/config/adopt", Fixture, NULL, set_up, test_adopt, tear_down);
    g_test_add_func("/config/order", test_order);
    g_test_add("/config/shipped-file", Fixture, NULL, set_up, test_shipped_file, tear_down);
    return g_test_run();
}
