/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The growth rate of a counter, smoothed so that the estimate of a progress bar does not jump. */

#include "sinter-rate.h"

guint64
sinter_rate_sample(SinterRate *self, gint64 now_usec, guint64 bytes)
{
    gint64 span = now_usec - self->last_usec;
    gboolean first = self->last_usec == 0;

    if (!first && (span <= 0 || bytes < self->last_bytes)) {
        self->last_bytes = MIN(bytes, self->last_bytes);
        return (guint64)self->bytes_per_sec;
    }
    if (!first) {
        double now = (double)(bytes - self->last_bytes) * G_USEC_PER_SEC / (double)span;

        self->bytes_per_sec = self->bytes_per_sec > 0 ? (self->bytes_per_sec * 2 + now) / 3 : now;
    }
    self->last_usec = now_usec;
    self->last_bytes = bytes;
    return (guint64)self->bytes_per_sec;
}
