/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions with a limit: who has the data, what is not asked, and what is told. */

#include "sinter-patience.h"

/* A question that waits until it is released. */
typedef struct {
    GMutex lock;
    GCond cond;
    gboolean released;
    gint asked;
    gint freed;
    gint progress;
} Server;

static void
wait_for_release(gpointer data)
{
    Server *server = data;

    g_atomic_int_inc(&server->asked);
    g_mutex_lock(&server->lock);
    while (!server->released)
        g_cond_wait(&server->cond, &server->lock);
    g_mutex_unlock(&server->lock);
}

static void
release(Server *server)
{
    g_mutex_lock(&server->lock);
    server->released = TRUE;
    g_cond_broadcast(&server->cond);
    g_mutex_unlock(&server->lock);
}

static void
note_freed(gpointer data)
{
    g_atomic_int_inc(&((Server *)data)->freed);
}

static void
note_response(gpointer data)
{
    g_atomic_int_inc((gint *)data);
}

static gboolean
ask(SinterPatience *patience, const char *key, Server *server, gint64 *ret_since_usec)
{
    const SinterQuestion question = { wait_for_release, server, note_freed, NULL };

    return sinter_patience_ask(patience, key, &question, ret_since_usec);
}

static void
await(gint *value, gint wanted)
{
    gint64 deadline = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    while (g_atomic_int_get(value) != wanted) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

static void
test_answered(void)
{
    const SinterPatienceLimits limits = { 60000, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    Server server = { .released = TRUE };
    gint64 since_usec;

    g_assert_true(ask(patience, "a", &server, &since_usec));
    g_assert_true(ask(patience, "a", &server, &since_usec));
    g_assert_cmpint(server.asked, ==, 2);
    g_assert_cmpint(server.freed, ==, 0);
    sinter_patience_unref(patience);
}

static void
test_silent(void)
{
    const SinterPatienceLimits limits = { 10, 2 };
    SinterPatience *patience = sinter_patience_new(&limits);
    Server stuck = { 0 };
    Server fine = { .released = TRUE };
    gint64 begin_usec = g_get_real_time();
    gint64 since_usec;
    gint64 again_usec;
    gint responses = 0;

    sinter_patience_set_func(patience, note_response, &responses);
    g_assert_false(ask(patience, "stuck", &stuck, &since_usec));
    g_assert_cmpint(since_usec, >=, begin_usec);
    /* the second question is not asked, and its data is freed */
    g_assert_false(ask(patience, "stuck", &stuck, &again_usec));
    g_assert_cmpint(again_usec, ==, since_usec);
    await(&stuck.asked, 1);
    g_assert_cmpint(g_atomic_int_get(&stuck.freed), ==, 1);
    /* others are asked */
    while (!ask(patience, "fine", &fine, &again_usec))
        g_assert_cmpint(g_get_real_time() - begin_usec, <, 60 * G_TIME_SPAN_SECOND);
    g_assert_cmpint(responses, ==, 0);

    release(&stuck);
    await(&stuck.freed, 2);
    await(&responses, 1);
    g_assert_true(ask(patience, "stuck", &fine, &since_usec) || since_usec > begin_usec);
    sinter_patience_set_func(patience, NULL, NULL);
    sinter_patience_unref(patience);
}

static void
test_too_many(void)
{
    const SinterPatienceLimits limits = { 10, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    Server stuck = { 0 };
    gint64 since_usec;

    g_assert_false(ask(patience, "a", &stuck, &since_usec));
    g_assert_cmpint(since_usec, >, 0);
    g_assert_false(ask(patience, "b", &stuck, &since_usec));
    g_assert_cmpint(since_usec, ==, 0);
    await(&stuck.asked, 1);
    release(&stuck);
    await(&stuck.freed, 2);
    sinter_patience_unref(patience);
}

/* Makes progress for ten times the limit. */
static void
work_slowly(gpointer data)
{
    Server *server = data;

    for (guint i = 0; i < 50; i++) {
        g_usleep(20 * 1000);
        g_atomic_int_inc(&server->progress);
    }
}

static void
test_progress(void)
{
    const SinterPatienceLimits limits = { 100, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    Server server = { 0 };
    const SinterQuestion question = { work_slowly, &server, note_freed, &server.progress };
    gint64 since_usec;

    g_assert_true(sinter_patience_ask(patience, "a", &question, &since_usec));
    g_assert_cmpint(server.progress, ==, 50);
    sinter_patience_unref(patience);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/patience/answered", test_answered);
    g_test_add_func("/patience/silent", test_silent);
    g_test_add_func("/patience/too-many", test_too_many);
    g_test_add_func("/patience/progress", test_progress);
    return g_test_run();
}
