/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plugin.h"

G_BEGIN_DECLS

/* The built-in plugins, terminated by NULL: the list in plugins/meson.build. */
extern const SinterPlugin *const sinter_plugin_table[];

G_END_DECLS
