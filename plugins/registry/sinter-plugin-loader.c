/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Loads plugins. Invariant: no code of a file runs before sinter_plugin_trust_check() has passed
 * for it, and a loaded file is never unloaded, because its callbacks may be in use.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "sinter-error.h"
#include "sinter-plugin-loader.h"
#include "sinter-plugin-trust.h"

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
sinter_plugin_loader_list(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &cause);
    const char *name;

    if (!dir) {
        g_set_error(error, SINTER_ERROR,
                    g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)
                        ? SINTER_ERROR_NOT_FOUND
                        : SINTER_ERROR_FAILED,
                    "reading the plugin folder: %s", cause->message);
        return NULL;
    }
    while ((name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".so"))
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(paths, compare_paths);
    return g_steal_pointer(&paths);
}

static const SinterPlugin *
open_object(const char *path, GError **error)
{
    /* RTLD_NOW: find missing symbols now, not during later operation */
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const SinterPlugin *plugin = object ? dlsym(object, SINTER_PLUGIN_SYMBOL) : NULL;

    if (plugin)
        return plugin;
    if (object)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "symbol '%s' is missing",
                    SINTER_PLUGIN_SYMBOL);
    else
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, dlerror());
    if (object)
        dlclose(object);
    return NULL;
}

/* Returns the file that @path resolves to, if it can be trusted. */
static char *
resolve(const char *path, GError **error)
{
    g_autofree char *real = NULL;
    char *resolved = realpath(path, NULL);

    if (!resolved) {
        sinter_error_set_errno(error, errno, "opening it");
        return NULL;
    }
    real = g_strdup(resolved);
    free(resolved);
    return sinter_plugin_trust_check(real, error) ? g_steal_pointer(&real) : NULL;
}

gboolean
sinter_plugin_loader_load(SinterPluginRegistry *registry, const char *path, GError **error)
{
    g_autofree char *origin = g_strdup_printf("'%s'", path);
    g_autofree char *real = resolve(path, error);
    const SinterPlugin *plugin = real ? open_object(real, error) : NULL;

    if (plugin)
        return sinter_plugin_registry_add(registry, plugin, origin, error);
    sinter_error_prefix(error, "plugin %s: ", origin);
    return FALSE;
}
