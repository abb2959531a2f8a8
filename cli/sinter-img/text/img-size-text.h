/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: (transfer full): a size for people, in qemu-img's format: "64 MiB", "0.977 GiB". */
char *sinter_img_size_format(guint64 bytes);

G_END_DECLS
