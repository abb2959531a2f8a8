/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plugins of a program. It is filled once, at the start, by the main thread, and read only from
 * then on. Formats are the process's: they are registered with the engine, and stay.
 */

#include "sinter-plugin.h"

G_BEGIN_DECLS

typedef struct _SinterPluginRegistry SinterPluginRegistry;

/* Empty. */
SinterPluginRegistry *sinter_plugin_registry_new(void);

/* Forgets the plugins; shared objects stay loaded, formats stay registered. Accepts NULL. */
void sinter_plugin_registry_free(SinterPluginRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPluginRegistry, sinter_plugin_registry_free)

/*
 * Adds @plugin, which is kept and not copied. @origin says in messages where it comes from: a path.
 *
 * Errors: UNSUPPORTED where it was built for another ABI or for another version of its kind's
 * operations; INVALID_ARGUMENT where the size of a structure is wrong, the kind unknown, a required
 * member missing, or the name taken.
 */
gboolean sinter_plugin_registry_add(SinterPluginRegistry *registry, const SinterPlugin *plugin,
                                    const char *origin, GError **error);

/* Adds the plugins that the program was built with. Fails only where the program is not whole. */
gboolean sinter_plugin_registry_add_built_in(SinterPluginRegistry *registry, GError **error);

/* (transfer none) (nullable) */
const SinterPlugin *sinter_plugin_registry_find(const SinterPluginRegistry *registry,
                                                const char *name);

/* How many there are, and each, in the order in which they were added. */
guint sinter_plugin_registry_get_n(const SinterPluginRegistry *registry);
const SinterPlugin *sinter_plugin_registry_get(const SinterPluginRegistry *registry, guint index);
/* (transfer none): the origin that it was added with */
const char *sinter_plugin_registry_get_origin(const SinterPluginRegistry *registry, guint index);

/* (transfer none): "format", "policy", "remedy"; "unknown" for a number that is no kind */
const char *sinter_plugin_kind_name(SinterPluginKind kind);

G_END_DECLS
