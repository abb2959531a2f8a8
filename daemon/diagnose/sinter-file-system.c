/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mount of a file and the quotas there. Invariant: nothing here waits for the storage of the
 * file: mounts are read from /proc, quotas from the kernel's memory.
 */

#include "sinter-file-system.h"

#include <string.h>
#include <sys/quota.h>
#include <sys/sysmacros.h>

/* Fields of a line of mountinfo; those behind the separator are counted from it. */
#define FIELD_DEVICE 2
#define FIELD_PATH 4
#define N_FIELDS 6
#define SEPARATOR "-"

/* Quota limits count in blocks of this size. */
#define QUOTA_BLOCK_BYTES 1024

/* mountinfo stores white space in names as \040 and the like. */
static char *
unescape(const char *field)
{
    return g_strcompress(field);
}

static gboolean
take_line(SinterFileSystem *self, const char *line, const char *device)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", -1);
    guint n = g_strv_length(fields);
    guint at = N_FIELDS;

    if (n < N_FIELDS || strcmp(fields[FIELD_DEVICE], device) != 0)
        return FALSE;
    while (at < n && strcmp(fields[at], SEPARATOR) != 0)
        at++;
    if (at + 2 >= n)
        return FALSE;
    self->path = unescape(fields[FIELD_PATH]);
    self->type = unescape(fields[at + 1]);
    self->source = unescape(fields[at + 2]);
    return TRUE;
}

void
sinter_file_system_find(SinterFileSystem *self, const struct stat *st)
{
    g_autofree char *device = g_strdup_printf("%u:%u", major(st->st_dev), minor(st->st_dev));
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    *self = (SinterFileSystem){ 0 };
    if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (take_line(self, lines[i], device))
            return;
    }
}

void
sinter_file_system_clear(SinterFileSystem *self)
{
    g_clear_pointer(&self->type, g_free);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->source, g_free);
}

static gboolean
is_exhausted(const char *source, int type, guint id)
{
    struct dqblk quota = { 0 };

    /* the command has its highest bit set: shifted as an int it would overflow */
    if (quotactl((int)QCMD((guint)Q_GETQUOTA, (guint)type), source, (int)id, (caddr_t)&quota) != 0)
        return FALSE;
    return quota.dqb_bhardlimit > 0 &&
           quota.dqb_curspace / QUOTA_BLOCK_BYTES >= quota.dqb_bhardlimit;
}

char *
sinter_file_system_find_quota(const SinterFileSystem *self, const struct stat *st)
{
    if (!self->source || self->source[0] != '/')
        return NULL;
    if (is_exhausted(self->source, USRQUOTA, st->st_uid))
        return g_strdup_printf("the quota of user %u", st->st_uid);
    if (is_exhausted(self->source, GRPQUOTA, st->st_gid))
        return g_strdup_printf("the quota of group %u", st->st_gid);
    return NULL;
}
