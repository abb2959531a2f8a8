/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sinter-worker: merges, checks, repairs and compares images for sinterd, which starts it with the
 * images and a socket as file descriptors. It reads the request, drops all privileges that the work
 * does not need, does the work, and reports the result. Invariant: it opens no file by name, and it
 * does not outlive its daemon, because end-of-file on the socket ends it. It may end at any moment:
 * an interrupted merge leaves a chain that reads as before.
 */

#include "sinter-worker-channel.h"
#include "sinter-worker-check.h"
#include "sinter-worker-compare.h"
#include "sinter-worker-files.h"
#include "sinter-worker-merge.h"
#include "sinter-worker-repair.h"
#include "sinter-worker-sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The daemon publishes progress at most this often. */
#define PROGRESS_USEC (G_USEC_PER_SEC / 4)

typedef struct {
    SinterWorkerChannel *channel;
    SinterWorkerControl control;
    GMutex lock;         /* guards sent_usec */
    gint64 sent_usec;    /* when progress was last sent */
    guint64 total_bytes; /* as last sent: the first message with a total is not delayed */
} Worker;

/* Exits with the text on standard error: the peer is gone, or the worker could not start. */
static G_NORETURN void
leave(const char *text)
{
    fprintf(stderr, "sinter-worker: %s\n", text);
    fflush(stderr);
    _exit(1);
}

static void
tell(Worker *self, const SinterWorkerMessage *message)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_worker_channel_send(self->channel, message, &error))
        leave(error->message);
}

static void
tell_progress(guint64 done_bytes, guint64 total_bytes, gpointer user_data)
{
    Worker *self = user_data;
    gint64 now_usec = g_get_monotonic_time();
    SinterWorkerMessage message = { .kind = SINTER_WORKER_PROGRESS,
                                    .done_bytes = done_bytes,
                                    .total_bytes = total_bytes };

    g_mutex_lock(&self->lock);
    if (self->sent_usec == 0 || self->total_bytes != total_bytes ||
        now_usec - self->sent_usec >= PROGRESS_USEC || done_bytes == total_bytes) {
        self->sent_usec = now_usec;
        self->total_bytes = total_bytes;
        tell(self, &message);
    }
    g_mutex_unlock(&self->lock);
}

static void
tell_report(guint place, const SinterImageReport *report, gpointer user_data)
{
    SinterWorkerMessage message = { .kind = SINTER_WORKER_REPORT,
                                    .place = place,
                                    .report = (SinterImageReport *)report };

    tell(user_data, &message);
}

/* Receives messages from sinterd; runs in its own thread for the lifetime of the process. */
static gpointer
listen_thread(gpointer data)
{
    Worker *self = data;

    for (;;) {
        g_autoptr(SinterWorkerMessage) message = NULL;
        g_autoptr(GError) error = NULL;

        if (!sinter_worker_channel_receive(self->channel, &message, &error))
            leave(error->message);
        if (!message)
            leave("sinterd has exited");
        if (message->kind == SINTER_WORKER_CANCEL)
            g_cancellable_cancel(self->control.cancellable);
        if (message->kind == SINTER_WORKER_BANDWIDTH)
            __atomic_store_n(&self->control.bandwidth_bytes_per_sec, message->bytes_per_sec,
                             __ATOMIC_RELAXED);
    }
}

static SinterWorkerMessage *
receive_request(Worker *self)
{
    g_autoptr(SinterWorkerMessage) message = NULL;
    g_autoptr(GError) error = NULL;

    if (!sinter_worker_channel_receive(self->channel, &message, &error))
        leave(error->message);
    if (!message || message->kind != SINTER_WORKER_REQUEST)
        leave("it can only be started by sinterd");
    return g_steal_pointer(&message);
}

static gboolean (*const actions[])(SinterFs *, const SinterWorkerRequest *, SinterWorkerControl *,
                                   GError **) = {
    [SINTER_WORKER_MERGE] = sinter_worker_merge,
    [SINTER_WORKER_CHECK] = sinter_worker_check,
    [SINTER_WORKER_COMPARE] = sinter_worker_compare,
    [SINTER_WORKER_REPAIR_LEAKS] = sinter_worker_repair,
    [SINTER_WORKER_REPAIR_ALL] = sinter_worker_repair,
};

static gboolean
work(Worker *self, const SinterWorkerRequest *request, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_worker_files_take(request, error);

    if (!fs || !sinter_worker_repair_take_undo_files(fs, request, error) ||
        !sinter_worker_sandbox_enter(request->files->len, request->uid, request->gid, error) ||
        !sinter_worker_files_check(fs, request, error))
        return FALSE;
    self->control.bandwidth_bytes_per_sec = request->bandwidth_bytes_per_sec;
    g_thread_unref(g_thread_new("listen", listen_thread, self));
    return actions[request->action](fs, request, &self->control, error);
}

/* The kind of @error, as sinterd reports it. */
static SinterError
error_code(const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return SINTER_ERROR_CANCELLED;
    return error->domain == SINTER_ERROR ? (SinterError)error->code : SINTER_ERROR_FAILED;
}

int
main(int argc, char **argv)
{
    g_autoptr(SinterWorkerMessage) message = NULL;
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage answer = { .kind = SINTER_WORKER_DONE };
    Worker self = { .control = {
                        .func = tell_progress, .report = tell_report, .user_data = &self } };

    if (fcntl(SINTER_WORKER_SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0)
        leave("it can only be started by sinterd");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    self.channel = sinter_worker_channel_new(SINTER_WORKER_SOCKET_FD);
    self.control.cancellable = g_cancellable_new();
    message = receive_request(&self);
    if (!work(&self, message->request, &error))
        answer = (SinterWorkerMessage){ .kind = SINTER_WORKER_ERROR,
                                        .code = error_code(error),
                                        .text = error->message };
    tell(&self, &answer);
    _exit(0); /* exit handlers must not run: the listening thread is blocked in a read */
}
