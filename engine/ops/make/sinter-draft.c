/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files that do not have their final names yet, and the removal of leftover ones. Invariant: a
 * draft that is visible is either locked or will not be used by its creator. A draft that is not
 * locked can therefore be removed; the process that removes it holds the lock until the name is
 * removed.
 */

#include "sinter-draft.h"
#include "sinter-error.h"
#include "sinter-output-error.h"

#include <string.h>

#define SUFFIX ".part"
#define HEX_DIGITS 16
/* Another process may remove a new draft before it is locked, but this does not happen
 * repeatedly. */
#define TRIES 10

struct _SinterDraft {
    SinterFs *fs;
    SinterIo *io;
    char *path;   /* the final name */
    char *hidden; /* the current name; NULL: none, or the final one */
};

/* Returns the common beginning of the hidden names for @path, without their folder. */
static char *
hidden_prefix(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);

    return g_strdup_printf(".%.200s.", base);
}

static char *
hidden_name(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *prefix = hidden_prefix(path);
    g_autofree char *name =
        g_strdup_printf("%s%08x%08x" SUFFIX, prefix, g_random_int(), g_random_int());

    return g_build_filename(folder, name, NULL);
}

static gboolean
is_hidden_name(const char *name, const char *prefix)
{
    gsize n = strlen(prefix);

    return g_str_has_prefix(name, prefix) && strlen(name) == n + HEX_DIGITS + strlen(SUFFIX) &&
           strspn(name + n, "0123456789abcdef") == HEX_DIGITS && g_str_has_suffix(name, SUFFIX);
}

/* Removes the draft @path if no process is using it. */
static void
sweep_one(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_FOLLOW, NULL);
    SinterIoStat st;

    /* any user with write access to the folder may have created this: do not follow a link to a
     * file in use */
    if (io && sinter_io_stat(io, &st, NULL) && !st.is_block_device && st.n_links <= 1 &&
        sinter_io_lock(io, SINTER_IO_LOCK_ALONE, NULL))
        sinter_fs_remove(fs, path, NULL);
}

/* Drafts that cannot be removed are kept; they do no harm. */
static void
sweep(SinterFs *fs, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *prefix = hidden_prefix(path);
    g_autoptr(GPtrArray) names = sinter_fs_list(fs, path, NULL);

    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *found = g_build_filename(folder, name, NULL);

        if (is_hidden_name(name, prefix))
            sweep_one(fs, found);
    }
}

static void
draft_drop(SinterDraft *self)
{
    if (self->hidden)
        sinter_fs_remove(self->fs, self->hidden, NULL);
    g_clear_pointer(&self->hidden, g_free);
    g_clear_pointer(&self->io, sinter_io_unref);
}

static gboolean
draft_open_unnamed(SinterDraft *self, SinterIoFlags io_flags)
{
    self->io = sinter_fs_open_unnamed(self->fs, self->path, io_flags, NULL);
    if (self->io && sinter_io_lock(self->io, SINTER_IO_LOCK_WRITE, NULL))
        return TRUE;
    draft_drop(self);
    return FALSE;
}

static gboolean
draft_open_hidden(SinterDraft *self, SinterIoFlags io_flags, GError **error)
{
    g_autofree char *hidden = hidden_name(self->path);
    g_autoptr(GError) local = NULL;

    self->io = sinter_fs_open(self->fs, hidden, io_flags | SINTER_IO_CREATE, &local);
    if (!self->io) {
        sinter_output_set_error(error, SINTER_STAGE_CREATE, self->path, hidden, local);
        return FALSE;
    }
    self->hidden = g_steal_pointer(&hidden);
    return sinter_io_lock(self->io, SINTER_IO_LOCK_WRITE, error);
}

/* Retries if another process removed the draft. */
static gboolean
draft_open(SinterDraft *self, SinterIoFlags io_flags, GError **error)
{
    if (draft_open_unnamed(self, io_flags))
        return TRUE;
    for (guint i = 1;; i++) {
        g_autoptr(GError) local = NULL;
        gboolean was_swept;

        if (draft_open_hidden(self, io_flags, &local))
            return TRUE;
        was_swept = self->io && (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_LOCKED) ||
                                 g_error_matches(local, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED));
        draft_drop(self);
        if (was_swept && i < TRIES)
            continue;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
}

SinterDraft *
sinter_draft_new(SinterFs *fs, const char *path, SinterIoFlags io_flags, GError **error)
{
    g_autoptr(SinterDraft) self = g_new0(SinterDraft, 1);

    self->fs = sinter_fs_ref(fs);
    self->path = g_strdup(path);
    sweep(fs, path);
    if (!draft_open(self, io_flags, error))
        return NULL;
    /* no write order is needed in a file that may disappear as a whole */
    sinter_io_defer_flushes(self->io, TRUE);
    return g_steal_pointer(&self);
}

SinterIo *
sinter_draft_get_io(SinterDraft *self)
{
    return self->io;
}

const char *
sinter_draft_get_name(SinterDraft *self, GError **error)
{
    g_autofree char *hidden = NULL;

    if (self->hidden)
        return self->hidden;
    hidden = hidden_name(self->path);
    if (sinter_fs_link(self->fs, self->io, hidden, error))
        self->hidden = g_steal_pointer(&hidden);
    return self->hidden;
}

/* Another process may have replaced the file that is to be replaced. */
static gboolean
is_still_there(SinterDraft *self, SinterIo *former, GError **error)
{
    g_autoptr(SinterIo) io =
        sinter_fs_open(self->fs, self->path, SINTER_IO_READ | SINTER_IO_NO_LOCK, error);

    if (io && sinter_io_is_same_file(io, former))
        return TRUE;
    if (io)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                    "'%s' was replaced by another file since it was opened, and is kept",
                    self->path);
    return FALSE;
}

gboolean
sinter_draft_commit(SinterDraft *self, SinterIo *former, GError **error)
{
    sinter_io_defer_flushes(self->io, FALSE);
    /* do the slow part before there is a name that could be left behind */
    if (!self->hidden && (!sinter_io_flush(self->io, error) || !sinter_draft_get_name(self, error)))
        return FALSE;
    /* flush again, now with a name: btrfs does not log the flushed data of a file without a name */
    if (!sinter_io_flush(self->io, error) || (former && !is_still_there(self, former, error)) ||
        !sinter_fs_rename(self->fs, self->hidden, self->path, former != NULL, error))
        return FALSE;
    g_clear_pointer(&self->hidden, g_free);
    return sinter_fs_sync_folder(self->fs, self->path, error);
}

void
sinter_draft_free(SinterDraft *self)
{
    if (!self)
        return;
    draft_drop(self);
    sinter_fs_unref(self->fs);
    g_free(self->path);
    g_free(self);
}
