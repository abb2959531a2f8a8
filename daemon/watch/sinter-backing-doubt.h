/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* Whether an image that the engine cannot read may have a backing file. Any thread. */

/* Returns whether images of @format (%NULL: not stored) can have a backing file at all. */
gboolean sinter_backing_doubt_format(const char *format);

/**
 * sinter_backing_doubt_image:
 * @path: an image that exists and whose header could not be read
 * @format: (nullable): its stored format
 * @st: its status
 *
 * Reads the descriptor of a VMDK image. Blocking.
 *
 * Returns: %FALSE if the image certainly has no backing file
 */
gboolean sinter_backing_doubt_image(const char *path, const char *format, const struct stat *st);

G_END_DECLS
