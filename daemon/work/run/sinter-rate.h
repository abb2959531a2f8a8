/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A smoothed rate over samples of a counter: a new sample has a weight of one third. Pure. */
typedef struct {
    gint64 last_usec; /* monotonic; 0: no sample yet */
    guint64 last_bytes;
    double bytes_per_sec;
} SinterRate;

/* Returns: the present rate in bytes per second, 0 before there are two samples. A counter that
 * decreases (QEMU restarted) or a sample at the same time changes nothing. */
guint64 sinter_rate_sample(SinterRate *self, gint64 now_usec, guint64 bytes);

G_END_DECLS
