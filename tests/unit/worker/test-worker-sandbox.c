/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the worker can and cannot do once it has given up its rights. Each case runs in a process of
 * its own, for there is no way back; the images are opened before, as sinterd does.
 */

#include "sinter-worker-sandbox.h"

#include "sinter-error.h"
#include "sinter-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_FILES 2
#define NOBODY 65534

static guint nobody; /* whom to become where the test is root's; else 0 */

static const char *victim; /* a file that the test's user may read, write and remove */
static int from_fd;
static int to_fd;
static pid_t parent; /* of the test's user as well, unless that is root */

static void
enter(void)
{
    g_autoptr(GError) error = NULL;

    sinter_worker_sandbox_enter(N_FILES, nobody, nobody, &error);
    g_assert_no_error(error);
}

/* --- what it cannot --------------------------------------------------------------------------- */

typedef long (*Attempt)(void);

static long
try_open(void)
{
    return open(victim, O_RDONLY);
}

static long
try_openat2(void)
{
    guint64 how[3] = { O_RDONLY, 0, 0 };

    return syscall(SYS_openat2, AT_FDCWD, victim, how, sizeof how);
}

static long
try_create(void)
{
    return creat("/tmp/sinter-sandbox-escape", 0600);
}

static long
try_stat(void)
{
    struct stat st;

    return stat(victim, &st);
}

static long
try_unlink(void)
{
    return unlink(victim);
}

static long
try_rename(void)
{
    return rename(victim, "/tmp/sinter-sandbox-escape");
}

static long
try_chmod(void)
{
    return fchmod(to_fd, 0777);
}

static long
try_exec(void)
{
    char *const argv[] = { (char *)"/bin/true", NULL };

    return execv("/bin/true", argv);
}

static long
try_fork(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long
try_clone3(void)
{
    guint64 arguments[8] = { 0 };

    return syscall(SYS_clone3, arguments, sizeof arguments);
}

static long
try_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
try_kill(void)
{
    return kill(parent, 0);
}

/* What abort() uses, aimed at somebody else. */
static long
try_abort_other(void)
{
    return syscall(SYS_tgkill, parent, parent, SIGABRT);
}

static long
try_flags(void)
{
    return fcntl(to_fd, F_SETFL, O_NONBLOCK);
}

static long
try_signal_by_file(void)
{
    return fcntl(to_fd, F_SETOWN, parent);
}

static long
lock_byte(int command, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };

    return fcntl(to_fd, command, &lock);
}

static long
try_lock(void)
{
    return lock_byte(F_OFD_SETLK, F_WRLCK);
}

/* Which would let go what sinterd has locked. */
static long
try_unlock(void)
{
    return lock_byte(F_OFD_SETLK, F_UNLCK);
}

static long
try_process_lock(void)
{
    return lock_byte(F_SETLK, F_WRLCK);
}

static long
try_whole_lock(void)
{
    return flock(to_fd, LOCK_EX | LOCK_NB);
}

static long
try_lease(void)
{
    return fcntl(to_fd, F_SETLEASE, F_WRLCK);
}

static long
try_uring(void)
{
    guint8 parameters[120] = { 0 };

    return syscall(SYS_io_uring_setup, 1, parameters);
}

static long
try_aio(void)
{
    unsigned long context = 0;

    return syscall(SYS_io_setup, 1, &context);
}

/* No socket: what would be let through fails otherwise. */
static long
try_shutdown(void)
{
    return shutdown(to_fd, SHUT_RDWR);
}

static long
try_affinity(void)
{
    const gulong first = 1;

    return syscall(SYS_sched_setaffinity, parent, sizeof first, &first);
}

static long
try_scheduler(void)
{
    const struct sched_param none = { 0 };

    return sched_setscheduler(parent, SCHED_BATCH, &none);
}

static long
try_scheduler_parameters(void)
{
    const struct sched_param none = { 0 };

    return sched_setparam(parent, &none);
}

static long
try_priority(void)
{
    return setpriority(PRIO_PROCESS, (id_t)parent, 19);
}

static long
try_io_priority(void)
{
    return syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, parent, 3 << 13 /* idle */);
}

