/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Pieces of work: delivered in order whatever the threads do, and failing as one thread would.
 */

#include "ops/transfer/sinter-relay.h"
#include "sinter-error.h"

#define N_PIECES 2000

typedef struct {
    guint next;
    guint n_pieces;
    guint fail_next; /* giving out that piece fails; G_MAXUINT: none */
    guint fail_work; /* working on that piece fails */
    guint stop_at;   /* delivering that piece says stop */
    guint cancel_at; /* giving out that piece cancels */
    guint n_delivered;
    gint n_finished;   /* atomic */
    guint fail_finish; /* finishing that piece fails */
    gboolean ordered;
    GCancellable *cancellable;
    gint at_work; /* atomic: threads inside work() */
    gint most_at_work;
} Work;

typedef struct {
    guint number;
    guint square;
} Piece;

static gboolean
work_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error)
{
    Work *self = user_data;
    Piece *piece = data;

    g_assert_cmpuint(piece->square, ==, 0);
    if (self->next == self->fail_next) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "next %u", self->next);
        return FALSE;
    }
    if (self->next == self->cancel_at)
        g_cancellable_cancel(self->cancellable);
    *ret_end = self->next == self->n_pieces;
    piece->number = self->next++;
    return TRUE;
}

static gboolean
work_work(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    Work *self = user_data;
    Piece *piece = data;
    gint n = g_atomic_int_add(&self->at_work, 1) + 1;

    while (n > g_atomic_int_get(&self->most_at_work))
        g_atomic_int_set(&self->most_at_work, n);
    g_assert_cmpuint((guintptr)buffer % 4096, ==, 0);
    buffer[0] = (guint8)piece->number;
    /* let others overtake */
    if (piece->number % 7 == 0)
        g_thread_yield();
    piece->square = piece->number * piece->number;
    g_atomic_int_add(&self->at_work, -1);
    if (piece->number < self->fail_work)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "work %u", piece->number);
    return FALSE;
}

static gboolean
work_deliver(gpointer user_data, gpointer data, guint8 *buffer, guint64 *ret_units, GError **error)
{
    Work *self = user_data;
    const Piece *piece = data;

    self->ordered = self->ordered && piece->number == self->n_delivered;
    g_assert_cmpuint(piece->square, ==, piece->number * piece->number);
    g_assert_cmpuint(buffer[0], ==, (guint8)piece->number);
    self->n_delivered++;
    *ret_units = 1;
    return piece->number != self->stop_at;
}

static gboolean
work_finish(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    Work *self = user_data;
    const Piece *piece = data;

    g_assert_cmpuint(buffer[0], ==, (guint8)piece->number);
    g_atomic_int_inc(&self->n_finished);
    if (piece->number != self->fail_finish)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "finish %u", piece->number);
    return FALSE;
}

static const SinterRelayClass work_class = {
    .piece_bytes = sizeof(Piece),
    .buffer_bytes = 4096,
    .next = work_next,
    .work = work_work,
    .deliver = work_deliver,
    .finish = work_finish,
};

static const Work idle = { .n_pieces = N_PIECES,
                           .fail_next = G_MAXUINT,
                           .fail_work = G_MAXUINT,
                           .stop_at = G_MAXUINT,
                           .cancel_at = G_MAXUINT,
                           .fail_finish = G_MAXUINT,
                           .ordered = TRUE };

static void
count_progress(double fraction, gpointer user_data)
{
    g_assert_true(fraction >= *(double *)user_data);
    *(double *)user_data = fraction;
}

