/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a copy may be written. Invariant: libvirt gets exactly the name that was checked, byte for
 * byte. */

#include "sinter-destination.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sinter-file.h"

/* (nullable): the part of @path below @folder; never empty for a path inside it */
static const char *
below(const char *path, const char *folder)
{
    gsize len = strlen(folder);

    while (len > 0 && folder[len - 1] == '/')
        len--;
    return strncmp(path, folder, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static char *
find_own_folder(const char *destination, const SinterDisk *disk)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);
        g_autofree char *folder = NULL;

        if (layer->type != SINTER_SOURCE_FILE || !layer->path)
            continue;
        folder = g_path_get_dirname(layer->path);
        if (below(destination, folder))
            return g_steal_pointer(&folder);
    }
    return NULL;
}

static char *
find_allowed_folder(const char *destination, const char *folders)
{
    g_auto(GStrv) list = g_strsplit(folders, ":", -1);

    for (char **folder = list; *folder; folder++) {
        if (**folder == '/' && below(destination, *folder))
            return g_strdup(*folder);
    }
    return NULL;
}

gboolean
sinter_destination_find_root(const char *destination, const SinterDisk *disk, const char *folders,
                             char **ret_root, GError **error)
{
    g_autofree char *plain = NULL;

    *ret_root = NULL;
    if (g_path_is_absolute(destination))
        plain = g_canonicalize_filename(destination, NULL);
    if (!plain || strcmp(plain, destination) != 0 || strcmp(plain, "/") == 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "destination '%.256s' is not a plain absolute path of a file", destination);
        return FALSE;
    }
    if (!folders)
        return TRUE;
    *ret_root = find_own_folder(destination, disk);
    if (!*ret_root)
        *ret_root = find_allowed_folder(destination, folders);
    if (*ret_root)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "a copy of disk %s is not allowed at '%.256s': use the directory of one of its "
                "images, or one of those that [copy] folders in sinter.conf lists (%s)",
                disk->target, destination, *folders ? folders : "none");
    return FALSE;
}

/* Opens the folder that will contain the file, without following symbolic links below the root. */
static int
open_folder(const SinterDiskPlan *plan, const char *root)
{
    struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    g_autofree char *folder = g_path_get_dirname(plan->destination);
    const char *rest = below(folder, root);
    g_auto(SinterFd) dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0 || !rest)
        return sinter_fd_steal(&dir); /* the root itself is the folder */
    return (int)syscall(SYS_openat2, dir, rest, &how, sizeof how);
}

static gboolean
check_file(const SinterDiskPlan *plan, int folder, GError **error)
{
    g_autofree char *name = g_path_get_basename(plan->destination);
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT && !plan->reuse_external)
            return TRUE;
        sinter_error_set_errno(error, errno, "examining the destination '%s'", plan->destination);
        return FALSE;
    }
    if (!plan->reuse_external && !S_ISBLK(st.st_mode)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "the destination '%s' exists: remove it, or use --reuse-external",
                    plan->destination);
        return FALSE;
    }
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                "the destination '%s' is neither a regular file nor a block device%s",
                plan->destination, S_ISLNK(st.st_mode) ? ", but a symbolic link" : "");
    return FALSE;
}

static gboolean
examine(const SinterDiskPlan *plan, GError **error)
{
    const char *root = plan->destination_root;
    g_autofree char *parent = NULL;
    g_auto(SinterFd) folder = -1;

    if (!root)
        root = parent = g_path_get_dirname(plan->destination);
    folder = open_folder(plan, root);
    if (folder >= 0)
        return check_file(plan, folder, error);
    if (errno == ELOOP || errno == EXDEV)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED,
                    "the path of the destination '%s' has a symbolic link below '%s'",
                    plan->destination, root);
    else
        sinter_error_set_errno(error, errno, "opening the directory of the destination '%s'",
                               plan->destination);
    return FALSE;
}

/* The question. */
typedef struct {
    SinterDiskPlan *plan;
    GError *error;
} Examination;

static void
examination_run(gpointer data)
{
    Examination *examination = data;

    examine(examination->plan, &examination->error);
}

static void
examination_free(gpointer data)
{
    Examination *examination = data;

    sinter_disk_plan_free(examination->plan);
    g_clear_error(&examination->error);
    g_free(examination);
}

static gboolean
ask(const SinterDiskPlan *plan, SinterPatience *storage, GError **error)
{
    Examination *examination = g_new0(Examination, 1);
    const SinterQuestion question = { examination_run, examination, examination_free, NULL };
    g_autofree char *folder = g_path_get_dirname(plan->destination);
    gboolean good;
    gint64 since_usec;

    examination->plan = sinter_disk_plan_copy(plan);
    if (!sinter_patience_ask(storage, folder, &question, &since_usec)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the storage of destination '%s', which does not respond", plan->destination);
        return FALSE;
    }
    good = !examination->error;
    if (!good)
        g_propagate_error(error, g_steal_pointer(&examination->error));
    examination_free(examination);
    return good;
}

gboolean
sinter_destination_check(const SinterDiskPlan *plan, SinterPatience *storage, GError **error)
{
    if (plan->operation != SINTER_OPERATION_COPY)
        return TRUE;
    return storage ? ask(plan, storage, error) : examine(plan, error);
}
