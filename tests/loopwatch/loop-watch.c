/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into sinterd: reports each call on the main thread that may block, while the main loop
 * runs, into the file that $SINTER_LOOP_WATCH names, with where it came from. Calls are of three
 * sorts: those that are always reported, those on a descriptor, which are reported for regular
 * files and folders only, and libvirt's, which libvirt-calls.h lists. Invariant: a call does what
 * it does without this library, and errno is what it left; other programs are not watched.
 *
 * Each function here stands under the C name of the one that it watches and passes eight words on,
 * whatever the real function takes: with the calling conventions of 64-bit Linux, integers and
 * pointers arrive as they were given.
 */

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_FRAMES 40

/* S_IFMT, S_IFREG and S_IFDIR */
#define TYPE_MASK 0170000
#define REGULAR 0100000
#define FOLDER 0040000

/* Not in <unistd.h>, <fcntl.h> and <sys/stat.h>: they declare what is defined here. */
long syscall(long number, ...);
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>

typedef long (*Function)(long a, long b, long c, long d, long e, long f, long g, long h);

static pthread_t main_thread;
static const char *report_path; /* NULL: this program is not watched */
static int n_loops;             /* main loops that run, in the main thread */
static int is_reporting;        /* in the main thread: what reporting does is not reported */

__attribute__((constructor)) static void
set_up(void)
{
    void *frame;

    main_thread = pthread_self();
    if (strcmp(program_invocation_short_name, "sinterd") == 0 ||
        getenv("SINTER_LOOP_WATCH_ANY") != NULL)
        report_path = getenv("SINTER_LOOP_WATCH");
    backtrace(&frame, 1); /* the first call of it loads a library */
}

static Function
find(Function *next, const char *name)
{
    if (!*next)
        *next = (Function)dlsym(RTLD_NEXT, name);
    if (!*next)
        abort();
    return *next;
}

static int
is_watched(void)
{
    return report_path && n_loops > 0 && !is_reporting &&
           pthread_equal(pthread_self(), main_thread);
}

static void
report(const char *name, const char *what)
{
    void *frames[N_FRAMES];
    char line[4096];
    int saved = errno;
    long fd;
    int n;

    is_reporting = 1;
    n = snprintf(line, sizeof line, "call: %s %s\n", name, what ? what : "");
    fd =
        syscall(SYS_openat, AT_FDCWD, report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        syscall(SYS_write, fd, line, n < (int)sizeof line ? n : (int)sizeof line - 1);
        n = backtrace(frames, N_FRAMES);
        backtrace_symbols_fd(frames, n, (int)fd);
        syscall(SYS_close, fd);
    }
    is_reporting = 0;
    errno = saved;
}

static int
is_file(long fd)
{
    struct statx st;
    int saved = errno;
    long rc = syscall(SYS_statx, (int)fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);

    errno = saved;
    return rc == 0 && ((st.stx_mode & TYPE_MASK) == REGULAR || (st.stx_mode & TYPE_MASK) == FOLDER);
}

static void
check_always(const char *name, long a, long b)
{
    report(name, NULL);
}

/* Files that are read from memory: GLib seeds its random numbers. */
static const char *const allowed_paths[] = { "/dev/urandom" };

static void
check_path(const char *name, long a, long b)
{
    for (unsigned i = 0; i < sizeof allowed_paths / sizeof *allowed_paths; i++) {
        if (strcmp((const char *)a, allowed_paths[i]) == 0)
            return;
    }
    report(name, (const char *)a);
}

static void
check_path_at(const char *name, long a, long b)
{
    report(name, (const char *)b);
}

static void
check_fd(const char *name, long a, long b)
{
    if (is_file(a))
        report(name, NULL);
}

