/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:plugin
 *
 * What a plugin is: one #SinterPlugin, a table that says what it is called, of which kind it is,
 * and where its operations are. The same source is built into the programs or as a shared object;
 * see docs/plugins.md.
 *
 * A format is a driver behind the engine's interface (<sinter/format.h>). A policy and a remedy
 * (sinter-policy.h, sinter-remedy.h) are pure: they are given values and propose steps; the planner
 * and the executor decide and act. No plugin calls libvirt, starts threads, or keeps state between
 * two calls beyond what it keeps in an image that it opened.
 *
 * Units: none. Errors: #GError of the domain %SINTER_ERROR. Threads: plugins are loaded once, at
 * the start of a program, from its main thread; from which threads operations are called each
 * kind's header says.
 */

#include <glib.h>

G_BEGIN_DECLS

/*
 * The version of #SinterPlugin and of how plugins are loaded. A plugin that was built for another
 * one is refused. Each kind's operations have a version of their own.
 */
#define SINTER_PLUGIN_ABI 1

/**
 * SinterPluginKind:
 * @SINTER_PLUGIN_FORMAT: an image format; the operations are a #SinterFormat
 * @SINTER_PLUGIN_POLICY: when to consolidate a disk; the operations are a #SinterPolicy
 * @SINTER_PLUGIN_REMEDY: what to do about an I/O error; the operations are a #SinterRemedy
 */
typedef enum {
    SINTER_PLUGIN_FORMAT = 1,
    SINTER_PLUGIN_POLICY = 2,
    SINTER_PLUGIN_REMEDY = 3,
} SinterPluginKind;

/**
 * SinterPlugin:
 * @abi: %SINTER_PLUGIN_ABI, as the plugin was built
 * @struct_size: sizeof(SinterPlugin), likewise
 * @kind: what @operations is
 * @name: lower case letters, digits and dashes, beginning with the kind: "format-qcow1". No two
 *   plugins have the same name.
 * @summary: one line for people, without a final dot
 * @operations: the kind's table of operations
 *
 * The plugin owns everything; nothing of it changes while the program runs.
 */
typedef struct {
    guint32 abi;
    guint32 struct_size;
    SinterPluginKind kind;
    const char *name;
    const char *summary;
    gconstpointer operations;
} SinterPlugin;

/* The symbol that a shared object has to have: a SinterPlugin. */
#define SINTER_PLUGIN_SYMBOL "sinter_plugin"

/**
 * SINTER_PLUGIN_DEFINE:
 * @id: the plugin's name with underscores in place of dashes
 *
 * Begins the definition of the plugin, once in a plugin:
 *
 *     SINTER_PLUGIN_DEFINE(format_mine) = { .abi = SINTER_PLUGIN_ABI, … };
 *
 * In a shared object the symbol is %SINTER_PLUGIN_SYMBOL. The build of the programs defines
 * SINTER_PLUGIN_BUILT_IN; then the symbol carries the name of the plugin.
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
