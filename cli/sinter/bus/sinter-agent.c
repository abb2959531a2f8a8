/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * polkit's text agent for our process. It serves its parent, and signals that it is ready by
 * closing a pipe. With --fallback a desktop agent takes precedence.
 */

#include "sinter-agent.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "sinter-file.h"

#define NOTIFY_FD 3 /* in the agent process */
#define NOTIFY_FD_TEXT G_STRINGIFY(NOTIFY_FD)
#define MAX_WAIT_MSEC 5000

struct _SinterAgent {
    GSubprocess *process;
};

static void
wait_for_close(int fd)
{
    struct pollfd look = { .fd = fd, .events = POLLIN };

    poll(&look, 1, MAX_WAIT_MSEC); /* POLLHUP, or the agent is not ready in time */
}

SinterAgent *
sinter_agent_start(void)
{
    g_autoptr(GSubprocessLauncher) launcher = NULL;
    g_autoptr(GSubprocess) process = NULL;
    g_auto(SinterFd) ready = -1;
    SinterAgent *agent;
    int fds[2];

    if (geteuid() == 0 || !isatty(STDIN_FILENO) || !g_unix_open_pipe(fds, FD_CLOEXEC, NULL))
        return NULL;
    ready = fds[0];
    launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_INHERIT);
    g_subprocess_launcher_take_fd(launcher, fds[1], NOTIFY_FD);
    process = g_subprocess_launcher_spawn(launcher, NULL, "pkttyagent", "--notify-fd",
                                          NOTIFY_FD_TEXT, "--fallback", NULL);
    g_clear_object(&launcher); /* closes our copy of the descriptor that the agent will close */
    if (!process)
        return NULL;
    wait_for_close(ready);
    agent = g_new0(SinterAgent, 1);
    agent->process = g_steal_pointer(&process);
    return agent;
}

void
sinter_agent_stop(SinterAgent *agent)
{
    if (!agent)
        return;
    g_subprocess_send_signal(agent->process, SIGTERM);
    g_subprocess_wait(agent->process, NULL, NULL);
    g_object_unref(agent->process);
    g_free(agent);
}
