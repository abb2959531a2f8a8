/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Plugins as shared objects in folders. */

#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/*
 * Lists the plugins in @folder: paths of the files named *.so, in the order of their names.
 *
 * Returns: (transfer full) (element-type filename): or NULL if the folder cannot be read
 */
GPtrArray *sinter_plugin_loader_list(const char *folder, GError **error);

/*
 * Loads the shared object at @path and adds its plugin to @registry. On failure the code stays
 * loaded, because some of it may have run.
 *
 * Errors: like sinter_plugin_registry_add(); NOT_AUTHORIZED if users other than root and the user
 * of this process could change or replace the file; INVALID_ARGUMENT if the file is not a shared
 * object or contains no plugin. Messages name @path.
 */
gboolean sinter_plugin_loader_load(SinterPluginRegistry *registry, const char *path,
                                   GError **error);

G_END_DECLS