#define WATCH(name, check)                                                                         \
    long watched_##name(long a, long b, long c, long d, long e, long f, long g,                    \
                        long h) __asm__(#name);                                                    \
    long watched_##name(long a, long b, long c, long d, long e, long f, long g, long h)            \
    {                                                                                              \
        static Function next;                                                                      \
                                                                                                   \
        if (is_watched())                                                                          \
            check(#name, a, b);                                                                    \
        return find(&next, #name)(a, b, c, d, e, f, g, h);                                         \
    }

/* --- the main loop -------------------------------------------------------------------------- */

long watched_run(long loop) __asm__("g_main_loop_run");

long
watched_run(long loop)
{
    static Function next;
    int is_main = pthread_equal(pthread_self(), main_thread);

    n_loops += is_main;
    find(&next, "g_main_loop_run")(loop, 0, 0, 0, 0, 0, 0, 0);
    n_loops -= is_main;
    return 0;
}

/* --- file systems --------------------------------------------------------------------------- */

WATCH(open, check_path)
WATCH(open64, check_path)
WATCH(__open_2, check_path)
WATCH(__open64_2, check_path)
WATCH(openat, check_path_at)
WATCH(openat64, check_path_at)
WATCH(__openat_2, check_path_at)
WATCH(__openat64_2, check_path_at)
WATCH(creat, check_path)
WATCH(creat64, check_path)
WATCH(fopen, check_path)
WATCH(fopen64, check_path)
WATCH(freopen, check_path)
WATCH(freopen64, check_path)
WATCH(opendir, check_path)
WATCH(fdopendir, check_fd)
WATCH(scandir, check_path)
WATCH(mkstemp, check_path)
WATCH(mkstemp64, check_path)
WATCH(mkostemp, check_path)
WATCH(mkostemp64, check_path)
WATCH(mkdtemp, check_path)

WATCH(stat, check_path)
WATCH(stat64, check_path)
WATCH(lstat, check_path)
WATCH(lstat64, check_path)
WATCH(fstat, check_fd)
WATCH(fstat64, check_fd)
WATCH(fstatat, check_path_at)
WATCH(fstatat64, check_path_at)
WATCH(statx, check_path_at)
WATCH(statfs, check_path)
WATCH(statfs64, check_path)
WATCH(fstatfs, check_fd)
WATCH(fstatfs64, check_fd)
WATCH(statvfs, check_path)
WATCH(statvfs64, check_path)
WATCH(fstatvfs, check_fd)
WATCH(fstatvfs64, check_fd)
WATCH(access, check_path)
WATCH(faccessat, check_path_at)
WATCH(euidaccess, check_path)
WATCH(readlink, check_path)
WATCH(readlinkat, check_path_at)
WATCH(realpath, check_path)
WATCH(getxattr, check_path)
WATCH(lgetxattr, check_path)
WATCH(fgetxattr, check_fd)

WATCH(unlink, check_path)
WATCH(unlinkat, check_path_at)
WATCH(remove, check_path)
WATCH(rmdir, check_path)
WATCH(rename, check_path)
WATCH(renameat, check_path_at)
WATCH(renameat2, check_path_at)
WATCH(link, check_path)
WATCH(linkat, check_path_at)
WATCH(symlink, check_path)
WATCH(symlinkat, check_path)
WATCH(mkdir, check_path)
WATCH(mkdirat, check_path_at)
WATCH(chmod, check_path)
WATCH(fchmod, check_fd)
WATCH(chown, check_path)
WATCH(fchown, check_fd)
WATCH(truncate, check_path)
WATCH(truncate64, check_path)
WATCH(ftruncate, check_fd)
WATCH(ftruncate64, check_fd)
WATCH(fallocate, check_fd)
WATCH(fallocate64, check_fd)
WATCH(posix_fallocate, check_fd)
WATCH(posix_fallocate64, check_fd)

WATCH(read, check_fd)
WATCH(readv, check_fd)
WATCH(pread, check_fd)
WATCH(pread64, check_fd)
WATCH(preadv, check_fd)
WATCH(preadv64, check_fd)
WATCH(__read_chk, check_fd)
WATCH(__pread_chk, check_fd)
WATCH(__pread64_chk, check_fd)
WATCH(write, check_fd)
WATCH(writev, check_fd)
WATCH(pwrite, check_fd)
WATCH(pwrite64, check_fd)
WATCH(pwritev, check_fd)
WATCH(pwritev64, check_fd)
WATCH(copy_file_range, check_fd)
WATCH(flock, check_fd)

WATCH(sync, check_always)
WATCH(syncfs, check_fd)
WATCH(fsync, check_fd)
WATCH(fdatasync, check_fd)
WATCH(sync_file_range, check_fd)

/* --- other processes, and who is who: a file or the network tells --------------------------- */

WATCH(waitpid, check_always)
WATCH(waitid, check_always)
WATCH(system, check_always)
WATCH(getpwnam, check_always)
WATCH(getpwnam_r, check_always)
WATCH(getpwuid, check_always)
WATCH(getpwuid_r, check_always)
WATCH(getgrnam_r, check_always)
WATCH(getgrgid_r, check_always)
WATCH(getaddrinfo, check_always)

/* --- libvirt: every call that sinterd makes, but for those that touch no connection --------- */

#include "libvirt-calls.h"
