/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The configuration: one table of keys serves the parser, the validation and the defaults.
 * Invariant: whatever the files contain, every setting has a valid value; an entry that is not
 * understood is reported once and changes nothing.
 */

#include "sinter-config.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-nearest.h"
#include "sinter-units.h"

/* The groups of remedies: [remedy-NAME]. */
#define REMEDY_PREFIX "remedy-"

#define POLICY_GROUP "policy"

#define MAX_FILE_BYTES (1024 * 1024)

typedef enum {
    TYPE_STRING,
    TYPE_FOLDERS, /* a string: absolute paths joined by ':', or none */
    TYPE_BOOL,
    TYPE_NUMBER, /* a guint from min to max */
    TYPE_BYTES,  /* a guint64, may have a unit */
} KeyType;

typedef struct {
    const char *group;
    const char *key;
    KeyType type;
    gsize offset; /* in SinterConfig */
    const char *initial;
    guint min;
    guint max;
    gboolean live; /* can change while running */
} ConfigKey;

#define AT(member) G_STRUCT_OFFSET(SinterConfig, member)

static const ConfigKey config_keys[] = {
    { "connection", "uri", TYPE_STRING, AT(connection_uri), "", 0, 0, FALSE },
    { "connection", "qmp-events", TYPE_BOOL, AT(qmp_events), "true", 0, 0, FALSE },
    { "connection", "rescan-interval-sec", TYPE_NUMBER, AT(rescan_interval_sec), "60", 0, 86400,
      FALSE },
    { "jobs", "max-per-host", TYPE_NUMBER, AT(limits.max_jobs_per_host), "4", 1, 1000, FALSE },
    { "jobs", "max-per-storage", TYPE_NUMBER, AT(limits.max_jobs_per_storage), "2", 1, 1000,
      FALSE },
    { "jobs", "max-per-user", TYPE_NUMBER, AT(limits.max_jobs_per_uid), "256", 1, 100000, FALSE },
    { "jobs", "bandwidth", TYPE_BYTES, AT(limits.bandwidth_bytes_per_sec), "0", 0, 0, FALSE },
    { "jobs", "converge-after-sec", TYPE_NUMBER, AT(limits.converge_after_sec), "60", 1, 86400,
      FALSE },
    { "jobs", "max-pause-msec", TYPE_NUMBER, AT(limits.max_pause_msec), "500", 0, 60000, FALSE },
    { "jobs", "keep-records", TYPE_NUMBER, AT(limits.keep_records), "100", 10, 100000, FALSE },
    { "repair", "keep-undo-files", TYPE_NUMBER, AT(limits.keep_undo_files), "64", 0, 100000,
      FALSE },
    { "repair", "keep-undo-days", TYPE_NUMBER, AT(limits.keep_undo_days), "90", 0, 36500, FALSE },
    { "plans", "lifetime-sec", TYPE_NUMBER, AT(plans.lifetime_sec), "600", 1, 86400, TRUE },
    { "plans", "max-per-user", TYPE_NUMBER, AT(plans.max_per_user), "16", 1, 100000, TRUE },
    { "plans", "max", TYPE_NUMBER, AT(plans.max), "1024", 1, 100000, TRUE },
    { "incidents", "keep-records", TYPE_NUMBER, AT(keep_incidents), "200", 10, 100000, FALSE },
    { "space", "warn-percent", TYPE_NUMBER, AT(warn_percent), "80", 0, 99, FALSE },
    { "hooks", "folders", TYPE_FOLDERS, AT(hook_folders), "", 0, 0, FALSE },
    { "hooks", "time-limit-sec", TYPE_NUMBER, AT(hook_time_limit_sec), "30", 1, 3600, FALSE },
    { "remedies", "use", TYPE_STRING, AT(remedies), "", 0, 0, FALSE },
    { "copy", "folders", TYPE_FOLDERS, AT(copy_folders), "/var/lib/libvirt/images", 0, 0, TRUE },
    { "readers", "folders", TYPE_FOLDERS, AT(reader_folders), "", 0, 0, FALSE },
    { "storage", "exclusive", TYPE_STRING, AT(exclusive_storage), "", 0, 0, FALSE },
    { "managers", "names", TYPE_STRING, AT(manager_names), "", 0, 0, FALSE },
    { "plugins", "folders", TYPE_FOLDERS, AT(plugin_folders), "", 0, 0, FALSE },
};

