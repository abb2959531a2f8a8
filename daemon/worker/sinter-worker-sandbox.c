/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Restricts what the worker can do. It reads images that a guest or a stranger may have crafted, so
 * the sandbox assumes that an image can make it run foreign code. Such code gets only the
 * descriptors of one chain, one socket, and a list of system calls that reach nothing else. A call
 * that is not listed fails with EPERM, so that libraries that merely probe for it continue without
 * it.
 */

#include "sinter-worker-sandbox.h"

#include "sinter-error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The engine uses less than 64 MiB; the rest is for stacks and malloc() arenas of the threads. */
#define MAX_DATA_BYTES (512 * 1024 * 1024)

/* The passed descriptors, their duplicates in the set of files, and those of each part of the
 * engine that has the file open. */
#define FDS_PER_FILE 12
#define OTHER_FDS 32

typedef scmp_filter_ctx Filter;

static void
filter_clear(Filter *filter)
{
    if (*filter)
        seccomp_release(*filter);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Filter, filter_clear)

/* Allowed with any arguments. */
static const int plain_calls[] = {
    /* the images */
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(preadv2),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(pwritev2),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64),
    SCMP_SYS(readahead),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(dup),
    SCMP_SYS(close),
    /* the socket; not shutdown(), because standard error may be a socket that sinterd writes to as
     * well */
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    /* threads */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getattr),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(membarrier),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* time and random numbers */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    /* signals, to terminate properly on one */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
};

/* Allowed only where ( argument & mask ) == value. */
static const struct {
    int call;
    unsigned int argument;
    scmp_datum_t mask;
    scmp_datum_t value;
} bound_calls[] = {
    { SCMP_SYS(ioctl), 1, 0xffffffff, FICLONERANGE },
    { SCMP_SYS(ioctl), 1, 0xffffffff, BLKGETSIZE64 },
    /* not F_SETFL nor F_OFD_SETLK: flags and locks belong to the open file description, which
     * sinterd shares; not F_SETOWN and similar, which send signals */
    { SCMP_SYS(fcntl), 1, 0xffffffff, F_DUPFD },
    { SCMP_SYS(fcntl), 1, 0xffffffff, F_DUPFD_CLOEXEC },
    { SCMP_SYS(fcntl), 1, 0xffffffff, F_GETFD },
    { SCMP_SYS(fcntl), 1, 0xffffffff, F_SETFD },
    { SCMP_SYS(fcntl), 1, 0xffffffff, F_GETFL },
    { SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
    { SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
    /* fstat() of newer C libraries. Whether the path is empty is in memory, which no filter can
     * read: so the metadata of other files can be read with the user's rights, but nothing can be
     * opened */
    { SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
    { SCMP_SYS(statx), 2, AT_EMPTY_PATH, AT_EMPTY_PATH },
    /* threads, but no other processes */
    { SCMP_SYS(clone), 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM },
    { SCMP_SYS(prctl), 0, 0xffffffff, PR_SET_NAME },
};

static int
add_rules(Filter filter)
{
    int rc = 0;

    for (gsize i = 0; rc == 0 && i < G_N_ELEMENTS(plain_calls); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
    for (gsize i = 0; rc == 0 && i < G_N_ELEMENTS(bound_calls); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, bound_calls[i].call, 1,
                              SCMP_CMP(bound_calls[i].argument, SCMP_CMP_MASKED_EQ,
                                       bound_calls[i].mask, bound_calls[i].value));
    /* abort(): only the own process, no other process of the same user */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, (scmp_datum_t)getpid()),
                              SCMP_A2(SCMP_CMP_MASKED_EQ, 0xffffffff, SIGABRT));
    /* GLib sets the scheduling attributes that a pool thread already has. The call takes a thread
     * ID, possibly of another process, and GLib would log a refusal: pretend success. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(sched_setattr), 0);
    /* its flags are in memory, which no filter can read: the C library falls back to clone() */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

static gboolean
filter_calls(GError **error)
{
    g_auto(Filter) filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? add_rules(filter) : -ENOMEM;

    if (rc == 0)
        rc = seccomp_load(filter);
    if (rc == 0)
        return TRUE;
    sinter_error_set_errno(error, -rc, "limiting the worker's system calls");
    return FALSE;
}

static gboolean
limit(int resource, rlim_t most, GError **error)
{
    struct rlimit now;

    if (getrlimit(resource, &now) == 0) {
        now.rlim_max = MIN(now.rlim_max, most);
        now.rlim_cur = now.rlim_max;
        if (setrlimit(resource, &now) == 0)
            return TRUE;
    }
    sinter_error_set_errno(error, errno, "limiting the worker's resource %d", resource);
    return FALSE;
}

static gboolean
limit_resources(guint n_files, GError **error)
{
    rlim_t n_fds = (rlim_t)n_files * FDS_PER_FILE + OTHER_FDS;

#ifndef __SANITIZE_ADDRESS__ /* AddressSanitizer's shadow memory has its own size */
    if (!limit(RLIMIT_DATA, MAX_DATA_BYTES, error))
        return FALSE;
#endif
    return limit(RLIMIT_CORE, 0, error) && limit(RLIMIT_NOFILE, n_fds, error);
}

/*
 * Even without capabilities root still owns root's files and processes, and may use the blocks that
 * file systems reserve for it.
 */
static gboolean
become_user(guint uid, guint gid, GError **error)
{
    if (uid == 0 && geteuid() != 0)
        return TRUE;
    if (uid == 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "the worker must not run as root");
        return FALSE;
    }
    if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "making the worker run as user %u, group %u", uid, gid);
    return FALSE;
}

/* The descriptors carry the access rights to the files: no capability is needed. */
static gboolean
drop_capabilities(GError **error)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
        syscall(SYS_capset, &header, none) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "dropping the worker's privileges");
    return FALSE;
}

gboolean
sinter_worker_sandbox_enter(guint n_files, guint uid, guint gid, GError **error)
{
    if (!limit_resources(n_files, error) || !become_user(uid, gid, error) ||
        !drop_capabilities(error))
        return FALSE;
    /* changing the user ID cleared the parent-death signal */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return filter_calls(error);
}
