/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads what /proc shows of the QEMU process of a domain. Invariant: nothing is sent to the
 * process; what cannot be read is unknown, never assumed.
 */

#include "sinter-qemu-process.h"

#include <string.h>

#define DELETED " (deleted)"

char *
sinter_qemu_process_read_line(const char *path)
{
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

/* (transfer full): the file in which libvirt stores the process ID */
static char *
pid_file(const char *uri, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".pid", NULL);

    if (g_str_has_suffix(uri, "/session"))
        return g_build_filename(g_get_user_runtime_dir(), "libvirt", "qemu", "run", file, NULL);
    return g_build_filename("/run/libvirt/qemu", file, NULL);
}

char *
sinter_qemu_process_find(const char *uri, const char *name)
{
    g_autofree char *path = pid_file(uri, name);

    return sinter_qemu_process_read_line(path);
}

gboolean
sinter_qemu_process_get_open(const char *pid, const char *path, char **ret_path,
                             gboolean *ret_deleted)
{
    g_autofree char *folder = g_build_filename("/proc", pid, "fd", NULL);
    g_autofree char *deleted = g_strconcat(path, DELETED, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *link = g_build_filename(folder, name, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);

        if (!target || (strcmp(target, path) != 0 && strcmp(target, deleted) != 0))
            continue;
        *ret_deleted = strcmp(target, deleted) == 0;
        *ret_path = g_steal_pointer(&link);
        return TRUE;
    }
    return FALSE;
}

/* (transfer full) (nullable): the text behind @label in /proc/PID/FILE */
static char *
find_value(const char *pid, const char *file, const char *label)
{
    g_autofree char *path = g_build_filename("/proc", pid, file, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], label))
            return g_strstrip(g_strdup(lines[i] + strlen(label)));
    }
    return NULL;
}

/* "T (stopped)", "t (tracing stop)" */
gboolean
sinter_qemu_process_is_stopped(const char *pid)
{
    g_autofree char *value = find_value(pid, "status", "State:");

    return value && (value[0] == 'T' || value[0] == 't');
}

guint64
sinter_qemu_process_get_file_limit(const char *pid)
{
    g_autofree char *value = find_value(pid, "limits", "Max file size");

    /* "unlimited" is not a number */
    return value ? g_ascii_strtoull(value, NULL, 10) : 0;
}

/* Real, effective, saved and file system IDs, separated by tabs. */
static gboolean
find_id(const char *pid, const char *label, guint *ret)
{
    g_autofree char *value = find_value(pid, "status", label);
    g_auto(GStrv) ids = value ? g_strsplit(value, "\t", -1) : NULL;
    guint64 id;

    if (!ids || g_strv_length(ids) < 2 ||
        !g_ascii_string_to_unsigned(ids[1], 10, 0, G_MAXUINT32, &id, NULL))
        return FALSE;
    *ret = (guint)id;
    return TRUE;
}

gboolean
sinter_qemu_process_get_user(const char *pid, guint *ret_uid, guint *ret_gid)
{
    return find_id(pid, "Uid:", ret_uid) && find_id(pid, "Gid:", ret_gid);
}
