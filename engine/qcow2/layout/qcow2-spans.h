/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Stretches of the file that tables lay claim to, and which may cover each other. A sweep over
 * them gives each byte once, with how many claim it: tables are read once however many snapshots
 * name them.
 */

#include <glib.h>

G_BEGIN_DECLS

/* A claim to [@start, @end) by the table number @id. */
typedef struct {
    guint64 start;
    guint64 end;
    guint id;
} SinterQcow2Span;

/* A stretch that the same @n_claims spans cover. */
typedef struct {
    guint64 start;
    guint64 end;
    guint id;         /* of one of them: of number 0 where that is among them */
    guint n_claims;   /* never 0 */
    gboolean by_zero; /* number 0 is among them */
} SinterQcow2Segment;

/*
 * The segments of @spans (of SinterQcow2Span, sorted by this call), ascending and without
 * overlap, as SinterQcow2Segment. At most one span has the number 0.
 */
GArray *sinter_qcow2_spans_sweep(GArray *spans);

G_END_DECLS
