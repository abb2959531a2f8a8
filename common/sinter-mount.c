/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the mount that a file is on, and what its options mean for locks. Invariant: the kernel
 * identifies the mount by its number; names are not compared.
 */

#include "sinter-mount.h"
#include "sinter-error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNTINFO "/proc/self/mountinfo"

/* The fields of a line, by number: id, parent, device, root, mount point, options, … - type, … */
enum {
    FIELD_ID = 0,
    FIELD_MOUNT_POINT = 4,
    FIELD_OPTIONS = 5,
};

/* Options that matter for locks, by prefix of the file system type; "" is every type. */
static const struct {
    const char *type;
    const char *option; /* ends with '=': any value */
    gboolean is_local;
} lock_options[] = {
    { "", "ro", FALSE },
    { "", "mand", FALSE },
    { "nfs", "lock", FALSE },
    { "nfs", "nolock", TRUE },
    { "nfs", "local_lock=all", TRUE },
    { "nfs", "local_lock=posix", TRUE },
    { "nfs", "local_lock=", FALSE },
    { "nfs", "vers=", FALSE },
    { "cifs", "nobrl", TRUE },
    { "cifs", "forcemandatorylock", FALSE },
    { "cifs", "vers=", FALSE },
    { "smb3", "nobrl", TRUE },
    { "smb3", "forcemandatorylock", FALSE },
    { "smb3", "vers=", FALSE },
    { "gfs2", "localflocks", TRUE },
    { "ocfs2", "localflocks", TRUE },
    { "lustre", "flock", FALSE },
    { "lustre", "localflock", TRUE },
    { "lustre", "noflock", TRUE },
};

/* Returns whether @option matters, and what it means. */
static gboolean
option_matters(const char *type, const char *option, gboolean *ret_is_local)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lock_options); i++) {
        const char *known = lock_options[i].option;

        if (!g_str_has_prefix(type, lock_options[i].type) ||
            (g_str_has_suffix(known, "=") ? !g_str_has_prefix(option, known)
                                          : strcmp(option, known) != 0))
            continue;
        *ret_is_local = lock_options[i].is_local;
        return TRUE;
    }
    return FALSE;
}

static void
add_options(SinterMount *self, GPtrArray *found, const char *list)
{
    g_auto(GStrv) options = g_strsplit(list, ",", -1);

    for (gsize i = 0; options[i]; i++) {
        gboolean is_local = FALSE;

        if (!option_matters(self->fs_type, options[i], &is_local) ||
            g_ptr_array_find_with_equal_func(found, options[i], g_str_equal, NULL))
            continue;
        g_ptr_array_add(found, g_strdup(options[i]));
        self->locks_are_local |= is_local;
    }
}

/* @fields: of the line; @rest: the fields after the separator "-": type, source, options */
static SinterMount *
mount_new(char **fields, char **rest)
{
    SinterMount *self = g_new0(SinterMount, 1);
    GPtrArray *found = g_ptr_array_new();

    self->fs_type = g_strdup(rest[0]);
    /* blanks are written as octal escapes */
    self->mount_point = g_strcompress(fields[FIELD_MOUNT_POINT]);
    add_options(self, found, fields[FIELD_OPTIONS]);
    add_options(self, found, rest[2]);
    g_ptr_array_add(found, NULL);
    self->lock_options = (char **)g_ptr_array_free(found, FALSE);
    return self;
}

/* Returns the fields after the separator; NULL if the line does not have all that are needed. */
static char **
find_rest(char **fields)
{
    guint n = g_strv_length(fields);

    for (guint i = FIELD_OPTIONS + 1; i < n; i++) {
        if (strcmp(fields[i], "-") == 0)
            return n - i > 3 ? fields + i + 1 : NULL;
    }
    return NULL;
}

SinterMount *
sinter_mount_parse(const char *mountinfo, guint64 mount_id)
{
    g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        g_auto(GStrv) fields = g_strsplit(lines[i], " ", -1);
        char **rest = find_rest(fields);
        guint64 id;

        if (rest && g_ascii_string_to_unsigned(fields[FIELD_ID], 10, 0, G_MAXINT64, &id, NULL) &&
            id == mount_id)
            return mount_new(fields, rest);
    }
    return NULL;
}

SinterMount *
sinter_mount_find(const char *path, GError **error)
{
    g_autofree char *mountinfo = NULL;
    g_autoptr(GError) failed = NULL;
    SinterMount *mount;
    struct statx st;

    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) != 0) {
        sinter_error_set_errno(error, errno, "finding the mount of '%s'", path);
        return NULL;
    }
    if (!(st.stx_mask & STATX_MNT_ID)) {
        sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                            "finding the mount of '%s': the kernel does not identify mounts", path);
        return NULL;
    }
    if (!g_file_get_contents(MOUNTINFO, &mountinfo, NULL, &failed)) {
        sinter_error_refuse(error, SINTER_ERROR_FAILED, "finding the mount of '%s': %s", path,
                            failed->message);
        return NULL;
    }
    mount = sinter_mount_parse(mountinfo, st.stx_mnt_id);
    if (!mount)
        sinter_error_refuse(error, SINTER_ERROR_NOT_FOUND,
                            "finding the mount of '%s': it is not listed in %s", path, MOUNTINFO);
    return mount;
}

void
sinter_mount_free(SinterMount *mount)
{
    if (!mount)
        return;
    g_free(mount->fs_type);
    g_free(mount->mount_point);
    g_strfreev(mount->lock_options);
    g_free(mount);
}