/* ", did you mean 'NAME'?" for a group (@group %NULL) or a key of @group; empty if no name is
 * similar. */
static char *
suggest(const char *group, const char *word)
{
    const char *names[G_N_ELEMENTS(config_keys) + 1] = { NULL };
    const char *nearest;
    gsize n = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (!group)
            names[n++] = config_keys[i].group;
        else if (strcmp(group, config_keys[i].group) == 0)
            names[n++] = config_keys[i].key;
    }
    nearest = sinter_nearest_find(word, names);
    return nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : g_strdup("");
}

static const ConfigKey *
find_key(const char *group, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) == 0 && strcmp(config_keys[i].key, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}

static gboolean
is_group(const char *group)
{
    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        if (strcmp(config_keys[i].group, group) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
set_bool(gboolean *ret, const char *text, GError **error)
{
    static const char *const yes[] = { "true", "yes", "on", "1", NULL };
    static const char *const no[] = { "false", "no", "off", "0", NULL };

    if (!g_strv_contains(yes, text) && !g_strv_contains(no, text)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "expected true or false");
        return FALSE;
    }
    *ret = g_strv_contains(yes, text);
    return TRUE;
}

static gboolean
set_number(guint *ret, const ConfigKey *key, const char *text, GError **error)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, key->min, key->max, &value, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "expected a number from %u to %u", key->min, key->max);
        return FALSE;
    }
    *ret = (guint)value;
    return TRUE;
}

static void
set_string(char **ret, const char *text)
{
    g_free(*ret);
    *ret = g_strdup(text);
}

static gboolean
set_folders(char **ret, const char *text, GError **error)
{
    g_auto(GStrv) folders = g_strsplit(text, ":", -1);

    for (char **folder = folders; *folder; folder++) {
        if (g_path_is_absolute(*folder))
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "expected absolute paths separated by ':'");
        return FALSE;
    }
    set_string(ret, text);
    return TRUE;
}

static gboolean
set_value(SinterConfig *self, const ConfigKey *key, const char *text, GError **error)
{
    gpointer member = G_STRUCT_MEMBER_P(self, key->offset);

    switch (key->type) {
    case TYPE_STRING:
        set_string(member, text);
        return TRUE;
    case TYPE_FOLDERS:
        return set_folders(member, text, error);
    case TYPE_BOOL:
        return set_bool(member, text, error);
    case TYPE_NUMBER:
        return set_number(member, key, text, error);
    case TYPE_BYTES:
        return sinter_units_parse_bytes(text, member, error);
    }
    g_assert_not_reached();
}

SinterConfig *
sinter_config_new(void)
{
    SinterConfig *self = g_new0(SinterConfig, 1);

    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        gboolean valid = set_value(self, &config_keys[i], config_keys[i].initial, NULL);

        g_assert(valid);
    }
    self->remedy_values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->policy_rules = sinter_policy_rules_new();
    return self;
}

void
sinter_config_free(SinterConfig *config)
{
    if (!config)
        return;
    g_free(config->connection_uri);
    g_free(config->copy_folders);
    g_free(config->reader_folders);
    g_free(config->manager_names);
    g_free(config->exclusive_storage);
    g_free(config->plugin_folders);
    g_free(config->hook_folders);
    g_free(config->remedies);
    g_hash_table_unref(config->remedy_values);
    sinter_policy_rules_free(config->policy_rules);
    g_free(config);
}