static long
try_limits_of_other(void)
{
    const struct rlimit less = { 16, 16 };

    return syscall(SYS_prlimit64, parent, RLIMIT_NOFILE, &less, NULL);
}

static long
try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static long
try_write_and_execute(void)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -1 : 0;
}

static long
try_make_executable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(at != MAP_FAILED);
    return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long
try_terminal(void)
{
    return ioctl(2, TIOCSTI, "x");
}

static long
try_mount(void)
{
    return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static long
try_user(void)
{
    return syscall(SYS_setuid, 0);
}

static long
try_more_descriptors(void)
{
    const struct rlimit more = { 4096, 4096 };

    return setrlimit(RLIMIT_NOFILE, &more);
}

static const struct {
    const char *name;
    Attempt attempt;
    int errnum;
} attempts[] = {
    { "open", try_open, EPERM },
    { "openat2", try_openat2, EPERM },
    { "create", try_create, EPERM },
    { "stat", try_stat, EPERM },
    { "unlink", try_unlink, EPERM },
    { "rename", try_rename, EPERM },
    { "chmod", try_chmod, EPERM },
    { "exec", try_exec, EPERM },
    { "fork", try_fork, EPERM },
    { "clone3", try_clone3, ENOSYS },
    { "socket", try_socket, EPERM },
    { "kill", try_kill, EPERM },
    { "abort-other", try_abort_other, EPERM },
    { "flags", try_flags, EPERM },
    { "signal-by-file", try_signal_by_file, EPERM },
    { "lock", try_lock, EPERM },
    { "unlock", try_unlock, EPERM },
    { "process-lock", try_process_lock, EPERM },
    { "whole-lock", try_whole_lock, EPERM },
    { "lease", try_lease, EPERM },
    { "uring", try_uring, EPERM },
    { "aio", try_aio, EPERM },
    { "shutdown", try_shutdown, EPERM },
    { "affinity", try_affinity, EPERM },
    { "scheduler", try_scheduler, EPERM },
    { "scheduler-parameters", try_scheduler_parameters, EPERM },
    { "priority", try_priority, EPERM },
    { "io-priority", try_io_priority, EPERM },
    { "limits-of-other", try_limits_of_other, EPERM },
    { "ptrace", try_ptrace, EPERM },
    { "write-and-execute", try_write_and_execute, EPERM },
    { "make-executable", try_make_executable, EPERM },
    { "terminal", try_terminal, EPERM },
    { "mount", try_mount, EPERM },
    { "user", try_user, EPERM },
    { "more-descriptors", try_more_descriptors, EPERM },
};

/* Each is tried before as well, where that harms nothing: it is the sandbox that forbids it. */
static void
test_forbidden(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        g_assert_true(g_file_test(victim, G_FILE_TEST_EXISTS));
        g_assert_false(g_file_test("/tmp/sinter-sandbox-escape", G_FILE_TEST_EXISTS));
        return;
    }
    g_assert_cmpint(try_open(), >=, 0);
    g_assert_cmpint(try_stat(), ==, 0);
    g_assert_cmpint(try_socket(), >=, 0);
    g_assert_cmpint(try_chmod(), ==, 0);
    g_assert_cmpint(try_lock(), ==, 0);
    enter();
    for (gsize i = 0; i < G_N_ELEMENTS(attempts); i++) {
        long result;

        errno = 0;
        result = attempts[i].attempt();
        if (result != -1 || errno != attempts[i].errnum)
            g_error("%s: result %ld, %s", attempts[i].name, result, g_strerror(errno));
    }
    _exit(0);
}

/* As the kernel has it: the C library does not know it. */
typedef struct {
    guint32 size;
    guint32 policy;
    guint64 flags;
    gint32 nice;
    guint32 priority;
    guint64 times[3];
} Scheduling;

static gint32
get_nice(pid_t pid)
{
    Scheduling now = { 0 };

    g_assert_cmpint(syscall(SYS_sched_getattr, pid, &now, sizeof now, 0), ==, 0);
    return now.nice;
}

