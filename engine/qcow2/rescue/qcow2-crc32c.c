/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CRC-32C, one byte at a time: only structures that carry a magic number are summed. Invariant: the
 * table is computed once and never changes afterwards.
 */

#include "qcow2-crc32c.h"

#define POLYNOMIAL_REFLECTED 0x82f63b78U

static guint32 sums[256];

static void
sums_init(void)
{
    for (guint32 i = 0; i < G_N_ELEMENTS(sums); i++) {
        guint32 sum = i;

        for (guint bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL_REFLECTED : sum >> 1;
        sums[i] = sum;
    }
}

guint32
sinter_qcow2_crc32c(guint32 crc, const guint8 *data, gsize len)
{
    static gsize ready;

    if (g_once_init_enter(&ready)) {
        sums_init();
        g_once_init_leave(&ready, 1);
    }
    for (gsize i = 0; i < len; i++)
        crc = sums[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return crc;
}
