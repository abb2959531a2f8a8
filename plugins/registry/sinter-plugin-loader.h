/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Plugins as shared objects in folders. */

#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/*
 * The plugins in @folder: paths of the files named *.so, in the order of their names.
 *
 * Returns: (transfer full) (element-type filename): or NULL where the folder cannot be read
 */
GPtrArray *sinter_plugin_loader_list(const char *folder, GError **error);

/*
 * Loads the shared object at @path and adds its plugin to @registry. Its code stays loaded, as code
 * of it may have run.
 *
 * Errors: as sinter_plugin_registry_add(); NOT_AUTHORIZED where others than root and the user that
 * this process runs as could change the file or put another one in its place; INVALID_ARGUMENT
 * where it is no shared object or has no plugin in it. Messages name @path.
 */
gboolean sinter_plugin_loader_load(SinterPluginRegistry *registry, const char *path,
                                   GError **error);

G_END_DECLS
