/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A copied event is the same and stands on its own. */

#include "sinter-event.h"

static void
test_copy(void)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_BLOCK_THRESHOLD);
    g_autoptr(SinterEvent) copy = NULL;
    gint64 time_usec = event->time_usec;

    event->uuid = g_strdup("u");
    event->name = g_strdup("n");
    event->disk = g_strdup("vda");
    event->layer_index = 6;
    event->device = g_strdup("d");
    event->node = g_strdup("o");
    event->path = g_strdup("/a");
    event->text = g_strdup("t");
    event->status = 1;
    event->detail = 2;
    event->job_type = 3;
    event->threshold_bytes = 4;
    event->excess_bytes = 5;
    copy = sinter_event_copy(event);
    sinter_event_free(event);

    g_assert_cmpint(copy->kind, ==, SINTER_EVENT_BLOCK_THRESHOLD);
    g_assert_cmpint(copy->time_usec, ==, time_usec);
    g_assert_cmpstr(copy->uuid, ==, "u");
    g_assert_cmpstr(copy->name, ==, "n");
    g_assert_cmpstr(copy->disk, ==, "vda");
    g_assert_cmpuint(copy->layer_index, ==, 6);
    g_assert_cmpstr(copy->device, ==, "d");
    g_assert_cmpstr(copy->node, ==, "o");
    g_assert_cmpstr(copy->path, ==, "/a");
    g_assert_cmpstr(copy->text, ==, "t");
    g_assert_cmpint(copy->status, ==, 1);
    g_assert_cmpint(copy->detail, ==, 2);
    g_assert_cmpint(copy->job_type, ==, 3);
    g_assert_cmpuint(copy->threshold_bytes, ==, 4);
    g_assert_cmpuint(copy->excess_bytes, ==, 5);
}

/* Every kind has a name of its own. */
static void
test_names(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (int kind = SINTER_EVENT_LIFECYCLE; kind <= SINTER_EVENT_DISCONNECTED; kind++) {
        const char *name = sinter_event_kind_name((SinterEventKind)kind);

        g_assert_nonnull(name);
        g_assert_cmpstr(name, !=, "unknown");
        g_assert_true(g_hash_table_add(seen, (char *)name));
    }
    g_assert_cmpstr(sinter_event_kind_name((SinterEventKind)99), ==, "unknown");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event/copy", test_copy);
    g_test_add_func("/event/names", test_names);
    return g_test_run();
}
