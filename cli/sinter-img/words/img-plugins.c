/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The program's plugins: the built-in ones, and those in folders that the command line names. No
 * environment variable and no default folder adds plugins, so that a script behaves the same
 * everywhere.
 */

#include "img-plugins.h"
#include "sinter-plugin-loader.h"
#include "text/img-message.h"

#include <sinter/format.h>

/* Kept until the program ends, because formats are global to the process. */
static SinterPluginRegistry *registry;

gboolean
sinter_img_plugins_init(void)
{
    g_autoptr(GError) error = NULL;

    registry = sinter_plugin_registry_new();
    if (sinter_plugin_registry_add_built_in(registry, &error))
        return TRUE;
    sinter_img_report(error);
    return FALSE;
}

gboolean
sinter_img_plugins_load(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) paths = sinter_plugin_loader_list(folder, &error);

    for (guint i = 0; paths && i < paths->len; i++) {
        if (!sinter_plugin_loader_load(registry, g_ptr_array_index(paths, i), &error))
            break;
    }
    if (!error)
        return TRUE;
    sinter_img_report(error);
    return FALSE;
}

char *
sinter_img_plugins_list_formats(void)
{
    g_autofree const char **names = sinter_format_list();

    return g_strjoinv(" ", (char **)names);
}
