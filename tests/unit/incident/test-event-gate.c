/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate before the Event signal: a storm of one sort of event is told as few that add up to it;
 * what is rare passes at once. */

#include "sinter-event-gate.h"

#define INTERVAL_MSEC 100

typedef struct {
    SinterEventGate *gate;
    guint n_passed;
    guint64 n_told; /* the sum of what the passed ones stand for */
    char *last_text;
} Fixture;

static void
on_passed(const SinterEvent *event, guint64 n_events, gpointer user_data)
{
    Fixture *f = user_data;

    f->n_passed++;
    f->n_told += n_events;
    g_free(f->last_text);
    f->last_text = g_strdup(event->text);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->gate = sinter_event_gate_new(INTERVAL_MSEC, on_passed, f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_event_gate_free(f->gate);
    g_free(f->last_text);
}

static void
take(Fixture *f, SinterEventKind kind, const char *uuid, const char *disk, const char *text)
{
    g_autoptr(SinterEvent) event = sinter_event_new(kind);

    event->uuid = g_strdup(uuid);
    event->disk = g_strdup(disk);
    event->text = g_strdup(text);
    sinter_event_gate_take(f->gate, event);
}

static void
test_storm(Fixture *f, gconstpointer data)
{
    const guint n_events = 10000;

    for (guint i = 0; i < n_events; i++)
        take(f, SINTER_EVENT_IO_ERROR, "u", "vda", i + 1 < n_events ? "" : "enospc");
    g_assert_cmpuint(f->n_passed, ==, 1);
    while (f->n_told < n_events)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(f->n_told, ==, n_events);
    g_assert_cmpuint(f->n_passed, ==, 2);
    g_assert_cmpstr(f->last_text, ==, "enospc");
    /* the second began an interval of its own, which holds the next one back */
    take(f, SINTER_EVENT_IO_ERROR, "u", "vda", "");
    g_assert_cmpuint(f->n_passed, ==, 2);
    while (f->n_passed < 3)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(f->n_told, ==, n_events + 1);
}

static gboolean
set_flag(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Once an interval has held nothing back the next one passes at once. */
static void
test_quiet(Fixture *f, gconstpointer data)
{
    gboolean over = FALSE;

    take(f, SINTER_EVENT_BLOCK_THRESHOLD, "u", "vda", NULL);
    g_timeout_add(2 * INTERVAL_MSEC, set_flag, &over); /* after the gate's own */
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    take(f, SINTER_EVENT_BLOCK_THRESHOLD, "u", "vda", NULL);
    g_assert_cmpuint(f->n_passed, ==, 2);
    g_assert_cmpuint(f->n_told, ==, 2);
}

static void
test_sorts(Fixture *f, gconstpointer data)
{
    take(f, SINTER_EVENT_IO_ERROR, "u", "vda", "");
    take(f, SINTER_EVENT_IO_ERROR, "u", "vdb", "");
    take(f, SINTER_EVENT_IO_ERROR, "v", "vda", "");
    take(f, SINTER_EVENT_QMP_CORRUPTED, "u", "vda", "");
    take(f, SINTER_EVENT_BLOCK_THRESHOLD, "u", "vda", "");
    g_assert_cmpuint(f->n_passed, ==, 5);
    take(f, SINTER_EVENT_IO_ERROR, "u", "vdb", "");
    g_assert_cmpuint(f->n_passed, ==, 5);
}

static void
test_others(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 10; i++)
        take(f, SINTER_EVENT_BLOCK_JOB, "u", "vda", NULL);
    take(f, SINTER_EVENT_DISCONNECTED, NULL, NULL, "gone");
    take(f, SINTER_EVENT_DISCONNECTED, NULL, NULL, "gone");
    g_assert_cmpuint(f->n_passed, ==, 12);
    g_assert_cmpuint(f->n_told, ==, 12);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/event-gate/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("storm", test_storm);
    ADD("quiet", test_quiet);
    ADD("sorts", test_sorts);
    ADD("others", test_others);
    return g_test_run();
}