static void
set_nice(pid_t pid, gint32 nice)
{
    const Scheduling wanted = { .size = sizeof wanted, .nice = nice };

    g_assert_cmpint(syscall(SYS_sched_setattr, pid, &wanted, 0), ==, 0);
}

/* A process that lasts as long as we do. */
static pid_t
start_other(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(ends), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid > 0) {
        close(ends[0]);
        return pid;
    }
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
}

/* It is told that it has set how another process is scheduled, and has not. */
static void
test_scheduling(void)
{
    gint32 nice;
    pid_t other;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    other = start_other();
    nice = MIN(get_nice(other) + 1, 18);
    set_nice(other, nice);
    g_assert_cmpint(get_nice(other), ==, nice);
    enter();
    set_nice(other, nice + 1);
    g_assert_cmpint(get_nice(other), ==, nice);
    _exit(0); /* which ends the other one */
}

/* --- what it must ----------------------------------------------------------------------------- */

static gpointer
work_thread(gpointer data)
{
    g_autofree guint8 *buf = g_malloc(1024 * 1024);

    memset(buf, 0x5a, 1024 * 1024);
    g_assert_cmpint(pwrite(to_fd, buf, 1024 * 1024, 65536), ==, 1024 * 1024);
    g_assert_cmpint(fdatasync(to_fd), ==, 0);
    return GINT_TO_POINTER(1);
}

