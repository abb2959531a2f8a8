/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Creates the overlays of domains that are shut off. Invariant: a file that exists is never opened.
 */

#include "sinter-snapshot-overlay.h"

#include "sinter-error.h"
#include "sinter-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sinter/create.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LABEL "security.selinux"

static gboolean
copy_owner(const char *from, int fd, const char *path, GError **error)
{
    struct stat st;
    struct stat own;

    if (stat(from, &st) < 0 || fstat(fd, &own) < 0) {
        sinter_error_set_errno(error, errno, "reading the owner of '%s'", from);
        return FALSE;
    }
    if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
        fchown(fd, st.st_uid, st.st_gid) < 0) {
        sinter_error_set_errno(error, errno, "'%s': setting the owner of '%s'", path, from);
        return FALSE;
    }
    return TRUE;
}

/* A file system or a host without labels has none to copy. */
static gboolean
copy_label(const char *from, int fd, const char *path, GError **error)
{
    char label[4096];
    gssize len = getxattr(from, LABEL, label, sizeof label);

    if (len < 0 && (errno == ENODATA || errno == ENOTSUP))
        return TRUE;
    if (len >= 0 && fsetxattr(fd, LABEL, label, (gsize)len, 0) == 0)
        return TRUE;
    sinter_error_set_errno(error, errno, "'%s': setting the SELinux label of '%s'", path, from);
    return FALSE;
}

static gboolean
write_image(const SinterLayer *below, int fd, const char *path, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_descriptors(0);
    const SinterCreateOptions options = {
        .format = "qcow2",
        .virtual_size = below->virtual_size_bytes,
        .backing_name = below->path,
        .backing_format = below->format,
    };

    return sinter_fs_add_new_descriptor(fs, path, fd, error) &&
           sinter_image_create(fs, path, &options, error) && sinter_file_sync_parent(path, error);
}

gboolean
sinter_snapshot_overlay_create(const SinterLayer *below, const char *path, GError **error)
{
    g_auto(SinterFd) fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        sinter_error_set_errno(error, errno, "creating the overlay '%s'", path);
        return FALSE;
    }
    if (copy_owner(below->path, fd, path, error) && copy_label(below->path, fd, path, error) &&
        write_image(below, fd, path, error))
        return TRUE;
    unlink(path);
    return FALSE;
}
