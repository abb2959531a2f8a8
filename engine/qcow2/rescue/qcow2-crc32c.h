/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CRC-32C (Castagnoli), the checksum of ext4, XFS and btrfs. */

#include <glib.h>

G_BEGIN_DECLS

/*
 * Continues the checksum @crc over @len bytes, without inverting it: start with all ones; XFS and
 * btrfs store the inverted result, ext4 the result itself.
 */
guint32 sinter_qcow2_crc32c(guint32 crc, const guint8 *data, gsize len);

G_END_DECLS
