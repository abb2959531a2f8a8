/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plugins of a program. The main thread fills the registry once, at the start; afterwards it is
 * read-only. Formats are global to the process: they are registered with the engine and stay
 * registered.
 */

#include "sinter-plugin.h"

G_BEGIN_DECLS

typedef struct _SinterPluginRegistry SinterPluginRegistry;

/* Returns an empty registry. */
SinterPluginRegistry *sinter_plugin_registry_new(void);

/* Frees the registry. Shared objects stay loaded, formats stay registered. Accepts NULL. */
void sinter_plugin_registry_free(SinterPluginRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPluginRegistry, sinter_plugin_registry_free)

/*
 * Adds @plugin, which is not copied and must stay valid. @origin is a path that messages name as
 * the source of the plugin.
 *
 * Errors: UNSUPPORTED if the plugin was built for another ABI or for another version of the
 * operations of its kind; INVALID_ARGUMENT if the size of a structure is wrong, the kind is
 * unknown, a required member is missing, or the name is already used.
 */
gboolean sinter_plugin_registry_add(SinterPluginRegistry *registry, const SinterPlugin *plugin,
                                    const char *origin, GError **error);

/* Adds the built-in plugins. Fails only if the program was built incorrectly. */
gboolean sinter_plugin_registry_add_built_in(SinterPluginRegistry *registry, GError **error);

/* (transfer none) (nullable) */
const SinterPlugin *sinter_plugin_registry_find(const SinterPluginRegistry *registry,
                                                const char *name);

/* The number of plugins, and each plugin, in the order in which they were added. */
guint sinter_plugin_registry_get_n(const SinterPluginRegistry *registry);
const SinterPlugin *sinter_plugin_registry_get(const SinterPluginRegistry *registry, guint index);
/* (transfer none): the origin that was given when the plugin was added */
const char *sinter_plugin_registry_get_origin(const SinterPluginRegistry *registry, guint index);

/* (transfer none): "format", "policy", "remedy"; "unknown" for any other number */
const char *sinter_plugin_kind_name(SinterPluginKind kind);

G_END_DECLS
