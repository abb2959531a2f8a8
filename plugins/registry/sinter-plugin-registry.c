/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The registry. It owns the list of plugins and enforces the rules for plugins. Invariant: every
 * plugin in it has a unique name, and operations of the size and version that this program was
 * built with, so that callers need no further checks.
 */

#include "sinter-plugin-registry.h"
#include "sinter-plugin-table.h"
#include "sinter-error.h"
#include "sinter-policy.h"
#include "sinter-remedy.h"

#include <sinter/format.h>
#include <string.h>

typedef struct {
    const SinterPlugin *plugin;
    char *origin;
} Entry;

struct _SinterPluginRegistry {
    GArray *entries; /* of Entry */
};

static void
entry_clear(gpointer data)
{
    g_free(((Entry *)data)->origin);
}

SinterPluginRegistry *
sinter_plugin_registry_new(void)
{
    SinterPluginRegistry *self = g_new0(SinterPluginRegistry, 1);

    self->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    g_array_set_clear_func(self->entries, entry_clear);
    return self;
}

void
sinter_plugin_registry_free(SinterPluginRegistry *registry)
{
    if (!registry)
        return;
    g_array_unref(registry->entries);
    g_free(registry);
}

/* The common beginning of the operations of every kind except formats, which the engine checks. */
typedef struct {
    gsize size;
    gsize expected_size;
    guint version;
    guint expected_version;
    gboolean is_whole; /* all required members and the table of settings exist */
} Operations;

static gboolean
check_operations(const Operations *self, GError **error)
{
    if (self->version != self->expected_version)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "its operations have API version %u, expected %u", self->version,
                                   self->expected_version);
    if (self->size != self->expected_size)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "its operations have %" G_GSIZE_FORMAT
                                   " bytes, expected %" G_GSIZE_FORMAT,
                                   self->size, self->expected_size);
    if (!self->is_whole)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "a required operation is missing");
    return TRUE;
}

static gboolean
add_format(gconstpointer operations, GError **error)
{
    return sinter_format_register(operations, error);
}

static gboolean
add_policy(gconstpointer operations, GError **error)
{
    const SinterPolicy *policy = operations;

    return check_operations(
        &(Operations){ policy->struct_size, sizeof *policy, policy->api_version,
                       SINTER_POLICY_API_VERSION,
                       policy->propose && (policy->settings || policy->n_settings == 0) },
        error);
}

static gboolean
add_remedy(gconstpointer operations, GError **error)
{
    const SinterRemedy *remedy = operations;

    return check_operations(
        &(Operations){ remedy->struct_size, sizeof *remedy, remedy->api_version,
                       SINTER_REMEDY_API_VERSION,
                       remedy->propose && (remedy->settings || remedy->n_settings == 0) },
        error);
}

static const struct {
    SinterPluginKind kind;
    const char *name;
    gboolean (*add)(gconstpointer operations, GError **error);
} kinds[] = {
    { SINTER_PLUGIN_FORMAT, "format", add_format },
    { SINTER_PLUGIN_POLICY, "policy", add_policy },
    { SINTER_PLUGIN_REMEDY, "remedy", add_remedy },
};

/* Returns the row of @kind in the table, or -1. */
static int
find_kind(SinterPluginKind kind)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].kind == kind)
            return (int)i;
    }
    return -1;
}

const char *
sinter_plugin_kind_name(SinterPluginKind kind)
{
    int row = find_kind(kind);

    return row < 0 ? "unknown" : kinds[row].name;
}

static const Entry *
find_entry(const SinterPluginRegistry *self, const char *name)
{
    for (guint i = 0; i < self->entries->len; i++) {
        const Entry *entry = &g_array_index(self->entries, Entry, i);

        if (strcmp(entry->plugin->name, name) == 0)
            return entry;
    }
    return NULL;
}

static gboolean
check_name(const SinterPluginRegistry *self, const SinterPlugin *plugin, GError **error)
{
    const char *kind = sinter_plugin_kind_name(plugin->kind);
    gsize n = strlen(kind);
    const Entry *other;

    if (!plugin->name || strncmp(plugin->name, kind, n) != 0 || plugin->name[n] != '-' ||
        plugin->name[n + 1] == '\0' ||
        plugin->name[strspn(plugin->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return sinter_error_refuse(
            error, SINTER_ERROR_INVALID_ARGUMENT,
            "its name is '%s', expected '%s-' and lower case letters, digits and dashes",
            plugin->name ? plugin->name : "", kind);
    other = find_entry(self, plugin->name);
    if (other)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "the name '%s' is already used by %s", plugin->name,
                                   other->origin);
    return TRUE;
}

static gboolean
check_plugin(const SinterPluginRegistry *self, const SinterPlugin *plugin, GError **error)
{
    /* check these two first: they determine whether the rest can be read */
    if (plugin->abi != SINTER_PLUGIN_ABI)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "it was built for plugin ABI %u, this program has %u",
                                   plugin->abi, SINTER_PLUGIN_ABI);
    if (plugin->struct_size != sizeof *plugin)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "its SinterPlugin has %u bytes, expected %u",
                                   plugin->struct_size, (guint)sizeof *plugin);
    if (find_kind(plugin->kind) < 0)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT, "its kind %d is unknown",
                                   (int)plugin->kind);
    if (!plugin->summary || !plugin->operations)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT, "it has no %s",
                                   plugin->summary ? "operations" : "summary");
    return check_name(self, plugin, error);
}

gboolean
sinter_plugin_registry_add(SinterPluginRegistry *registry, const SinterPlugin *plugin,
                           const char *origin, GError **error)
{
    Entry entry = { plugin, NULL };

    if (!check_plugin(registry, plugin, error) ||
        !kinds[find_kind(plugin->kind)].add(plugin->operations, error)) {
        sinter_error_prefix(error, "plugin %s: ", origin);
        return FALSE;
    }
    entry.origin = g_strdup(origin);
    g_array_append_val(registry->entries, entry);
    return TRUE;
}

gboolean
sinter_plugin_registry_add_built_in(SinterPluginRegistry *registry, GError **error)
{
    for (guint i = 0; sinter_plugin_table[i]; i++) {
        if (!sinter_plugin_registry_add(registry, sinter_plugin_table[i], "built-in", error))
            return FALSE;
    }
    return TRUE;
}

const SinterPlugin *
sinter_plugin_registry_find(const SinterPluginRegistry *registry, const char *name)
{
    const Entry *entry = find_entry(registry, name);

    return entry ? entry->plugin : NULL;
}

guint
sinter_plugin_registry_get_n(const SinterPluginRegistry *registry)
{
    return registry->entries->len;
}

const SinterPlugin *
sinter_plugin_registry_get(const SinterPluginRegistry *registry, guint index)
{
    g_return_val_if_fail(index < registry->entries->len, NULL);
    return g_array_index(registry->entries, Entry, index).plugin;
}

const char *
sinter_plugin_registry_get_origin(const SinterPluginRegistry *registry, guint index)
{
    g_return_val_if_fail(index < registry->entries->len, NULL);
    return g_array_index(registry->entries, Entry, index).origin;
}
