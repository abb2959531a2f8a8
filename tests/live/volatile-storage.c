/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Storage that forgets: preloaded into every program of a bench, it saves in $HOME/volatile.log
 * what each write, rename and removal replaces, and notes each sync, in one order for all of them.
 * tests/lib/volatile.py then undoes what was not synced, as if the host had lost its power. The log
 * keeps the truth about durability, so nothing is really synced. Invariant: the former content is
 * in the log before it is replaced, and a sync is noted after the writes that it covers.
 *
 * Calls that the sandbox of sinter-worker denies are not needed after the constructor.
 */

#undef _FILE_OFFSET_BITS /* both names of each function are to be ours */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* volatile.py reads these values. */
enum { KIND_DATA = 1, KIND_SYNC, KIND_RENAME, KIND_UNLINK };

typedef struct {
    uint32_t kind;
    uint32_t n_bytes; /* that follow: former content, or paths */
    uint64_t device;
    uint64_t inode;
    uint64_t offset;
    uint64_t size; /* of the file, before */
} Entry;

static int log_fd = -1;
static char saved_prefix[4096];

/* The real function that ours stands before. */
#define NEXT(name, type)                                                                           \
    static type next;                                                                              \
    if (!next)                                                                                     \
    next = (type)dlsym(RTLD_NEXT, name)

/* On a high number, out of the way of descriptors with fixed ones. */
__attribute__((constructor)) static void
open_log(void)
{
    const char *home = getenv("HOME");
    char path[4096 + 32];
    int fd;

    if (!home)
        return;
    snprintf(saved_prefix, sizeof saved_prefix, "%s/volatile-saved", home);
    snprintf(path, sizeof path, "%s/volatile.log", home);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    log_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 200) : -1;
    close(fd);
}

/* One write: entries of several processes never mix. A child that is about to execute another
 * program may have closed the log. */
static void
append(const Entry *entry, const void *bytes)
{
    struct iovec parts[] = { { (void *)entry, sizeof *entry }, { (void *)bytes, entry->n_bytes } };

    if (fcntl(log_fd, F_GETFD) < 0)
        open_log();
    if (writev(log_fd, parts, 2) != (ssize_t)(sizeof *entry + entry->n_bytes))
        abort();
}

static int
is_tracked(int fd, struct stat *st)
{
    return log_fd >= 0 && fd > 2 && fd != log_fd && fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

static void
save_range(int fd, int64_t offset, int64_t len)
{
    struct stat st;
    Entry entry = { .kind = KIND_DATA };
    int64_t start = offset & ~INT64_C(4095);
    int64_t end = (offset + len + 4095) & ~INT64_C(4095);
    void *buf = NULL;
    ssize_t n = 0;

    if (!is_tracked(fd, &st))
        return;
    if (end > st.st_size)
        end = (st.st_size + 4095) & ~INT64_C(4095);
    if (start < st.st_size && (end <= start || posix_memalign(&buf, 4096, (size_t)(end - start))))
        abort();
    if (buf)
        n = pread64(fd, buf, (size_t)(end - start), start);
    if (n < 0) /* the descriptor cannot be read: its file is a new one */
        n = 0;
    entry.n_bytes = (uint32_t)n;
    entry.device = st.st_dev;
    entry.inode = st.st_ino;
    entry.offset = (uint64_t)start;
    entry.size = (uint64_t)st.st_size;
    append(&entry, buf);
    free(buf);
}

static void
save_here(int fd, size_t len)
{
    off64_t offset = log_fd >= 0 && fd > 2 && fd != log_fd ? lseek64(fd, 0, SEEK_CUR) : -1;

    if (offset >= 0)
        save_range(fd, offset, (int64_t)len);
}

static size_t
total(const struct iovec *vector, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += vector[i].iov_len;
    return len;
}

/* --- writing -------------------------------------------------------------------------------- */

ssize_t
write(int fd, const void *data, size_t len)
{
    typedef ssize_t (*Write)(int, const void *, size_t);

    NEXT("write", Write);
    save_here(fd, len);
    return next(fd, data, len);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    typedef ssize_t (*PWrite)(int, const void *, size_t, off64_t);

    NEXT("pwrite64", PWrite);
    save_range(fd, offset, (int64_t)len);
    return next(fd, data, len, offset);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return pwrite64(fd, data, len, offset);
}

ssize_t
pwritev64(int fd, const struct iovec *vector, int n, off64_t offset)
{
    typedef ssize_t (*PWritev)(int, const struct iovec *, int, off64_t);

    NEXT("pwritev64", PWritev);
    save_range(fd, offset, (int64_t)total(vector, n));
    return next(fd, vector, n, offset);
}

ssize_t
pwritev(int fd, const struct iovec *vector, int n, off_t offset)
{
    return pwritev64(fd, vector, n, offset);
}

int
ftruncate64(int fd, off64_t size)
{
    typedef int (*Truncate)(int, off64_t);
    struct stat st;

    NEXT("ftruncate64", Truncate);
    if (is_tracked(fd, &st))
        save_range(fd, size, size < st.st_size ? st.st_size - size : 0);
    return next(fd, size);
}

int
ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int
fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    typedef int (*Allocate)(int, int, off64_t, off64_t);

    NEXT("fallocate64", Allocate);
    save_range(fd, offset, len);
    return next(fd, mode, offset, len);
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    return fallocate64(fd, mode, offset, len);
}

