/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/**
 * sinter_plugin_setup_new:
 * @folders: the setting [plugins] folders: absolute paths joined by ':', or empty
 *
 * Registers the plugins built into sinterd, and loads those in @folders. Called once, at startup,
 * before any image is opened. A plugin that cannot be loaded is logged and left out: it must not
 * prevent the host's jobs.
 *
 * Returns: (transfer full): or %NULL if a built-in plugin is not usable
 */
SinterPluginRegistry *sinter_plugin_setup_new(const char *folders, GError **error);

G_END_DECLS