static void
use_images(void)
{
    struct file_clone_range range = { .src_fd = from_fd, .src_length = 4096, .dest_offset = 4096 };
    loff_t from = 0;
    loff_t to = 8192;
    struct stat st;
    guint8 byte = 0;
    int copy;

    g_assert_cmpint(pread(from_fd, &byte, 1, 0), ==, 1);
    g_assert_cmpint(byte, ==, 'v');
    g_assert_cmpint(fstat(to_fd, &st), ==, 0);
    g_assert_cmpint(ftruncate(to_fd, 65536), ==, 0);
    g_assert_cmpint(lseek(from_fd, 0, SEEK_DATA), ==, 0);
    copy = fcntl(to_fd, F_DUPFD_CLOEXEC, 3);
    g_assert_cmpint(copy, >=, 0);
    close(copy);
    /* whether the file system has them is its affair, not the sandbox's */
    if (ioctl(to_fd, FICLONERANGE, &range) < 0)
        g_assert_cmpint(errno, !=, EPERM);
    if (fallocate(to_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0)
        g_assert_cmpint(errno, !=, EPERM);
    if (copy_file_range(from_fd, &from, to_fd, &to, 1, 0) < 0)
        g_assert_cmpint(errno, !=, EPERM);
    g_assert_cmpint(sync_file_range(to_fd, 0, 0, SYNC_FILE_RANGE_WRITE), ==, 0);
}

/* What thread stacks and large buffers ask of the kernel. */
static void
use_memory(void)
{
    gsize len = 4 * 1024 * 1024;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(at != MAP_FAILED);
    if (madvise(at, len, MADV_HUGEPAGE) < 0)
        g_assert_cmpint(errno, ==, EINVAL); /* a kernel without huge pages */
    g_assert_cmpint(madvise(at, len, MADV_DONTNEED), ==, 0);
    g_assert_cmpint(munmap(at, len), ==, 0);
}

static void
test_allowed(void)
{
    GThread *threads[4];

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    enter();
    use_images();
    use_memory();
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("work", work_thread, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_nonnull(g_thread_join(threads[i]));
    g_assert_cmpint(prctl(PR_SET_NAME, "name"), ==, 0);
    _exit(0);
}

static void
count_thread(gpointer data, gpointer user_data)
{
    g_atomic_int_inc((gint *)user_data);
}

/* GLib says nothing of how its threads are scheduled: what it logs ends a test. */
static void
test_thread_pool(void)
{
    g_autoptr(GError) error = NULL;
    gint n = 0;
    GThreadPool *pool;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    /* it notes how we are scheduled now, and sets that for each thread later */
    pool = g_thread_pool_new(count_thread, &n, 2, FALSE, &error);
    g_assert_no_error(error);
    enter();
    for (int i = 0; i < 4; i++)
        g_assert_true(g_thread_pool_push(pool, &n, &error));
    g_thread_pool_free(pool, FALSE, TRUE);
    g_assert_cmpint(n, ==, 4);
    _exit(0);
}

/* A thread is as bound as the one that made it. */
static gpointer
open_thread(gpointer data)
{
    return GINT_TO_POINTER(try_open() == -1 && errno == EPERM);
}

static void
test_threads_are_bound(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    enter();
    g_assert_nonnull(g_thread_join(g_thread_new("open", open_thread, NULL)));
    _exit(0);
}

static void
test_limits(void)
{
    struct rlimit limit;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    enter();
    /* as read before nothing can be read any more: through descriptors that run out */
    for (int n = 0; n < 1000; n++) {
        if (dup(to_fd) < 0) {
            g_assert_cmpint(errno, ==, EMFILE);
            g_assert_cmpint(getrlimit(RLIMIT_CORE, &limit), ==, -1);
            _exit(0);
        }
    }
    _exit(1);
}

static gboolean
write_to(const char *path, const char *text)
{
    g_auto(SinterFd) fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Root in a user namespace of its own, and nobody else is there that one could become. */
static gboolean
become_lonely_root(void)
{
    g_autofree char *map = g_strdup_printf("0 %u 1", getuid());

    return unshare(CLONE_NEWUSER) == 0 && write_to("/proc/self/setgroups", "deny") &&
           write_to("/proc/self/uid_map", map) && geteuid() == 0;
}

/* That it becomes somebody is seen in tests/dbus/test_worker_user.py. */
static void
test_root_is_refused(void)
{
    g_autoptr(GError) as_root = NULL;
    g_autoptr(GError) in_vain = NULL;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    if (geteuid() != 0 && !become_lonely_root())
        _exit(0); /* none of it can be had here */
    g_assert_false(sinter_worker_sandbox_enter(N_FILES, 0, 0, &as_root));
    g_assert_error(as_root, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    if (nobody == 0) {
        g_assert_false(sinter_worker_sandbox_enter(N_FILES, NOBODY, NOBODY, &in_vain));
        g_assert_nonnull(strstr(in_vain->message, "65534"));
    }
    _exit(0);
}

/* (transfer full): a new file's path */
static char *
make_file(const char *name)
{
    g_autofree char *content = g_strnfill(65536, 'v');
    g_autofree char *pattern = g_strdup_printf("sinter-%s-XXXXXX", name);
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    int fd = g_file_open_tmp(pattern, &path, &error);

    g_assert_no_error(error);
    g_assert_cmpint(write(fd, content, 65536), ==, 65536);
    close(fd);
    return path;
}

int
main(int argc, char **argv)
{
    g_autofree char *from = NULL;
    g_autofree char *to = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!g_test_subprocess()) { /* the children take ours */
        g_setenv("SINTER_TEST_FROM", from = make_file("from"), TRUE);
        g_setenv("SINTER_TEST_TO", to = make_file("to"), TRUE);
    }
    nobody = geteuid() == 0 ? NOBODY : 0;
    victim = g_getenv("SINTER_TEST_FROM");
    from_fd = open(victim, O_RDONLY | O_CLOEXEC);
    to_fd = open(g_getenv("SINTER_TEST_TO"), O_RDWR | O_CLOEXEC);
    parent = getppid();
    g_assert_cmpint(MIN(from_fd, to_fd), >=, 0);
    g_test_add_func("/worker-sandbox/forbidden", test_forbidden);
    g_test_add_func("/worker-sandbox/scheduling", test_scheduling);
    g_test_add_func("/worker-sandbox/allowed", test_allowed);
    g_test_add_func("/worker-sandbox/thread-pool", test_thread_pool);
    g_test_add_func("/worker-sandbox/threads-are-bound", test_threads_are_bound);
    g_test_add_func("/worker-sandbox/limits", test_limits);
    g_test_add_func("/worker-sandbox/root-is-refused", test_root_is_refused);
    status = g_test_run();
    if (from) {
        g_unlink(from);
        g_unlink(to);
    }
    return status;
}
