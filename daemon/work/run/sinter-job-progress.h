/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The progress of a job's copying, as last seen. */
typedef struct {
    guint64 done_bytes;
    guint64 total_bytes;        /* 0: not known yet */
    guint64 rate_bytes_per_sec; /* 0: not known */
    gint64 expected_end_usec;   /* since the epoch; 0: not known */
} SinterJobProgress;

G_END_DECLS
