/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A disk that takes its time: preloaded into QEMU, it delays each write to a file whose name ends
 * in $SLOW_SUFFIX by $SLOW_MSEC, as long as a file "NAME.slow" stands beside it. QEMU's threads for
 * I/O sleep, as they would in a kernel that waits for the device.
 */

#undef _FILE_OFFSET_BITS /* both names of each function are to be ours */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int
is_slow(int fd)
{
    const char *suffix = getenv("SLOW_SUFFIX");
    char link[64];
    char path[4096 + sizeof ".slow"];
    ssize_t len;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, 4096);
    if (!suffix || len < (ssize_t)strlen(suffix) ||
        memcmp(path + len - strlen(suffix), suffix, strlen(suffix)) != 0)
        return 0;
    memcpy(path + len, ".slow", sizeof ".slow");
    return access(path, F_OK) == 0;
}

static void
take_time(int fd)
{
    const char *msec = getenv("SLOW_MSEC");
    long n_msec = msec ? atol(msec) : 0;
    struct timespec time = { n_msec / 1000, n_msec % 1000 * 1000000 };

    if (is_slow(fd))
        nanosleep(&time, NULL);
}

/* The real function that ours stands before. */
#define NEXT(name, type)                                                                           \
    static type next;                                                                              \
    if (!next)                                                                                     \
    next = (type)dlsym(RTLD_NEXT, name)

typedef ssize_t (*WriteVector)(int, const struct iovec *, int, off64_t);
typedef ssize_t (*Write)(int, const void *, size_t, off64_t);

ssize_t
pwritev64(int fd, const struct iovec *vector, int n, off64_t offset)
{
    NEXT("pwritev64", WriteVector);
    take_time(fd);
    return next(fd, vector, n, offset);
}

ssize_t
pwritev(int fd, const struct iovec *vector, int n, off_t offset)
{
    return pwritev64(fd, vector, n, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    NEXT("pwrite64", Write);
    take_time(fd);
    return next(fd, data, len, offset);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return pwrite64(fd, data, len, offset);
}
