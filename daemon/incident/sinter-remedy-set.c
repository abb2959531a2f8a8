/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The remedies and their settings. Invariant: the allowed remedies are the first ones, in the order
 * that the administrator gave; every setting has a value.
 */

#include "sinter-remedy-set.h"

#include <string.h>

#include "sinter-log.h"

#define PREFIX "remedy-"

struct _SinterRemedySet {
    GPtrArray *remedies; /* of SinterPlugin (unowned) */
    guint n_allowed;
    GHashTable *values; /* "GROUP/KEY" → text */
};

static gboolean
is_named(const SinterPlugin *plugin, const char *name)
{
    return strcmp(plugin->name, name) == 0 || strcmp(plugin->name + strlen(PREFIX), name) == 0;
}

const SinterPlugin *
sinter_remedy_set_find(const SinterRemedySet *self, const char *name)
{
    for (guint i = 0; i < self->remedies->len; i++) {
        if (is_named(self->remedies->pdata[i], name))
            return self->remedies->pdata[i];
    }
    return NULL;
}

static void
collect_remedies(SinterRemedySet *self, const SinterPluginRegistry *plugins)
{
    for (guint i = 0; i < sinter_plugin_registry_get_n(plugins); i++) {
        const SinterPlugin *plugin = sinter_plugin_registry_get(plugins, i);

        if (plugin->kind == SINTER_PLUGIN_REMEDY)
            g_ptr_array_add(self->remedies, (gpointer)plugin);
    }
}

static void
allow(SinterRemedySet *self, const char *name)
{
    const SinterPlugin *plugin = sinter_remedy_set_find(self, name);
    guint index;

    if (!plugin) {
        sinter_log(G_LOG_LEVEL_WARNING, NULL,
                   "[remedies] use names '%s', which is no remedy: it is ignored", name);
        return;
    }
    g_ptr_array_find(self->remedies, plugin, &index);
    if (index < self->n_allowed)
        return;
    g_ptr_array_remove_index(self->remedies, index);
    g_ptr_array_insert(self->remedies, (gint)self->n_allowed++, (gpointer)plugin);
}

static void
allow_all(SinterRemedySet *self, const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ";", -1);

    for (char **name = names; *name; name++) {
        if (*g_strstrip(*name))
            allow(self, *name);
    }
}

static gboolean
has_setting(SinterRemedySet *self, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(key, "/", 2);
    const SinterPlugin *plugin = parts[0] ? sinter_remedy_set_find(self, parts[0]) : NULL;
    const SinterRemedy *remedy = plugin ? plugin->operations : NULL;

    for (guint i = 0; remedy && i < remedy->n_settings; i++) {
        if (g_strcmp0(remedy->settings[i].name, parts[1]) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
take_values(SinterRemedySet *self, GHashTable *values)
{
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, values);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (has_setting(self, key))
            g_hash_table_insert(self->values, g_strdup(key), g_strdup(value));
        else
            sinter_log(G_LOG_LEVEL_WARNING, NULL,
                       "the setting '%s' of a remedy does not exist: it is ignored",
                       (const char *)key);
    }
}

/* (transfer full): a value for each setting of @plugin; the strings are not copied */
static const char **
list_values(const SinterRemedySet *self, const SinterPlugin *plugin)
{
    const SinterRemedy *remedy = plugin->operations;
    const char **values = g_new0(const char *, remedy->n_settings + 1);

    for (guint i = 0; i < remedy->n_settings; i++) {
        const SinterPluginSetting *setting = &remedy->settings[i];
        g_autofree char *key = g_strconcat(plugin->name, "/", setting->name, NULL);
        const char *value = g_hash_table_lookup(self->values, key);

        values[i] = value ? value : setting->initial;
    }
    return values;
}

GPtrArray *
sinter_remedy_set_ask(const SinterRemedySet *self, const SinterPlugin *plugin,
                      const SinterIncident *incident, SinterDomain *domain,
                      const SinterEvent *event, GError **error)
{
    g_autofree const char **values = list_values(self, plugin);
    g_autoptr(SinterEvent) unknown = sinter_event_new(SINTER_EVENT_IO_ERROR);
    const SinterRemedyQuestion question = {
        .event = event ? event : unknown,
        .domain = domain,
        .disk = sinter_domain_find_disk(domain, incident->disk),
        .cause = incident->cause,
        .n_attempts = sinter_incident_count_tries(incident, plugin->name),
        .now_usec = g_get_real_time(),
        .values = values,
    };

    return sinter_plugin_ask_remedy(plugin, &question, error);
}

const SinterPlugin *
sinter_remedy_set_get(const SinterRemedySet *self, guint index)
{
    return index < self->remedies->len ? self->remedies->pdata[index] : NULL;
}

gboolean
sinter_remedy_set_is_allowed(const SinterRemedySet *self, guint index)
{
    return index < self->n_allowed;
}

SinterRemedySet *
sinter_remedy_set_new(const SinterPluginRegistry *plugins, const char *allowed, GHashTable *values)
{
    SinterRemedySet *self = g_new0(SinterRemedySet, 1);

    self->remedies = g_ptr_array_new();
    self->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    collect_remedies(self, plugins);
    allow_all(self, allowed);
    take_values(self, values);
    return self;
}

void
sinter_remedy_set_free(SinterRemedySet *self)
{
    g_ptr_array_unref(self->remedies);
    g_hash_table_unref(self->values);
    g_free(self);
}
