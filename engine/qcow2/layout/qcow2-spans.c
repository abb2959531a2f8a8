/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The sweep. It walks the starts and ends of the spans in order, so its cost is that of sorting,
 * however they overlap.
 */

#include "qcow2-spans.h"

static gint
compare_spans(gconstpointer a, gconstpointer b)
{
    const SinterQcow2Span *left = a;
    const SinterQcow2Span *right = b;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return left->id < right->id ? -1 : left->id > right->id;
}

static gint
compare_ends(gconstpointer a, gconstpointer b)
{
    guint64 left = *(const guint64 *)a;
    guint64 right = *(const guint64 *)b;

    return left < right ? -1 : left > right;
}

static GArray *
sorted_ends(GArray *spans)
{
    GArray *ends = g_array_sized_new(FALSE, FALSE, sizeof(guint64), spans->len);

    for (guint i = 0; i < spans->len; i++)
        g_array_append_val(ends, g_array_index(spans, SinterQcow2Span, i).end);
    g_array_sort(ends, compare_ends);
    return ends;
}

GArray *
sinter_qcow2_spans_sweep(GArray *spans)
{
    GArray *segments = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Segment));
    g_autoptr(GArray) ends = NULL;
    const SinterQcow2Span *longest = NULL; /* of the open spans, the one that ends last */
    const SinterQcow2Span *zero = NULL;
    guint started = 0;
    guint ended = 0;
    guint64 at = 0;

    g_array_sort(spans, compare_spans);
    ends = sorted_ends(spans);
    while (ended < ends->len) {
        guint64 end = g_array_index(ends, guint64, ended);
        guint64 next = end;

        if (started < spans->len)
            next = MIN(end, g_array_index(spans, SinterQcow2Span, started).start);
        if (started > ended && next > at) {
            gboolean by_zero = zero && zero->end >= next;
            SinterQcow2Segment segment = { at, next, by_zero ? zero->id : longest->id,
                                           started - ended, by_zero };

            g_array_append_val(segments, segment);
        }
        at = next;
        while (ended < ends->len && g_array_index(ends, guint64, ended) == at)
            ended++;
        while (started < spans->len && g_array_index(spans, SinterQcow2Span, started).start == at) {
            const SinterQcow2Span *span = &g_array_index(spans, SinterQcow2Span, started++);

            if (!longest || span->end > longest->end)
                longest = span;
            if (span->id == 0)
                zero = span;
        }
    }
    return segments;
}
