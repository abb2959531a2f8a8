/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rate limit in front of the Event signal. Invariant: at most one event of a sort passes per
 * interval, every suppressed event is counted, and a timer exists only while an event is held back
 * or has just passed.
 */

#include "sinter-event-gate.h"

/* A sort of event, one of which passed less than an interval ago. */
typedef struct {
    SinterEventGate *gate;
    char *key;
    SinterEvent *held; /* the last event held back since, or NULL */
    guint64 n_held;
    guint timeout_id;
} Sort;

struct _SinterEventGate {
    guint interval_msec;
    SinterEventGateFunc func;
    gpointer user_data;
    GHashTable *sorts; /* the sort's own key → Sort */
};

static void
sort_free(gpointer data)
{
    Sort *sort = data;

    g_clear_handle_id(&sort->timeout_id, g_source_remove);
    sinter_event_free(sort->held);
    g_free(sort->key);
    g_free(sort);
}

SinterEventGate *
sinter_event_gate_new(guint interval_msec, SinterEventGateFunc func, gpointer user_data)
{
    SinterEventGate *gate = g_new0(SinterEventGate, 1);

    gate->interval_msec = interval_msec;
    gate->func = func;
    gate->user_data = user_data;
    gate->sorts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sort_free);
    return gate;
}

void
sinter_event_gate_free(SinterEventGate *gate)
{
    if (!gate)
        return;
    g_hash_table_unref(gate->sorts);
    g_free(gate);
}

/* Returns whether events of this kind can come as often as a guest does I/O. */
static gboolean
is_endless(const SinterEvent *event)
{
    return event->kind == SINTER_EVENT_IO_ERROR || event->kind == SINTER_EVENT_BLOCK_THRESHOLD ||
           event->kind == SINTER_EVENT_QMP_CORRUPTED;
}

/* The interval has ended: lets the event that was held back pass, which begins the next
 * interval. */
static gboolean
on_time(gpointer user_data)
{
    Sort *sort = user_data;
    g_autoptr(SinterEvent) held = g_steal_pointer(&sort->held);
    guint64 n_held = sort->n_held;

    if (!held) {
        sort->timeout_id = 0;
        g_hash_table_remove(sort->gate->sorts, sort->key);
        return G_SOURCE_REMOVE;
    }
    sort->n_held = 0;
    sort->gate->func(held, n_held, sort->gate->user_data);
    return G_SOURCE_CONTINUE;
}

static void
begin_interval(SinterEventGate *gate, char *key)
{
    Sort *sort = g_new0(Sort, 1);

    sort->gate = gate;
    sort->key = key;
    sort->timeout_id = g_timeout_add(gate->interval_msec, on_time, sort);
    g_hash_table_insert(gate->sorts, key, sort);
}

void
sinter_event_gate_take(SinterEventGate *gate, const SinterEvent *event)
{
    g_autofree char *key = NULL;
    Sort *sort;

    if (!is_endless(event)) {
        gate->func(event, 1, gate->user_data);
        return;
    }
    key = g_strdup_printf("%d %s %s", event->kind, event->uuid,
                          event->disk ? event->disk : event->device);
    sort = g_hash_table_lookup(gate->sorts, key);
    if (sort) {
        sinter_event_free(sort->held);
        sort->held = sinter_event_copy(event);
        sort->n_held++;
        return;
    }
    begin_interval(gate, g_steal_pointer(&key));
    gate->func(event, 1, gate->user_data);
}
