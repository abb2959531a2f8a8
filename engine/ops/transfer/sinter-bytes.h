/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* The smallest unit in which disks are compared and copied. */
#define SINTER_SECTOR_BYTES 512

/* Returns whether all @len bytes are zero: checks the first few, and then that each byte equals the
 * one 16 bytes before it. */
static inline gboolean
sinter_bytes_are_zero(const guint8 *data, gsize len)
{
    static const guint8 zeros[16];

    return len <= sizeof zeros ? memcmp(data, zeros, len) == 0
                               : memcmp(data, zeros, sizeof zeros) == 0 &&
                                     memcmp(data, data + sizeof zeros, len - sizeof zeros) == 0;
}

G_END_DECLS