ssize_t
copy_file_range(int from, off64_t *from_offset, int fd, off64_t *offset, size_t len,
                unsigned int flags)
{
    typedef ssize_t (*Copy)(int, off64_t *, int, off64_t *, size_t, unsigned int);

    NEXT("copy_file_range", Copy);
    if (offset)
        save_range(fd, *offset, (int64_t)len);
    else
        save_here(fd, len);
    return next(from, from_offset, fd, offset, len, flags);
}

/* --- syncing -------------------------------------------------------------------------------- */

static int
note_sync(int fd)
{
    struct stat st;
    Entry entry = { .kind = KIND_SYNC };

    if (log_fd < 0 || fstat(fd, &st) != 0)
        return 0;
    entry.device = st.st_dev;
    entry.inode = st.st_ino;
    append(&entry, NULL);
    return 0;
}

int
fsync(int fd)
{
    return note_sync(fd);
}

int
fdatasync(int fd)
{
    return note_sync(fd);
}

/* --- names ---------------------------------------------------------------------------------- */

static void
parent_of(const char *path, char *parent, size_t size)
{
    char *slash;

    snprintf(parent, size, "%s", path);
    slash = strrchr(parent, '/');
    if (slash)
        *slash = '\0';
}

/* Keeps the file at @path under another name; the entry has both names, and @from, if any. Only
 * absolute names: the programs of a bench use no others for what must last. */
static void
save_name(uint32_t kind, const char *from, const char *path)
{
    static unsigned n;
    char parent[4096];
    char bytes[3 * 4096];
    struct stat st;
    Entry entry = { .kind = kind };
    char saved[4096 + 64];

    parent_of(path, parent, sizeof parent);
    if (log_fd < 0 || path[0] != '/' || stat(parent, &st) != 0)
        return;
    snprintf(saved, sizeof saved, "%s-%d-%u", saved_prefix, (int)getpid(),
             __atomic_add_fetch(&n, 1, __ATOMIC_RELAXED));
    if (link(path, saved) != 0)
        saved[0] = '\0';
    entry.n_bytes = (uint32_t)snprintf(bytes, sizeof bytes, "%s\n%s\n%s", path, saved, from);
    entry.device = st.st_dev;
    entry.inode = st.st_ino;
    append(&entry, bytes);
}

int
rename(const char *from, const char *to)
{
    typedef int (*Rename)(const char *, const char *);

    NEXT("rename", Rename);
    save_name(KIND_RENAME, from, to);
    return next(from, to);
}

int
unlink(const char *path)
{
    typedef int (*Unlink)(const char *);

    NEXT("unlink", Unlink);
    save_name(KIND_UNLINK, "", path);
    return next(path);
}
