/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Formats sizes like qemu-img. (The format of the other sinter commands is in sinter-units.) */

#include "img-size-text.h"

char *
sinter_img_size_format(guint64 bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    gsize i = 0;

    /* at most three digits before the point: from 1000 on, use the next unit */
    for (; value >= 1000 && i + 1 < G_N_ELEMENTS(units); i++)
        value /= 1024;
    return g_strdup_printf("%0.3g %s", value, units[i]);
}
