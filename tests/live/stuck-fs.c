/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A FUSE file system with the files of a folder, without subfolders: for tests that stop this
 * process, as a server that is gone would stop a network file system. Nothing is cached, so every
 * access needs this process.
 *
 * stuck-fs FOLDER MOUNTPOINT: mounts, says so on standard output, and serves until it is killed.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_WRITE (128 * 1024)
#define MAX_NAMES 4096

static int fuse;
static int folder;
static char *names[MAX_NAMES]; /* by node id - 2 */
static size_t n_names;
static char request[MAX_WRITE + 64 * 1024];
static char answer[MAX_WRITE + 64 * 1024];

/* --- nodes --- */

static const char *
name_of(uint64_t node)
{
    if (node == FUSE_ROOT_ID)
        return ".";
    return node - 2 < n_names ? names[node - 2] : "";
}

static uint64_t
node_of(const char *name)
{
    for (size_t i = 0; i < n_names; i++) {
        if (strcmp(names[i], name) == 0)
            return i + 2;
    }
    if (n_names == MAX_NAMES)
        abort();
    names[n_names] = strdup(name);
    return n_names++ + 2;
}

static void
fill_attr(struct fuse_attr *attr, const struct stat *st, uint64_t node)
{
    *attr = (struct fuse_attr){
        .ino = node,
        .size = (uint64_t)st->st_size,
        .blocks = (uint64_t)st->st_blocks,
        .atime = (uint64_t)st->st_atim.tv_sec,
        .mtime = (uint64_t)st->st_mtim.tv_sec,
        .ctime = (uint64_t)st->st_ctim.tv_sec,
        .mode = st->st_mode,
        .nlink = (uint32_t)st->st_nlink,
        .uid = getuid(), /* those of others may be unknown in this namespace */
        .gid = getgid(),
        .blksize = 4096,
    };
}

/* --- answers --- */

static void
reply(uint64_t unique, int error, const void *data, size_t len)
{
    struct fuse_out_header header = { (uint32_t)(sizeof header + (error ? 0 : len)), -error,
                                      unique };
    struct iovec parts[] = { { &header, sizeof header }, { (void *)data, error ? 0 : len } };

    if (writev(fuse, parts, 2) < 0 && errno != ENOENT)
        perror("stuck-fs: answering");
}

static void
reply_entry(uint64_t unique, const char *name)
{
    struct fuse_entry_out out = { 0 };
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        reply(unique, errno, NULL, 0);
        return;
    }
    out.nodeid = node_of(name);
    fill_attr(&out.attr, &st, out.nodeid);
    reply(unique, 0, &out, sizeof out);
}

static void
reply_attr(uint64_t unique, uint64_t node)
{
    struct fuse_attr_out out = { 0 };
    struct stat st;

    if (fstatat(folder, name_of(node), &st, AT_SYMLINK_NOFOLLOW) < 0) {
        reply(unique, errno, NULL, 0);
        return;
    }
    fill_attr(&out.attr, &st, node);
    reply(unique, 0, &out, sizeof out);
}

static void
set_attr(const struct fuse_in_header *in, const struct fuse_setattr_in *set)
{
    int fd = (set->valid & FATTR_SIZE) ? openat(folder, name_of(in->nodeid), O_WRONLY) : -1;

    if (fd >= 0 && ftruncate(fd, (off_t)set->size) < 0)
        perror("stuck-fs: ftruncate");
    if (fd >= 0)
        close(fd);
    reply_attr(in->unique, in->nodeid);
}

static void
reply_open(uint64_t unique, int fd)
{
    struct fuse_open_out out = { .fh = (uint64_t)fd, .open_flags = FOPEN_DIRECT_IO };

    reply(unique, fd < 0 ? errno : 0, &out, sizeof out);
}

static void
reply_dir(uint64_t unique, const struct fuse_read_in *read_in)
{
    DIR *dir = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY));
    struct dirent *entry;
    uint64_t place = 0;
    size_t len = 0;

    while (dir && (entry = readdir(dir))) {
        size_t name_len = strlen(entry->d_name);
        struct fuse_dirent *out = (struct fuse_dirent *)(answer + len);
        size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_len);

        if (place++ < read_in->offset)
            continue;
        if (len + size > read_in->size)
            break;
        memset(out, 0, size);
        *out = (struct fuse_dirent){
            .ino = place + 2, .off = place, .namelen = (uint32_t)name_len, .type = entry->d_type
        };
        memcpy(out->name, entry->d_name, name_len);
        len += size;
    }
    if (dir)
        closedir(dir);
    reply(unique, 0, answer, len);
}

