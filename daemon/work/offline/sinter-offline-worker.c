/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starts sinter-worker and receives its messages in a thread. Invariant: the child inherits the
 * images, one end of a socket and the daemon's standard error, and no other descriptor of the
 * daemon; the thread ends when the child has closed its end of the socket, after it has posted how
 * the child ended.
 */

#include "sinter-offline-worker.h"

#include "sinter-file.h"
#include "sinter-worker-channel.h"
#include "sinter-worker-user.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM_NAME "sinter-worker"

/* Progress messages that arrive faster than this are dropped. */
#define PROGRESS_USEC (G_USEC_PER_SEC / 10)

struct _SinterOfflineWorker {
    GSubprocess *process;
    SinterWorkerChannel *channel;
    SinterMailbox *mailbox;
    guint serial;
    GThread *listener;
};

/* (transfer full): the program next to our own executable, even if that was replaced meanwhile */
static char *
find_program(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = NULL;

    if (!self)
        return g_build_filename(SINTER_LIBEXEC_DIR, PROGRAM_NAME, NULL);
    folder = g_path_get_dirname(self);
    return g_build_filename(folder, PROGRAM_NAME, NULL);
}

/* (transfer full): how a process ended that did not report it itself */
static char *
describe_end(GSubprocess *process)
{
    if (g_subprocess_get_if_signaled(process))
        return g_strdup_printf("it was killed by signal %d (%s)",
                               g_subprocess_get_term_sig(process),
                               g_strsignal(g_subprocess_get_term_sig(process)));
    return g_strdup_printf("it exited with status %d", g_subprocess_get_exit_status(process));
}

/* Protects the job from a flood of messages by a compromised worker. */
static gboolean
is_too_much(const SinterWorkerMessage *message, gint64 *last_usec)
{
    gint64 now_usec = g_get_monotonic_time();

    if (message->kind != SINTER_WORKER_PROGRESS)
        return FALSE;
    if (now_usec - *last_usec < PROGRESS_USEC)
        return TRUE;
    *last_usec = now_usec;
    return FALSE;
}

static gpointer
listen_thread(gpointer data)
{
    SinterOfflineWorker *self = data;
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage *message;
    gint64 last_usec = 0;

    while (sinter_worker_channel_receive(self->channel, &message, &error) && message) {
        if (is_too_much(message, &last_usec))
            sinter_worker_message_free(message);
        else
            sinter_mailbox_post_worker(self->mailbox, self->serial, message, NULL);
    }
    if (error) /* after a protocol violation the worker is no longer trusted */
        g_subprocess_force_exit(self->process);
    g_subprocess_wait(self->process, NULL, NULL);
    sinter_mailbox_post_worker(self->mailbox, self->serial, NULL,
                               error ? g_strdup(error->message) : describe_end(self->process));
    return NULL;
}

static gboolean
give_fd(GSubprocessLauncher *launcher, int fd, int target, GError **error)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy < 0) {
        sinter_error_set_errno(error, errno, "passing a file descriptor to " PROGRAM_NAME);
        return FALSE;
    }
    g_subprocess_launcher_take_fd(launcher, copy, target);
    return TRUE;
}

static gboolean
spawn(SinterOfflineWorker *self, const char *program, const GArray *fds, int child_socket,
      GError **error)
{
    /* standard input is /dev/null by default */
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
    const int first_fd = SINTER_WORKER_SOCKET_FD + 1;

    if (!give_fd(launcher, child_socket, SINTER_WORKER_SOCKET_FD, error))
        return FALSE;
    for (guint i = 0; i < fds->len; i++) {
        if (!give_fd(launcher, g_array_index(fds, int, i), first_fd + (int)i, error))
            return FALSE;
    }
    g_subprocess_launcher_set_cwd(launcher, "/");
    self->process = g_subprocess_launcher_spawn(launcher, error, program, NULL);
    if (!self->process)
        g_prefix_error(error, "starting '%s': ", program);
    return self->process != NULL;
}

static gboolean
send_request(SinterOfflineWorker *self, SinterWorkerRequest *request, GError **error)
{
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REQUEST, .request = request };

    sinter_worker_user_find(&request->uid, &request->gid);
    return sinter_worker_channel_send(self->channel, &message, error);
}

SinterOfflineWorker *
sinter_offline_worker_start(const char *program, const SinterWorkerTask *task,
                            SinterMailbox *mailbox, guint serial, GError **error)
{
    SinterOfflineWorker *self = g_new0(SinterOfflineWorker, 1);
    g_autofree char *beside = program ? NULL : find_program();
    g_auto(SinterFd) child_socket = -1;
    int sockets[2];

    self->mailbox = mailbox;
    self->serial = serial;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
        sinter_error_set_errno(error, errno, "creating a socket for " PROGRAM_NAME);
        sinter_offline_worker_free(self);
        return NULL;
    }
    self->channel = sinter_worker_channel_new(sockets[0]);
    child_socket = sockets[1];
    if (!spawn(self, program ? program : beside, task->fds, child_socket, error) ||
        !send_request(self, task->request, error)) {
        sinter_offline_worker_free(self);
        return NULL;
    }
    self->listener = g_thread_new("worker", listen_thread, self);
    return self;
}

/* If sending fails, the worker is gone or about to end: the message about its end follows. */
static void
tell(SinterOfflineWorker *self, const SinterWorkerMessage *message)
{
    sinter_worker_channel_send(self->channel, message, NULL);
}

void
sinter_offline_worker_cancel(SinterOfflineWorker *worker)
{
    tell(worker, &(SinterWorkerMessage){ .kind = SINTER_WORKER_CANCEL });
}

void
sinter_offline_worker_set_bandwidth(SinterOfflineWorker *worker, guint64 bytes_per_sec)
{
    tell(worker,
         &(SinterWorkerMessage){ .kind = SINTER_WORKER_BANDWIDTH, .bytes_per_sec = bytes_per_sec });
}

void
sinter_offline_worker_kill(SinterOfflineWorker *worker)
{
    g_subprocess_force_exit(worker->process);
}

void
sinter_offline_worker_free(SinterOfflineWorker *worker)
{
    if (!worker)
        return;
    if (worker->process)
        g_subprocess_force_exit(worker->process);
    if (worker->listener)
        g_thread_join(worker->listener);
    else if (worker->process)
        g_subprocess_wait(worker->process, NULL, NULL);
    sinter_worker_channel_free(worker->channel);
    g_clear_object(&worker->process);
    g_free(worker);
}
