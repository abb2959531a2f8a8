/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kernel's table of mounts. Invariant: the mounts are in the kernel's order, so a later one at
 * the same path hides an earlier one.
 *
 * Source: proc(5), /proc/PID/mountinfo.
 */

#include "sinter-mount-table.h"

#include <string.h>
#include <sys/sysmacros.h>

/* The fields of a line, separated by spaces. */
enum { FIELD_ID, FIELD_PARENT, FIELD_DEVICE, FIELD_ROOT, FIELD_PATH, N_FIELDS };

struct _SinterMountTable {
    GPtrArray *mounts;   /* of SinterMountEntry */
    GHashTable *by_path; /* path (owned by the mount) → SinterMountEntry */
};

static void
mount_free(gpointer data)
{
    SinterMountEntry *mount = data;

    g_free(mount->path);
    g_free(mount->key);
    g_free(mount);
}

/* "8:1" */
static gboolean
parse_device(const char *text, guint64 *ret_device)
{
    char *end = NULL;
    guint64 first = g_ascii_strtoull(text, &end, 10);
    guint64 second;

    if (end == text || *end != ':' || first > G_MAXUINT)
        return FALSE;
    text = end + 1;
    second = g_ascii_strtoull(text, &end, 10);
    if (end == text || *end || second > G_MAXUINT)
        return FALSE;
    *ret_device = makedev((guint)first, (guint)second);
    return TRUE;
}

static void
add_line(SinterMountTable *table, const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", N_FIELDS + 1);
    SinterMountEntry *mount;
    guint64 device;

    if (g_strv_length(fields) < N_FIELDS || !parse_device(fields[FIELD_DEVICE], &device) ||
        fields[FIELD_PATH][0] != '/')
        return;
    mount = g_new0(SinterMountEntry, 1);
    mount->path = g_strcompress(fields[FIELD_PATH]); /* the kernel escapes white space in octal */
    mount->device = device;
    mount->key = g_strconcat("mount ", fields[FIELD_ID], NULL);
    g_ptr_array_add(table->mounts, mount);
    g_hash_table_replace(table->by_path, mount->path, mount);
}

SinterMountTable *
sinter_mount_table_parse(const char *text)
{
    SinterMountTable *table = g_new0(SinterMountTable, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    table->mounts = g_ptr_array_new_with_free_func(mount_free);
    table->by_path = g_hash_table_new(g_str_hash, g_str_equal);
    for (char **line = lines; *line; line++)
        add_line(table, *line);
    return table;
}

SinterMountTable *
sinter_mount_table_read(void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
        return sinter_mount_table_parse("");
    return sinter_mount_table_parse(text);
}

void
sinter_mount_table_free(SinterMountTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->by_path);
    g_ptr_array_unref(table->mounts);
    g_free(table);
}

gboolean
sinter_mount_table_has(const SinterMountTable *table, const char *path)
{
    return g_hash_table_contains(table->by_path, path);
}

const SinterMountEntry *
sinter_mount_table_find(const SinterMountTable *table, const char *path)
{
    g_autofree char *part = g_strdup(path);

    while (*part) {
        const SinterMountEntry *mount = g_hash_table_lookup(table->by_path, part);
        char *slash = strrchr(part, '/');

        if (mount || !slash)
            return mount;
        *slash = '\0';
    }
    return g_hash_table_lookup(table->by_path, "/");
}