static void
reply_statfs(uint64_t unique)
{
    struct fuse_statfs_out out = { 0 };
    struct statvfs vfs;

    if (fstatvfs(folder, &vfs) == 0)
        out.st = (struct fuse_kstatfs){ .blocks = vfs.f_blocks,
                                        .bfree = vfs.f_bfree,
                                        .bavail = vfs.f_bavail,
                                        .bsize = (uint32_t)vfs.f_bsize,
                                        .frsize = (uint32_t)vfs.f_frsize,
                                        .namelen = 255 };
    reply(unique, 0, &out, sizeof out);
}

static void
create(const struct fuse_in_header *in, const struct fuse_create_in *create_in)
{
    const char *name = (const char *)(create_in + 1);
    struct {
        struct fuse_entry_out entry;
        struct fuse_open_out open;
    } out = { 0 };
    int fd = openat(folder, name, O_RDWR | O_CREAT | (int)(create_in->flags & (O_EXCL | O_TRUNC)),
                    create_in->mode & 07777);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        reply(in->unique, errno, NULL, 0);
        return;
    }
    out.entry.nodeid = node_of(name);
    fill_attr(&out.entry.attr, &st, out.entry.nodeid);
    out.open = (struct fuse_open_out){ .fh = (uint64_t)fd, .open_flags = FOPEN_DIRECT_IO };
    reply(in->unique, 0, &out, sizeof out);
}

static void
transfer(const struct fuse_in_header *in, const void *body)
{
    const struct fuse_read_in *read_in = body;
    const struct fuse_write_in *write_in = body;
    struct fuse_write_out written = { 0 };
    ssize_t n;

    if (in->opcode == FUSE_READ) {
        n = pread((int)read_in->fh, answer, read_in->size, (off_t)read_in->offset);
        reply(in->unique, n < 0 ? errno : 0, answer, n < 0 ? 0 : (size_t)n);
        return;
    }
    n = pwrite((int)write_in->fh, write_in + 1, write_in->size, (off_t)write_in->offset);
    written.size = n < 0 ? 0 : (uint32_t)n;
    reply(in->unique, n < 0 ? errno : 0, &written, sizeof written);
}

static void
init(uint64_t unique)
{
    struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
                                 .minor = 31,
                                 .max_readahead = 0,
                                 .flags = FUSE_BIG_WRITES,
                                 .max_write = MAX_WRITE };

    reply(unique, 0, &out, sizeof out);
}

static void
serve(const struct fuse_in_header *in, const void *body)
{
    const struct fuse_open_in *open_in = body;

    switch (in->opcode) {
    case FUSE_INIT:
        init(in->unique);
        return;
    case FUSE_LOOKUP:
        reply_entry(in->unique, body);
        return;
    case FUSE_GETATTR:
        reply_attr(in->unique, in->nodeid);
        return;
    case FUSE_SETATTR:
        set_attr(in, body);
        return;
    case FUSE_OPEN:
        reply_open(in->unique,
                   openat(folder, name_of(in->nodeid), (int)(open_in->flags & O_ACCMODE)));
        return;
    case FUSE_CREATE:
        create(in, body);
        return;
    case FUSE_READ:
    case FUSE_WRITE:
        transfer(in, body);
        return;
    case FUSE_UNLINK:
        reply(in->unique, unlinkat(folder, body, 0) < 0 ? errno : 0, NULL, 0);
        return;
    case FUSE_FSYNC:
        reply(in->unique, fsync((int)((const struct fuse_fsync_in *)body)->fh) < 0 ? errno : 0,
              NULL, 0);
        return;
    case FUSE_RELEASE:
        close((int)((const struct fuse_release_in *)body)->fh);
        reply(in->unique, 0, NULL, 0);
        return;
    case FUSE_OPENDIR:
        reply_open(in->unique, 0);
        return;
    case FUSE_READDIR:
        reply_dir(in->unique, body);
        return;
    case FUSE_STATFS:
        reply_statfs(in->unique);
        return;
    case FUSE_FLUSH:
    case FUSE_RELEASEDIR:
        reply(in->unique, 0, NULL, 0);
        return;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return; /* no answer is expected */
    default:
        reply(in->unique, ENOSYS, NULL, 0);
    }
}

int
main(int argc, char **argv)
{
    const char *device = getenv("SINTER_TEST_FUSE");
    char options[128];

    if (argc != 3 || (folder = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0 ||
        (fuse = open(device ? device : "/dev/fuse", O_RDWR)) < 0) {
        perror("stuck-fs");
        return 1;
    }
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse, getuid(),
             getgid());
    if (mount("stuck-fs", argv[2], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
        perror("stuck-fs: mount");
        return 1;
    }
    puts("mounted");
    fflush(stdout);
    for (;;) {
        ssize_t n = read(fuse, request, sizeof request);

        if (n < 0 && errno == ENODEV)
            return 0; /* unmounted */
        if (n >= (ssize_t)sizeof(struct fuse_in_header))
            serve((const struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
    }
}
