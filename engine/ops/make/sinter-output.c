/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Creates files that appear completely or not at all. Invariant: nothing with the final name
 * changes before commit() has made the new content durable, unless the file is written in place. A
 * file that is written in place is locked against every other user from before its first change to
 * the end.
 */

#include "sinter-output.h"
#include "sinter-output-error.h"
#include "sinter-draft.h"
#include "sinter-error.h"
#include "sinter-file.h"

struct _SinterOutput {
    SinterFs *fs;
    SinterIo *io;     /* for writing in place; NULL: there is a draft */
    SinterIo *former; /* the file to be replaced, open and locked; NULL: none */
    char *path;       /* the file itself, with links resolved */
    SinterDraft *draft;
    gboolean is_zero;
};

static gboolean
output_make_draft(SinterOutput *self, SinterOutputFlags flags, GError **error)
{
    SinterIoFlags direct = flags & SINTER_OUTPUT_DIRECT ? SINTER_IO_DIRECT : 0;

    self->draft = sinter_draft_new(self->fs, self->path, direct, error);
    self->is_zero = TRUE;
    return self->draft != NULL;
}

/* Opens the existing file and locks it against all other users. */
static gboolean
output_claim(SinterOutput *self, SinterOutputFlags flags, GError **error)
{
    SinterIoFlags how = SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE;

    if (flags & SINTER_OUTPUT_DIRECT)
        how |= SINTER_IO_DIRECT;
    self->former = sinter_fs_open(self->fs, self->path, how, error);
    return self->former && sinter_io_lock(self->former, SINTER_IO_LOCK_WRITE, error);
}

/*
 * Creates a draft if it can replace the existing file without a visible difference. Returns no
 * draft and no error if it cannot. Any other failure must not destroy the content of the existing
 * file.
 */
static gboolean
output_try_draft(SinterOutput *self, const SinterIoStat *st, SinterOutputFlags flags,
                 GError **error)
{
    g_autoptr(GError) local = NULL;

    if (st->is_block_device || st->n_links > 1 || sinter_io_is_mount(self->former))
        return TRUE;
    if (!output_make_draft(self, flags, &local)) {
        if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (!sinter_io_adopt(sinter_draft_get_io(self->draft), self->former, NULL))
        g_clear_pointer(&self->draft, sinter_draft_free);
    return TRUE;
}

static gboolean
output_open_existing(SinterOutput *self, SinterOutputFlags flags, GError **error)
{
    SinterIoStat st;

    if (!output_claim(self, flags, error) || !sinter_io_stat(self->former, &st, error))
        return FALSE;
    if (!(flags & SINTER_OUTPUT_EXISTING) && !output_try_draft(self, &st, flags, error))
        return FALSE;
    if (self->draft)
        return TRUE;
    if (flags & SINTER_OUTPUT_REPLACE)
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "it cannot be replaced by a new file: it is a block device or a "
                                   "mount point, has several names, or its owner or directory does "
                                   "not allow it");
    self->io = g_steal_pointer(&self->former);
    self->is_zero = !(flags & SINTER_OUTPUT_EXISTING) && !st.is_block_device;
    return !self->is_zero || sinter_io_truncate(self->io, 0, error);
}

/* Sets the error for an existing file that cannot be opened; an error that names the lock holder is
 * passed on unchanged. */
static void
output_tell_existing(SinterOutput *self, const char *path, SinterOutputFlags flags,
                     const GError *cause, GError **error)
{
    if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_LOCKED))
        g_propagate_error(error, g_error_copy(cause));
    else
        sinter_output_set_error(error,
                                flags & (SINTER_OUTPUT_EXISTING | SINTER_OUTPUT_REPLACE)
                                    ? SINTER_STAGE_OPEN
                                    : SINTER_STAGE_CREATE,
                                path, self->path ? self->path : path, cause);
}

SinterOutput *
sinter_output_open(SinterFs *fs, const char *path, SinterOutputFlags flags, gboolean readable,
                   GError **error)
{
    g_autoptr(SinterOutput) self = g_new0(SinterOutput, 1);
    g_autoptr(GError) local = NULL;
    guint32 mode = 0600 | (readable ? 0044 & ~sinter_file_get_umask() : 0);

    self->fs = sinter_fs_ref(fs);
    self->path = sinter_fs_resolve(fs, path, &local);
    if (self->path && output_open_existing(self, flags, &local))
        return g_steal_pointer(&self);
    if ((flags & (SINTER_OUTPUT_EXISTING | SINTER_OUTPUT_REPLACE)) ||
        !g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        output_tell_existing(self, path, flags, local, error);
        return NULL;
    }
    if (!self->path)
        self->path = g_strdup(path);
    if (!output_make_draft(self, flags, error) ||
        !sinter_io_set_mode(sinter_draft_get_io(self->draft), mode, error))
        return NULL;
    return g_steal_pointer(&self);
}

SinterIo *
sinter_output_get_io(SinterOutput *self)
{
    return self->draft ? sinter_draft_get_io(self->draft) : self->io;
}

const char *
sinter_output_get_name(SinterOutput *self, GError **error)
{
    return self->draft ? sinter_draft_get_name(self->draft, error) : self->path;
}

gboolean
sinter_output_is_zero(SinterOutput *self)
{
    return self->is_zero;
}

gboolean
sinter_output_remove_former(SinterOutput *self, GError **error)
{
    if (!self->draft || !self->former)
        return TRUE;
    if (!sinter_fs_remove(self->fs, self->path, error) ||
        !sinter_fs_sync_folder(self->fs, self->path, error))
        return FALSE;
    g_clear_pointer(&self->former, sinter_io_unref);
    return TRUE;
}

gboolean
sinter_output_commit(SinterOutput *self, GError **error)
{
    return self->draft ? sinter_draft_commit(self->draft, self->former, error)
                       : sinter_io_flush(self->io, error);
}

void
sinter_output_free(SinterOutput *self)
{
    if (!self)
        return;
    sinter_draft_free(self->draft);
    sinter_io_unref(self->io);
    sinter_io_unref(self->former);
    sinter_fs_unref(self->fs);
    g_free(self->path);
    g_free(self);
}
