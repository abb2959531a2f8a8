/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A set of files that another process has opened: it maps names to descriptors and has no access to
 * any other file. Invariant: nothing here opens, creates, renames or removes a name, so a process
 * without these rights can work on images. Names are compared after "." and ".." are resolved as
 * text, without access to the file system. Locks belong to the open file description, which is
 * shared with the process that passed the descriptor; if that process has already locked the files,
 * this set can leave locking to it.
 */

#include "sinter-io-file.h"
#include "sinter-error.h"
#include "sinter-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
    SinterFd fd;
    SinterFd direct_fd; /* -1 if none was passed */
    char *real;         /* its path without links; NULL if that is unknown */
    gint uncreated;     /* atomic: the file does not exist for the users of the set yet */
} Passed;

typedef struct {
    SinterFs fs;
    GHashTable *files;   /* canonical path → Passed * */
    SinterIoFlags flags; /* for each open */
} SinterFsDescriptor;

static void
passed_free(gpointer data)
{
    Passed *passed = data;

    sinter_fd_clear(&passed->direct_fd);
    sinter_fd_clear(&passed->fd);
    g_free(passed->real);
    g_free(passed);
}

static char *
canonical(const char *path)
{
    return g_canonicalize_filename(path, "/");
}

/* Returns whether @passed (nullable) can be opened; creates the file if it is a new one. */
static gboolean
is_there(Passed *passed, SinterIoFlags flags, const char *path, GError **error)
{
    gboolean creates = (flags & SINTER_IO_CREATE) != 0;

    if (creates && (!passed || !g_atomic_int_compare_and_exchange(&passed->uncreated, 1, 0))) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "only files that were passed as descriptors are available");
        sinter_error_wrap(error, SINTER_STAGE_CREATE, path, "Could not create '%s': ", path);
        return FALSE;
    }
    if (passed && !g_atomic_int_get(&passed->uncreated))
        return TRUE;
    sinter_error_set_open(error, SINTER_ERROR_NOT_FOUND, path, "it was not passed as a descriptor");
    return FALSE;
}

static SinterIo *
descriptor_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error)
{
    g_autofree char *name = canonical(path);
    const SinterFsDescriptor *self = (const SinterFsDescriptor *)fs;
    Passed *passed = g_hash_table_lookup(self->files, name);
    g_autoptr(SinterIo) io = NULL;

    if (!is_there(passed, flags, path, error))
        return NULL;
    if (flags & SINTER_IO_CREATE)
        flags = (flags & ~(SinterIoFlags)SINTER_IO_CREATE) | SINTER_IO_WRITE;
    io = sinter_io_new_fd(passed->fd, path, flags | self->flags, error);
    if (!io || (passed->direct_fd >= 0 && (flags & SINTER_IO_WRITE) &&
                !sinter_io_file_set_bulk(io, passed->direct_fd, error)))
        return NULL;
    return g_steal_pointer(&io);
}

static gboolean
set_names_stay(const char *path, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' cannot be renamed: its file was passed as a descriptor", path);
    return FALSE;
}

static gboolean
descriptor_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces, GError **error)
{
    return set_names_stay(from, error);
}

static gboolean
descriptor_remove(SinterFs *fs, const char *path, GError **error)
{
    return set_names_stay(path, error);
}

/* This set never changes a name, so all names are durable. */
static gboolean
descriptor_sync_folder(SinterFs *fs, const char *path, GError **error)
{
    return TRUE;
}

static char *
descriptor_resolve(SinterFs *fs, const char *path, GError **error)
{
    g_autofree char *name = canonical(path);
    const Passed *passed = g_hash_table_lookup(((SinterFsDescriptor *)fs)->files, name);

    return passed && passed->real ? g_strdup(passed->real) : g_steal_pointer(&name);
}

static void
descriptor_finalize(SinterFs *fs)
{
    g_hash_table_unref(((SinterFsDescriptor *)fs)->files);
}

static const SinterFsClass descriptor_class = {
    .driver = "descriptor",
    .instance_bytes = sizeof(SinterFsDescriptor),
    .open = descriptor_open,
    .rename = descriptor_rename,
    .remove = descriptor_remove,
    .sync_folder = descriptor_sync_folder,
    .resolve = descriptor_resolve,
    .finalize = descriptor_finalize,
};

SinterFs *
sinter_fs_new_descriptors(SinterIoFlags flags)
{
    SinterFsDescriptor *self = sinter_fs_alloc(&descriptor_class);

    self->flags = flags & SINTER_IO_NO_LOCK;
    self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, passed_free);
    return &self->fs;
}

/* (transfer full) (nullable): the path by which the kernel knows the open file */
static char *
read_real_path(int fd)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *path = g_file_read_link(link, NULL);
    struct stat open_file;
    struct stat named;

    if (!path || stat(path, &named) < 0 || fstat(fd, &open_file) < 0 ||
        !sinter_file_id_same(&named, &open_file))
        return NULL; /* removed, renamed, or in another mount namespace */
    return g_steal_pointer(&path);
}

gboolean
sinter_fs_add_descriptor(SinterFs *fs, const char *path, int fd, GError **error)
{
    GHashTable *files = ((SinterFsDescriptor *)fs)->files;
    g_autofree char *name = NULL;
    Passed passed = { .direct_fd = -1 };

    g_return_val_if_fail(fs->klass == &descriptor_class, FALSE);
    name = canonical(path);
    if (!g_path_is_absolute(path) || g_hash_table_contains(files, name)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    g_path_is_absolute(path) ? "two descriptors were passed for '%s'"
                                             : "'%s' is not the absolute path of a file",
                    path);
        return FALSE;
    }
    passed.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (passed.fd < 0) {
        sinter_error_set_errno(error, errno, "using the descriptor %d for '%s'", fd, path);
        return FALSE;
    }
    passed.real = read_real_path(fd);
    g_hash_table_insert(files, g_steal_pointer(&name), g_memdup2(&passed, sizeof passed));
    return TRUE;
}

gboolean
sinter_fs_add_new_descriptor(SinterFs *fs, const char *path, int fd, GError **error)
{
    g_autofree char *name = canonical(path);
    Passed *passed;

    if (!sinter_fs_add_descriptor(fs, path, fd, error))
        return FALSE;
    passed = g_hash_table_lookup(((SinterFsDescriptor *)fs)->files, name);
    passed->uncreated = 1;
    return TRUE;
}

gboolean
sinter_fs_add_direct_descriptor(SinterFs *fs, const char *path, int fd, GError **error)
{
    g_autofree char *name = canonical(path);
    Passed *passed = g_hash_table_lookup(((SinterFsDescriptor *)fs)->files, name);
    struct stat one;
    struct stat other;

    g_return_val_if_fail(fs->klass == &descriptor_class, FALSE);
    if (!passed || passed->direct_fd >= 0 || fstat(passed->fd, &one) < 0 || fstat(fd, &other) < 0 ||
        !sinter_file_id_same(&one, &other)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "the descriptor %d is not of the file '%s'", fd, path);
        return FALSE;
    }
    passed->direct_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (passed->direct_fd >= 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "using the descriptor %d for '%s'", fd, path);
    return FALSE;
}
