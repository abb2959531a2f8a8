/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sets up the daemon's plugins at startup. Invariant: only plugins that the configuration requests
 * are loaded, and each plugin that is loaded or left out is logged once.
 */

#include "sinter-plugin-setup.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-plugin-loader.h"

static void
log_left_out(const GError *error)
{
    const SinterLogField fields[] = { { "MESSAGE_ID", SINTER_MESSAGE_ID_PLUGIN_NOT_LOADED },
                                      { NULL } };

    sinter_log(G_LOG_LEVEL_WARNING, fields, "Not loaded: %s", error->message);
}

static void
load_one(SinterPluginRegistry *registry, const char *path)
{
    g_autoptr(GError) error = NULL;
    const SinterPlugin *plugin;

    if (!sinter_plugin_loader_load(registry, path, &error)) {
        log_left_out(error);
        return;
    }
    plugin = sinter_plugin_registry_get(registry, sinter_plugin_registry_get_n(registry) - 1);
    sinter_log(G_LOG_LEVEL_MESSAGE, NULL, "Loaded plugin %s (%s) from '%s'", plugin->name,
               plugin->summary, path);
}

static void
load_folder(SinterPluginRegistry *registry, const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) paths = sinter_plugin_loader_list(folder, &error);

    if (!paths)
        log_left_out(error);
    for (guint i = 0; paths && i < paths->len; i++)
        load_one(registry, g_ptr_array_index(paths, i));
}

SinterPluginRegistry *
sinter_plugin_setup_new(const char *folders, GError **error)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();
    g_auto(GStrv) list = g_strsplit(folders, ":", -1);

    if (!sinter_plugin_registry_add_built_in(registry, error))
        return NULL;
    for (char **folder = list; *folder; folder++) {
        if (**folder != '\0')
            load_folder(registry, *folder);
    }
    return g_steal_pointer(&registry);
}
