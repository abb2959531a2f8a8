/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A bad medium for a program that is preloaded with this library: reads of chosen parts of a file
 * fail with EIO, whatever descriptor they go through.
 *
 *   SINTER_BAD_MEDIUM=PATH:OFFSET+LENGTH[,OFFSET+LENGTH…]
 *   SINTER_BAD_MEDIUM_PAGES=1   reads through the page cache fail for whole pages, as of a disk
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGES_MAX 256
#define PAGE_BYTES 4096

static struct {
    uint64_t offset;
    uint64_t length;
} ranges[RANGES_MAX];
static int n_ranges;
static struct stat medium;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
medium_read_settings(void)
{
    const char *setting = getenv("SINTER_BAD_MEDIUM");
    const char *colon = setting ? strrchr(setting, ':') : NULL;
    char *path = colon ? strndup(setting, (size_t)(colon - setting)) : NULL;
    char *end;

    if (!path || stat(path, &medium) != 0) {
        free(path);
        return;
    }
    free(path);
    for (const char *at = colon + 1; *at && n_ranges < RANGES_MAX; n_ranges++) {
        ranges[n_ranges].offset = strtoull(at, &end, 0);
        ranges[n_ranges].length = *end == '+' ? strtoull(end + 1, &end, 0) : 0;
        at = *end == ',' ? end + 1 : end;
    }
}

static int
medium_is_bad(int fd, size_t len, off_t offset)
{
    struct stat st;
    uint64_t at = (uint64_t)offset;
    uint64_t end = at + len;

    pthread_once(&once, medium_read_settings);
    if (n_ranges == 0 || fstat(fd, &st) != 0 || st.st_dev != medium.st_dev ||
        st.st_ino != medium.st_ino)
        return 0;
    if (getenv("SINTER_BAD_MEDIUM_PAGES") && !(fcntl(fd, F_GETFL) & O_DIRECT)) {
        at = at / PAGE_BYTES * PAGE_BYTES;
        end = (end + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }
    for (int i = 0; i < n_ranges; i++) {
        if (at < ranges[i].offset + ranges[i].length && ranges[i].offset < end)
            return 1;
    }
    return 0;
}

typedef ssize_t (*PreadFunc)(int fd, void *buf, size_t len, off_t offset);

static ssize_t
medium_pread(const char *name, int fd, void *buf, size_t len, off_t offset)
{
    PreadFunc real = (PreadFunc)dlsym(RTLD_NEXT, name);

    if (!medium_is_bad(fd, len, offset))
        return real(fd, buf, len, offset);
    errno = EIO;
    return -1;
}

/* With 64-bit offsets, which the tree is built with, both names have this type. */
ssize_t medium_pread_plain(int fd, void *buf, size_t len, off_t offset) __asm__("pread");
ssize_t medium_pread_large(int fd, void *buf, size_t len, off_t offset) __asm__("pread64");

ssize_t
medium_pread_plain(int fd, void *buf, size_t len, off_t offset)
{
    return medium_pread("pread", fd, buf, len, offset);
}

ssize_t
medium_pread_large(int fd, void *buf, size_t len, off_t offset)
{
    return medium_pread("pread64", fd, buf, len, offset);
}
