/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_thin_volume_is:
 * @sysfs: "/sys"
 * @device: the number of a block device, or the st_dev of a file
 *
 * Returns: whether the device is a thin volume of the device mapper (LVM): its space comes from a
 * pool when it is written, and the pool may be full. Does not wait for storage.
 */
gboolean sinter_thin_volume_is(const char *sysfs, guint64 device);

G_END_DECLS
