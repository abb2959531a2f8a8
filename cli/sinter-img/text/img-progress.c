/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Shows the progress of a long operation and lets it be interrupted. A separate thread waits for
 * signals, which are blocked in all other threads; the thread that runs the operation draws.
 * Invariant: only the signal thread receives signals during the operation, so the operation always
 * ends normally and cleans up.
 */

#include "img-progress.h"
#include "img-message.h"
#include "sinter-bar.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* Short operations show no bar. */
#define FIRST_BAR_USEC 500000
#define BAR_INTERVAL_USEC 100000
#define WAKE_SIGNAL SIGALRM

struct _SinterImgProgress {
    SinterImgProgressMode mode;
    char *label;
    double step_percent;
    double shown_percent; /* the last one printed */
    gint percent_100;     /* atomic: the percentage times 100, for SIGUSR1 */
    SinterProgress *progress;
    GCancellable *cancellable;

    SinterTerminal terminal;
    SinterBars *bars; /* NULL: no bar */
    gint64 began_usec;
    gint64 drawn_usec;

    sigset_t signals;
    sigset_t former; /* the mask before */
    GThread *watcher;
    gint ending;      /* atomic */
    gint interrupted; /* atomic: the signal, 0 for none */
};

static void
print_percent(FILE *file, double percent)
{
    fprintf(file, "    (%3.2f/100%%)\r", percent);
    fflush(file);
}

static void
progress_print(SinterImgProgress *self, double percent)
{
    if (self->mode != SINTER_IMG_PROGRESS_PERCENT)
        return;
    if (percent - self->shown_percent <= self->step_percent && percent > 0 && percent < 100)
        return;
    print_percent(stdout, percent);
    self->shown_percent = percent;
}

static void
progress_draw(SinterImgProgress *self, double fraction)
{
    gint64 now_usec = g_get_monotonic_time();
    gint64 spent_usec = now_usec - self->began_usec;
    SinterBar bar = { .label = self->label, .phase = "", .known = TRUE, .fraction = fraction };

    if (!self->bars || spent_usec < FIRST_BAR_USEC ||
        now_usec - self->drawn_usec < BAR_INTERVAL_USEC)
        return;
    bar.remaining_usec =
        fraction > 0 ? (gint64)((double)spent_usec / fraction * (1 - fraction)) : -1;
    sinter_bars_set(self->bars, 0, &bar);
    sinter_bars_draw(self->bars);
    self->drawn_usec = now_usec;
}

static void
progress_moved(double fraction, gpointer user_data)
{
    SinterImgProgress *self = user_data;

    g_atomic_int_set(&self->percent_100, (gint)lround(fraction * 10000));
    progress_print(self, fraction * 100);
    progress_draw(self, fraction);
}

/* Handles one signal. A second interruption does not wait for the operation. */
static void
progress_heard(SinterImgProgress *self, int number)
{
    if (number == SIGUSR1) {
        print_percent(stderr, g_atomic_int_get(&self->percent_100) / 100.0);
        return;
    }
    if (number == WAKE_SIGNAL)
        return;
    if (!g_atomic_int_compare_and_exchange(&self->interrupted, 0, number)) {
        signal(number, SIG_DFL);
        pthread_sigmask(SIG_SETMASK, &self->former, NULL);
        raise(number);
    }
    g_cancellable_cancel(self->cancellable);
}

static gpointer
progress_watch(gpointer data)
{
    SinterImgProgress *self = data;
    int number;

    /* stop only for the wake-up of progress_end(): other senders must not end this thread, since a
     * signal that nobody waits for would kill the process */
    while (sigwait(&self->signals, &number) == 0) {
        if (number == WAKE_SIGNAL && g_atomic_int_get(&self->ending))
            break;
        progress_heard(self, number);
    }
    return NULL;
}

static void
progress_begin_watching(SinterImgProgress *self)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, WAKE_SIGNAL };

    sigemptyset(&self->signals);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        sigaddset(&self->signals, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &self->signals, &self->former);
    self->watcher = g_thread_new("signals", progress_watch, self);
}

static void
progress_end_watching(SinterImgProgress *self)
{
    int number = g_atomic_int_get(&self->interrupted);

    g_atomic_int_set(&self->ending, TRUE);
    /* sent to the process: only the watcher waits for this signal */
    kill(getpid(), WAKE_SIGNAL);
    g_thread_join(self->watcher);
    pthread_sigmask(SIG_SETMASK, &self->former, NULL);
    if (number == 0)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

SinterImgProgressMode
sinter_img_progress_mode(gboolean quiet, gboolean percent)
{
    if (quiet)
        return SINTER_IMG_PROGRESS_QUIET;
    return percent ? SINTER_IMG_PROGRESS_PERCENT : SINTER_IMG_PROGRESS_BAR;
}

SinterImgProgress *
sinter_img_progress_begin(SinterImgProgressMode mode, const char *label, double step_percent)
{
    SinterImgProgress *self = g_new0(SinterImgProgress, 1);

    self->mode = mode;
    self->label = sinter_img_name(label);
    self->step_percent = step_percent;
    self->progress = sinter_progress_new(progress_moved, self);
    self->cancellable = g_cancellable_new();
    self->began_usec = g_get_monotonic_time();
    if (mode == SINTER_IMG_PROGRESS_BAR && sinter_terminal_get_stderr(&self->terminal))
        self->bars = sinter_bars_new(&self->terminal);
    progress_begin_watching(self);
    return self;
}

void
sinter_img_progress_start(SinterImgProgress *self)
{
    progress_print(self, 0);
}

SinterProgress *
sinter_img_progress_get(SinterImgProgress *self)
{
    return self->progress;
}

GCancellable *
sinter_img_progress_get_cancellable(SinterImgProgress *self)
{
    return self->cancellable;
}

void
sinter_img_progress_complete(SinterImgProgress *self)
{
    progress_print(self, 100);
}

void
sinter_img_progress_end(SinterImgProgress *self)
{
    if (!self)
        return;
    if (self->mode == SINTER_IMG_PROGRESS_PERCENT)
        putchar('\n');
    sinter_bars_free(self->bars);
    fflush(stdout);
    progress_end_watching(self);
    sinter_progress_free(self->progress);
    g_object_unref(self->cancellable);
    g_free(self->label);
    g_free(self);
}
