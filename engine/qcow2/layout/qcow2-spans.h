/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ranges of the file that tables claim, which may overlap. A sweep returns each byte once, with the
 * number of claims: a table is read once, however many snapshots refer to it.
 */

#include <glib.h>

G_BEGIN_DECLS

/* A claim to [@start, @end) by the table number @id. */
typedef struct {
    guint64 start;
    guint64 end;
    guint id;
} SinterQcow2Span;

/* A range that the same @n_claims spans cover. */
typedef struct {
    guint64 start;
    guint64 end;
    guint id;         /* of one of them; number 0 if that is among them */
    guint n_claims;   /* never 0 */
    gboolean by_zero; /* number 0 is among them */
} SinterQcow2Segment;

/*
 * Returns the segments of @spans (of SinterQcow2Span, sorted by this call), ascending and without
 * overlap, as SinterQcow2Segment. At most one span may have number 0.
 */
GArray *sinter_qcow2_spans_sweep(GArray *spans);

G_END_DECLS
