/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The option --undo-file of commands that change an image, and where the undo file is by default.
 * Invariant: an existing file is never written to.
 */

#include "img-undo-file.h"
#include "text/img-message.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEVICE_FOLDER "/var/tmp"
#define MAX_UNDO_FILES 10000

void
sinter_img_undo_file_clear(SinterImgUndoFile *self)
{
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_clear_pointer(&self->path, g_free);
}

static char *
default_base(const char *image)
{
    g_autofree char *name = NULL;
    struct stat st;

    if (stat(image, &st) < 0 || !S_ISBLK(st.st_mode))
        return g_strconcat(image, ".undo", NULL);
    name = g_path_get_basename(image);
    return g_strconcat(DEVICE_FOLDER "/", name, ".undo", NULL);
}

/* Returns the first name that is not in use; another process may still take it. */
static char *
default_path(const char *image)
{
    g_autofree char *base = default_base(image);
    g_autofree char *path = g_strdup(base);
    struct stat st;

    for (guint i = 1; i < MAX_UNDO_FILES && lstat(path, &st) == 0; i++) {
        g_free(path);
        path = g_strdup_printf("%s.%u", base, i);
    }
    return g_steal_pointer(&path);
}

gboolean
sinter_img_undo_file_begin(SinterImgUndoFile *self, const SinterImgName *name, const char *given,
                           const char *operation)
{
    SinterUndoRecording what = { .image_path = name->path, .operation = operation };
    g_autoptr(GError) error = NULL;

    if (given && strcmp(given, "none") == 0) {
        self->fs = sinter_fs_ref(name->fs);
        return TRUE;
    }
    self->path = given ? g_strdup(given) : default_path(name->path);
    what.undo_path = self->path;
    self->fs = sinter_undo_record_new(name->fs, &what, &error);
    if (!self->fs)
        sinter_img_report(error);
    return self->fs != NULL;
}

gboolean
sinter_img_undo_file_end(SinterImgUndoFile *self, gboolean says, gboolean *ret_written)
{
    SinterUndoRecorded recorded = { 0 };
    g_autoptr(GError) error = NULL;
    gboolean ok = !self->path || sinter_undo_record_finish(self->fs, &recorded, &error);

    if (!ok)
        sinter_img_report(error);
    if (ret_written)
        *ret_written = recorded.is_written;
    if (recorded.is_written && says) {
        g_autofree char *quoted = g_shell_quote(self->path);

        printf("To restore the image as it was, run: %s undo %s\n", sinter_img_program(), quoted);
    }
    return ok;
}