static void add_problem(GPtrArray *problems, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
add_problem(GPtrArray *problems, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(problems, g_strdup_vprintf(format, args));
    va_end(args);
}

static void
read_key(SinterConfig *self, GKeyFile *file, const char *path, const char *group, const char *name,
         GPtrArray *problems)
{
    const ConfigKey *key = find_key(group, name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!key) {
        g_autofree char *hint = suggest(group, name);

        add_problem(problems, "%s: unknown key '%s' in group [%s] ignored%s", path, name, group,
                    hint);
        return;
    }
    text = g_key_file_get_string(file, group, name, &error);
    if (text)
        g_strstrip(text);
    if (!text || !set_value(self, key, text, &error))
        add_problem(problems, "%s: invalid value of key '%s' in group [%s] ignored: %s%s%s", path,
                    name, group, error->message, text ? ", not " : "", text ? text : "");
}

/* Only the remedy knows its keys: see SinterResponder. */
static void
read_remedy_key(SinterConfig *self, GKeyFile *file, const char *group, const char *name)
{
    char *text = g_key_file_get_string(file, group, name, NULL);

    if (text)
        g_hash_table_insert(self->remedy_values, g_strconcat(group, "/", name, NULL),
                            g_strstrip(text));
}

/* Only the policies know their keys: see SinterPolicyRunner. */
static void
read_policy_key(SinterConfig *self, GKeyFile *file, const char *group, const char *name)
{
    g_autofree char *text = g_key_file_get_string(file, group, name, NULL);

    if (text)
        sinter_policy_rules_set(self->policy_rules, group, name, g_strstrip(text));
}

static void
read_group(SinterConfig *self, GKeyFile *file, const char *path, const char *group,
           GPtrArray *problems)
{
    g_auto(GStrv) keys = NULL;

    gboolean of_remedy = g_str_has_prefix(group, REMEDY_PREFIX);
    gboolean of_policy =
        strcmp(group, POLICY_GROUP) == 0 || g_str_has_prefix(group, POLICY_GROUP "-");

    if (!of_remedy && !of_policy && !is_group(group)) {
        g_autofree char *hint = suggest(NULL, group);

        add_problem(problems, "%s: unknown group [%s] ignored%s", path, group, hint);
        return;
    }
    keys = g_key_file_get_keys(file, group, NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        if (of_remedy)
            read_remedy_key(self, file, group, *key);
        else if (of_policy)
            read_policy_key(self, file, group, *key);
        else
            read_key(self, file, path, group, *key, problems);
    }
}

gboolean
sinter_config_read_file(SinterConfig *config, const char *path, GPtrArray *problems, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *text = NULL;
    g_auto(GStrv) groups = NULL;
    g_autoptr(GError) cause = NULL;
    gsize len;

    text = sinter_file_read_bounded(path, MAX_FILE_BYTES, &len, &cause);
    if (!text || !g_key_file_load_from_data(file, text, len, G_KEY_FILE_NONE, &cause)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "configuration file '%s' ignored: %s", path, cause->message);
        return FALSE;
    }
    groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group; group++)
        read_group(config, file, path, *group, problems);
    return TRUE;
}

SinterConfig *
sinter_config_load(GPtrArray *paths, GPtrArray *problems)
{
    SinterConfig *self = sinter_config_new();

    for (guint i = 0; i < paths->len; i++) {
        g_autoptr(GError) error = NULL;

        if (!sinter_config_read_file(self, g_ptr_array_index(paths, i), problems, &error))
            g_ptr_array_add(problems, g_strdup(error->message));
    }
    return self;
}

/* (transfer full): the parts of a list, without spaces around them and without empty ones */
static char **
split_list(const char *text, const char *separator)
{
    g_auto(GStrv) parts = g_strsplit(text, separator, -1);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (char **part = parts; *part; part++) {
        if (*g_strstrip(*part))
            g_strv_builder_add(builder, *part);
    }
    return g_strv_builder_end(builder);
}