static void
test_order(gconstpointer threads)
{
    Work work = idle;
    double fraction = 0;
    g_autoptr(SinterProgress) progress = sinter_progress_new(count_progress, &fraction);
    SinterRelayOptions options = { .n_threads = GPOINTER_TO_UINT(threads), .progress = progress };
    g_autoptr(GError) error = NULL;

    sinter_progress_set_total(progress, N_PIECES);
    g_assert_true(sinter_relay_run(&work_class, &options, &work, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(work.n_delivered, ==, N_PIECES);
    g_assert_cmpint(work.n_finished, ==, N_PIECES);
    g_assert_true(work.ordered);
    g_assert_cmpint(work.most_at_work, <=, (gint)sinter_relay_threads(options.n_threads));
    g_assert_cmpfloat(fraction, ==, 1);
}

static void
test_unordered(void)
{
    Work work = idle;
    SinterRelayOptions options = { .n_threads = 4, .unordered = TRUE };

    g_assert_true(sinter_relay_run(&work_class, &options, &work, NULL));
    g_assert_cmpuint(work.n_delivered, ==, N_PIECES);
}

static void
test_nothing(void)
{
    Work work = idle;
    SinterRelayOptions options = { .n_threads = 4 };

    work.n_pieces = 0;
    g_assert_true(sinter_relay_run(&work_class, &options, &work, NULL));
    g_assert_cmpuint(work.n_delivered, ==, 0);
}

static void
expect_failure(Work *work, const char *message, guint n_delivered)
{
    SinterRelayOptions options = { .n_threads = 4, .cancellable = work->cancellable };
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_relay_run(&work_class, &options, work, &error));
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpuint(work->n_delivered, ==, n_delivered);
    g_assert_true(work->ordered);
}

/* Whatever fails is heard in its turn: all before it is delivered, nothing behind it. */
static void
test_failures(void)
{
    for (guint at = 0; at < 40; at++) {
        g_autofree char *next = g_strdup_printf("next %u", at);
        g_autofree char *done = g_strdup_printf("work %u", at);
        Work work = idle;

        work.fail_next = at;
        expect_failure(&work, next, at);
        work = idle;
        work.fail_work = at;
        expect_failure(&work, done, at);
        work = idle;
        work.fail_work = at;
        work.fail_next = at + 1;
        expect_failure(&work, done, at);
    }
}

/* Whatever was delivered is finished, and a failure there is heard and ends all. */
static void
test_finish_failure(void)
{
    SinterRelayOptions options = { .n_threads = 4 };

    for (guint at = 0; at < 40; at++) {
        g_autofree char *message = g_strdup_printf("finish %u", at);
        g_autoptr(GError) error = NULL;
        Work work = idle;

        work.fail_finish = at;
        g_assert_false(sinter_relay_run(&work_class, &options, &work, &error));
        g_assert_cmpstr(error->message, ==, message);
        g_assert_cmpint(work.n_finished, ==, (gint)work.n_delivered);
        g_assert_cmpuint(work.n_delivered, >, at);
        g_assert_cmpuint(work.n_delivered, <, N_PIECES);
    }
}

static void
test_stop(void)
{
    Work work = idle;
    SinterRelayOptions options = { .n_threads = 4 };

    /* what fails behind the place where it stops is not heard */
    work.stop_at = 31;
    work.fail_work = 32;
    g_assert_true(sinter_relay_run(&work_class, &options, &work, NULL));
    g_assert_cmpuint(work.n_delivered, ==, 32);
}

static void
test_cancel(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Work work = idle;

    work.cancellable = cancellable;
    work.cancel_at = 50;
    expect_failure(&work, "stopped on request", 51);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/relay/order/default", GUINT_TO_POINTER(0), test_order);
    g_test_add_data_func("/relay/order/1", GUINT_TO_POINTER(1), test_order);
    g_test_add_data_func("/relay/order/2", GUINT_TO_POINTER(2), test_order);
    g_test_add_data_func("/relay/order/16", GUINT_TO_POINTER(16), test_order);
    g_test_add_func("/relay/unordered", test_unordered);
    g_test_add_func("/relay/nothing", test_nothing);
    g_test_add_func("/relay/failures", test_failures);
    g_test_add_func("/relay/finish-failure", test_finish_failure);
    g_test_add_func("/relay/stop", test_stop);
    g_test_add_func("/relay/cancel", test_cancel);
    return g_test_run();
}
