/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs one program of the hook folder. Invariant: the process is reaped here and nowhere else, and
 * its group is only killed before that, so that no other process can have the same number. The
 * input is a file in memory: a program that does not read it delays nobody.
 */

#include "sinter-hook-program.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-log.h"
#include "sinter-plugin-trust.h"

#define READ_BYTES 4096
#define STATUS_NO_PRIVILEGES 126

typedef struct {
    const char *path;
    const SinterHookLimits *limits;
    gint64 deadline_usec;
    GPid pid;
    int pid_fd;
    int output_fd;
    gsize n_output; /* bytes read so far */
    GString *line;  /* read, without a line end so far */
} Run;

/* Runs in the child between fork and exec: system calls only. */
static void
drop_privileges(gpointer data)
{
    const SinterHookLimits *limits = data;
    gboolean good = setpgid(0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;

    if (good && limits->uid != 0)
        good = syscall(SYS_setgroups, 0, NULL) == 0 &&
               syscall(SYS_setresgid, limits->gid, limits->gid, limits->gid) == 0 &&
               syscall(SYS_setresuid, limits->uid, limits->uid, limits->uid) == 0;
    if (!good)
        _exit(STATUS_NO_PRIVILEGES);
}

/* A file in memory with @json, at its start; -1 with an error. */
static int
make_input(const char *json, GError **error)
{
    g_auto(SinterFd) fd = memfd_create("sinter-incident", MFD_CLOEXEC);
    const gsize len = strlen(json);

    if (fd < 0 || write(fd, json, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0) {
        sinter_error_set_errno(error, errno, "writing the incident for it");
        return -1;
    }
    return sinter_fd_steal(&fd);
}

static gboolean
start(Run *run, const char *json, GError **error)
{
    const char *const argv[] = { run->path, NULL };
    const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
    g_auto(SinterFd) input = make_input(json, error);
    g_auto(SinterFd) output = -1;
    int pipe_fds[2];

    if (input < 0)
        return FALSE;
    if (!g_unix_open_pipe(pipe_fds, FD_CLOEXEC, error))
        return FALSE;
    run->output_fd = pipe_fds[0];
    output = pipe_fds[1];
    if (!g_spawn_async_with_pipes_and_fds(
            "/", argv, env, G_SPAWN_DO_NOT_REAP_CHILD, drop_privileges, (gpointer)run->limits,
            input, output, output, NULL, NULL, 0, &run->pid, NULL, NULL, NULL, error))
        return FALSE;
    run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    if (run->pid_fd >= 0 && g_unix_set_fd_nonblocking(run->output_fd, TRUE, error))
        return TRUE;
    if (run->pid_fd < 0)
        sinter_error_set_errno(error, errno, "following it");
    return FALSE;
}

/* --- output ----------------------------------------------------------------------------------- */

static void
log_line(Run *run)
{
    const SinterLogField fields[] = { { "SINTER_HOOK", run->path }, { NULL } };
    g_autofree char *name = g_path_get_basename(run->path);
    g_autofree char *text = g_utf8_make_valid(run->line->str, (gssize)run->line->len);

    if (run->line->len > 0)
        sinter_log(G_LOG_LEVEL_MESSAGE, fields, "Hook '%s': %s", name, text);
    g_string_truncate(run->line, 0);
}

static void
take_output(Run *run, const char *text, gsize len)
{
    for (gsize i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\0')
            log_line(run);
        else
            g_string_append_c(run->line, text[i]);
    }
    run->n_output += len;
}

/* Reads what is there. Returns %FALSE if the program printed too much. */
static gboolean
read_output(Run *run, GError **error)
{
    char buffer[READ_BYTES];
    ssize_t n = 0;

    while (run->n_output <= SINTER_HOOK_MAX_OUTPUT &&
           (n = read(run->output_fd, buffer, sizeof buffer)) > 0)
        take_output(run, buffer, (gsize)n);
    if (n == 0 && run->n_output <= SINTER_HOOK_MAX_OUTPUT)
        sinter_fd_clear(&run->output_fd); /* it has closed its output */
    if (run->n_output <= SINTER_HOOK_MAX_OUTPUT)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "it printed more than %d KiB",
                SINTER_HOOK_MAX_OUTPUT / 1024);
    return FALSE;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int
get_remaining_msec(const Run *run)
{
    return (int)(MAX(run->deadline_usec - g_get_monotonic_time(), 0) / 1000);
}

/* Returns %FALSE if the program has to be killed. */
static gboolean
follow(Run *run, GError **error)
{
    for (;;) {
        struct pollfd fds[] = { { .fd = run->pid_fd, .events = POLLIN },
                                { .fd = run->output_fd, .events = POLLIN } };
        int n = poll(fds, G_N_ELEMENTS(fds), get_remaining_msec(run));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT, "it did not end within %u ms",
                        run->limits->time_limit_msec);
            return FALSE;
        }
        if (run->output_fd >= 0 && fds[1].revents != 0 && !read_output(run, error))
            return FALSE;
        if (fds[0].revents != 0)
            return TRUE;
    }
}

/* Kills what is left of the group, then reaps the program. */
static int
end(Run *run)
{
    int status = 0;

    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL); /* it may not have made its group yet */
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static gboolean
judge(int status, GError **error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return TRUE;
    if (WIFEXITED(status))
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "it ended with status %d",
                    WEXITSTATUS(status));
    else
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "it was ended by signal %d",
                    WTERMSIG(status));
    return FALSE;
}

static gboolean
run_to_end(Run *run, const char *json, GError **error)
{
    gboolean good = start(run, json, error) && follow(run, error);
    int status = run->pid > 0 ? end(run) : 0;

    return good && judge(status, error);
}

gboolean
sinter_hook_program_run(const char *path, const char *json, const SinterHookLimits *limits,
                        GError **error)
{
    Run run = {
        .path = path,
        .limits = limits,
        .deadline_usec = g_get_monotonic_time() + (gint64)limits->time_limit_msec * 1000,
        .pid_fd = -1,
        .output_fd = -1,
    };
    gboolean good;

    if (!sinter_plugin_trust_check(path, error))
        return FALSE;
    run.line = g_string_new(NULL);
    good = run_to_end(&run, json, error);
    log_line(&run);
    g_string_free(run.line, TRUE);
    sinter_fd_clear(&run.pid_fd);
    sinter_fd_clear(&run.output_fd);
    return good;
}