SinterScanSettings *
sinter_config_dup_scan_settings(const SinterConfig *config)
{
    SinterScanSettings *settings = sinter_scan_settings_new();

    g_strfreev(settings->manager_names);
    g_strfreev(settings->exclusive);
    g_strfreev(settings->image_folders);
    settings->exclusive = split_list(config->exclusive_storage, ";");
    settings->manager_names = split_list(config->manager_names, ";");
    settings->image_folders = split_list(config->reader_folders, ":");
    return settings;
}

void
sinter_config_log(GPtrArray *problems)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_CONFIG_PROBLEM },
                                      { NULL } };

    for (guint i = 0; i < problems->len; i++)
        sinter_log(G_LOG_LEVEL_WARNING, fields, "%s", (char *)g_ptr_array_index(problems, i));
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_dropins(GPtrArray *files, const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        g_ptr_array_add(files, g_ptr_array_index(names, i));
}

static void
add_place(GPtrArray *files, const char *folder)
{
    g_autofree char *main_file = g_build_filename(folder, "sinter.conf", NULL);
    g_autofree char *dropins = g_build_filename(folder, "conf.d", NULL);

    if (g_file_test(main_file, G_FILE_TEST_EXISTS))
        g_ptr_array_add(files, g_steal_pointer(&main_file));
    add_dropins(files, dropins);
}

GPtrArray *
sinter_config_list_files(gboolean system, const char *only)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    const char *const *shared = g_get_system_config_dirs();
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), "sinter", NULL);

    if (only) {
        g_ptr_array_add(files, g_strdup(only));
        return g_steal_pointer(&files);
    }
    if (system) {
        add_place(files, SINTER_VENDOR_CONFIG_DIR);
        add_place(files, SINTER_CONFIG_DIR);
        return g_steal_pointer(&files);
    }
    for (guint n = g_strv_length((char **)shared); n > 0; n--) {
        g_autofree char *folder = g_build_filename(shared[n - 1], "sinter", NULL);

        add_place(files, folder);
    }
    add_place(files, own);
    return g_steal_pointer(&files);
}

static gboolean
is_string(const ConfigKey *key)
{
    return key->type == TYPE_STRING || key->type == TYPE_FOLDERS;
}

static gsize
value_size(KeyType type)
{
    return type == TYPE_BYTES ? sizeof(guint64) : sizeof(guint);
}

static gboolean
same_value(const ConfigKey *key, gconstpointer a, gconstpointer b)
{
    if (is_string(key))
        return g_strcmp0(*(char *const *)a, *(char *const *)b) == 0;
    return memcmp(a, b, value_size(key->type)) == 0;
}

static gboolean
same_texts(GHashTable *a, GHashTable *b)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (g_strcmp0(value, g_hash_table_lookup(b, key)) != 0)
            return FALSE;
    }
    return g_hash_table_size(a) == g_hash_table_size(b);
}

GPtrArray *
sinter_config_adopt(SinterConfig *config, const SinterConfig *fresh)
{
    GPtrArray *waiting = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; i < G_N_ELEMENTS(config_keys); i++) {
        const ConfigKey *key = &config_keys[i];
        gpointer to = G_STRUCT_MEMBER_P(config, key->offset);
        gconstpointer from = (const guint8 *)fresh + key->offset;

        if (same_value(key, to, from))
            continue;
        if (!key->live)
            g_ptr_array_add(waiting, g_strdup_printf("[%s] %s", key->group, key->key));
        else if (is_string(key))
            set_string(to, *(char *const *)from);
        else
            memcpy(to, from, value_size(key->type));
    }
    if (!same_texts(config->remedy_values, fresh->remedy_values))
        g_ptr_array_add(waiting, g_strdup("[" REMEDY_PREFIX "NAME]"));
    if (!sinter_policy_rules_equal(config->policy_rules, fresh->policy_rules))
        g_ptr_array_add(waiting, g_strdup("[" POLICY_GROUP "]"));
    return waiting;
}
