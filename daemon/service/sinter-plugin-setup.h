/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plugin-registry.h"

G_BEGIN_DECLS

/**
 * sinter_plugin_setup_new:
 * @folders: the setting [plugins] folders: absolute paths joined by ':', or empty
 *
 * Registers the plugins that sinterd was built with, and loads those in @folders. Called once, at
 * the start, before anything opens an image. A plugin that cannot be loaded is logged and left out:
 * the jobs of the host do not wait for it.
 *
 * Returns: (transfer full): or %NULL where a built-in plugin is not usable
 */
SinterPluginRegistry *sinter_plugin_setup_new(const char *folders, GError **error);

G_END_DECLS
