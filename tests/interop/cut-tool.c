/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a program and strikes at one of the calls by which it changes files, counted over all its
 * threads: exact, whatever the clock does. It uses the kernel's seccomp notifications, so the
 * program is the real one, on real files.
 *
 *   cut-tool REPORT count N CALLS PROGRAM [ARG…]   strike at none
 *   cut-tool REPORT kill N CALLS PROGRAM [ARG…]    SIGKILL in place of the Nth call
 *   cut-tool REPORT eio N CALLS PROGRAM [ARG…]     the Nth call fails with EIO and does nothing
 *   cut-tool REPORT enospc N CALLS PROGRAM [ARG…]  likewise with ENOSPC
 *
 * CALLS is "all", or "sync" for fsync and fdatasync alone. REPORT gets the number of calls. The
 * status is the program's, 128 + N for signal N; 77 where the kernel has no such notifications.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_UNSUPPORTED 77
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))

static const int sync_calls[] = { SYS_fsync, SYS_fdatasync };
static const int other_calls[] = {
    SYS_pwrite64, SYS_ftruncate, SYS_fallocate, SYS_copy_file_range,
    SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_linkat,
#ifdef SYS_rename
    SYS_rename,   SYS_unlink,
#endif
};

typedef struct {
    unsigned long nth; /* 0: none */
    int error;         /* 0: kill */
    pid_t child;
    unsigned long count;
} Cut;

/* A listener for the chosen calls of this process and all it starts. */
static int
filter_install(int all)
{
    struct sock_filter filter[64];
    unsigned short n = 0;
    struct sock_fprog program = { .filter = filter };

    filter[n++] = (struct sock_filter)LOAD(nr);
    for (size_t i = 0; i < N_OF(sync_calls) + (all ? N_OF(other_calls) : 0); i++) {
        int call = i < N_OF(sync_calls) ? sync_calls[i] : other_calls[i - N_OF(sync_calls)];

        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    if (all) {
        /* of all the ioctls the one that clones */
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3);
        filter[n++] = (struct sock_filter)LOAD(args[1]);
        filter[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)FICLONERANGE, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = n;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &program);
}

static int
pass_fd(int link, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = { 0 };
    char byte = 0;
    struct iovec data = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    return sendmsg(link, &message, 0) == 1 ? 0 : -1;
}

static int
take_fd(int link)
{
    char control[CMSG_SPACE(sizeof(int))];
    char byte;
    struct iovec data = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head;
    int fd = -1;

    if (recvmsg(link, &message, MSG_CMSG_CLOEXEC) == 1 && (head = CMSG_FIRSTHDR(&message)))
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

static _Noreturn void
become(int link, int all, char **argv)
{
    int listener = filter_install(all);

    if (listener < 0 || pass_fd(link, listener) < 0)
        _exit(STATUS_UNSUPPORTED);
    close(listener);
    close(link);
    execv(argv[0], argv);
    fprintf(stderr, "cut-tool: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* One call: it goes on, unless it is the one. */
static void
answer(Cut *self, int listener)
{
    struct seccomp_notif call = { 0 };
    struct seccomp_notif_resp response = { 0 };

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return;
    response.id = call.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (++self->count == self->nth) {
        if (self->error == 0) {
            kill(self->child, SIGKILL);
            return;
        }
        response.flags = 0;
        response.error = -self->error;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* Until nobody is left who could call. */
static void
serve(Cut *self, int listener)
{
    struct pollfd poll_fd = { .fd = listener, .events = POLLIN };

    while (poll(&poll_fd, 1, -1) > 0) {
        if (poll_fd.revents & POLLIN)
            answer(self, listener);
        else if (poll_fd.revents & (POLLHUP | POLLERR))
            return;
    }
}

static int
error_of(const char *mode)
{
    return strcmp(mode, "eio") == 0 ? EIO : strcmp(mode, "enospc") == 0 ? ENOSPC : 0;
}

static int
run(Cut *self, FILE *report, int all, char **argv)
{
    int links[2];
    int listener;
    int status;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, links) < 0)
        return STATUS_UNSUPPORTED;
    self->child = fork();
    if (self->child == 0)
        become(links[1], all, argv);
    close(links[1]);
    listener = self->child > 0 ? take_fd(links[0]) : -1;
    if (listener >= 0)
        serve(self, listener);
    if (self->child < 0 || waitpid(self->child, &status, 0) != self->child)
        return STATUS_UNSUPPORTED;
    fprintf(report, "%lu\n", self->count);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
    Cut cut = { 0 };
    FILE *report;
    int status;

    if (argc < 6) {
        fprintf(stderr, "usage: cut-tool REPORT count|kill|eio|enospc N all|sync PROGRAM…\n");
        return 2;
    }
    if (strcmp(argv[2], "count") != 0)
        cut.nth = strtoul(argv[3], NULL, 10);
    cut.error = error_of(argv[2]);
    report = fopen(argv[1], "we");
    if (!report)
        return 2;
    status = run(&cut, report, strcmp(argv[4], "all") == 0, argv + 5);
    return fclose(report) == 0 ? status : 2;
}
