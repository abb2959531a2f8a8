/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * All numbers of a disk's <iotune>, as libvirt's blkdeviotune lists them: strings "NAME=VALUE", up
 * to the first %NULL. They are kept as they are, so that a list that is set again restores the
 * disk's limits whatever libvirt adds to them. Bytes and operations per second; 0: no limit.
 */

/* Returns the value of @name in @limits; 0 if it is not there. */
guint64 sinter_io_limits_get(char *const *limits, const char *name);

/**
 * sinter_io_limits_lower:
 * @limits: the present limits
 * @bytes_per_sec: the limit of writes
 *
 * Returns: (transfer full): @limits with writes limited to @bytes_per_sec, without a burst, unless
 *   they are limited to less; the rest is unchanged. A limit of reads and writes together cannot be
 *   combined with one of writes: it becomes the limit of reads, with its burst.
 */
char **sinter_io_limits_lower(char *const *limits, guint64 bytes_per_sec);

/* Returns whether @text is a valid element of such a list, and its parts. @ret_name: (transfer
 * full) */
gboolean sinter_io_limits_parse(const char *text, char **ret_name, guint64 *ret_value);

G_END_DECLS
