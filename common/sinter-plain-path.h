/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* (transfer full): @path, which is absolute, without the components that lead back to the folder
 * that they are in, such as a link to ".": a name that is made relative to them again and again
 * would grow each time. Other links stay. Blocking. */
char *sinter_plain_path(const char *path);

G_END_DECLS
