/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Identifies files and removes them. Invariant: a file is removed only if it is not in use and its
 * beginning is byte for byte that of the file that was merged.
 */

#include "sinter-leftover.h"
#include "sinter-error.h"

#include <string.h>

#define DIGEST_BYTES (64 * 1024)

SinterLeftover *
sinter_leftover_new(SinterIo *io, const char *path, GError **error)
{
    g_autofree guint8 *start = g_malloc(DIGEST_BYTES);
    SinterLeftover *self;
    SinterIoStat st;
    gsize n = 0;

    if (!sinter_io_stat(io, &st, error) ||
        !sinter_io_read_some(io, 0, start, DIGEST_BYTES, &n, error))
        return NULL;
    self = g_new0(SinterLeftover, 1);
    self->path = g_strdup(path);
    self->size_bytes = st.size_bytes;
    self->digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, start, n);
    return self;
}

void
sinter_leftover_free(SinterLeftover *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_free(self->digest);
    g_free(self);
}

gboolean
sinter_leftover_is_same(const SinterLeftover *self, const SinterLeftover *other)
{
    return strcmp(self->path, other->path) == 0 && self->size_bytes == other->size_bytes &&
           strcmp(self->digest, other->digest) == 0;
}

static gboolean
leftover_check(const SinterLeftover *self, SinterIo *io, GError **error)
{
    g_autoptr(SinterLeftover) now = NULL;

    if (!sinter_io_lock(io, SINTER_IO_LOCK_ALONE, error))
        return FALSE;
    now = sinter_leftover_new(io, self->path, error);
    if (!now)
        return FALSE;
    if (sinter_leftover_is_same(now, self))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' was replaced since the merge, and is not removed", self->path);
    return FALSE;
}

gboolean
sinter_leftover_remove(const SinterLeftover *self, SinterFs *fs, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, self->path, SINTER_IO_READ, &local);

    if (!io && !g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return (!io || (leftover_check(self, io, error) && sinter_fs_remove(fs, self->path, error))) &&
           sinter_fs_sync_folder(fs, self->path, error);
}
