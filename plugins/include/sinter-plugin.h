/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:plugin
 *
 * A plugin is one #SinterPlugin: a table with its name, its kind and its operations. The same
 * source can be built into the programs or as a shared object; see docs/plugins.md.
 *
 * A format is a driver for the engine's interface (<sinter/format.h>). A policy and a remedy
 * (sinter-policy.h, sinter-remedy.h) are pure functions: they receive values and propose steps; the
 * planner and the executor decide and act. No plugin calls libvirt, starts threads, or keeps state
 * between calls, except for the state of an image that it has open.
 *
 * Units: none. Errors: #GError of the domain %SINTER_ERROR. Threads: plugins are loaded once, at
 * the start of a program, from its main thread. The header of each kind states from which threads
 * its operations are called.
 */

#include <glib.h>

G_BEGIN_DECLS

/*
 * The version of #SinterPlugin and of the loading interface. A plugin that was built for another
 * version is refused. The operations of each kind have a separate version.
 */
#define SINTER_PLUGIN_ABI 1

/**
 * SinterPluginKind:
 * @SINTER_PLUGIN_FORMAT: an image format; the operations are a #SinterFormat
 * @SINTER_PLUGIN_POLICY: proposes when to consolidate a disk; the operations are a #SinterPolicy
 * @SINTER_PLUGIN_REMEDY: proposes what to do about an I/O error; the operations are a #SinterRemedy
 */
typedef enum {
    SINTER_PLUGIN_FORMAT = 1,
    SINTER_PLUGIN_POLICY = 2,
    SINTER_PLUGIN_REMEDY = 3,
} SinterPluginKind;

/**
 * SinterPlugin:
 * @abi: %SINTER_PLUGIN_ABI at build time
 * @struct_size: sizeof(SinterPlugin) at build time
 * @kind: the type of @operations
 * @name: lower case letters, digits and dashes, beginning with the kind: "format-qcow1". Names of
 *   plugins are unique.
 * @summary: one line for people, without a final dot
 * @operations: the table of operations of this kind
 *
 * The plugin owns all members. They must not change while the program runs.
 */
typedef struct {
    guint32 abi;
    guint32 struct_size;
    SinterPluginKind kind;
    const char *name;
    const char *summary;
    gconstpointer operations;
} SinterPlugin;

/* The symbol that a shared object must define: a SinterPlugin. */
#define SINTER_PLUGIN_SYMBOL "sinter_plugin"

/**
 * SINTER_PLUGIN_DEFINE:
 * @id: the name of the plugin with underscores instead of dashes
 *
 * Begins the definition of the plugin. Use it once in a plugin:
 *
 *     SINTER_PLUGIN_DEFINE(format_mine) = { .abi = SINTER_PLUGIN_ABI, … };
 *
 * In a shared object the symbol is %SINTER_PLUGIN_SYMBOL. The build of the programs defines
 * SINTER_PLUGIN_BUILT_IN; then the symbol contains the name of the plugin.
 */
#ifdef SINTER_PLUGIN_BUILT_IN
#define SINTER_PLUGIN_DEFINE(id)                                                                   \
    extern const SinterPlugin sinter_plugin_##id;                                                  \
    const SinterPlugin sinter_plugin_##id
#else
#define SINTER_PLUGIN_DEFINE(id)                                                                   \
    extern const SinterPlugin sinter_plugin;                                                       \
    __attribute__((visibility("default"))) const SinterPlugin sinter_plugin
#endif

G_END_DECLS
