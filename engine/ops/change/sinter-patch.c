/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes single bytes of an image. The driver finds the place; the bytes are written here.
 * Invariant: nothing is written before the caller has agreed to exactly these bytes.
 */

#include "sinter/patch.h"
#include "sinter-edit.h"
#include "sinter-error.h"

#include <string.h>

void
sinter_patch_change_clear(SinterPatchChange *self)
{
    g_clear_pointer(&self->what, g_free);
    g_clear_pointer(&self->note, g_free);
}

static gboolean
plan_write(SinterIo *io, const SinterPatch *patch, SinterPatchChange *ret, GError **error)
{
    guint64 size = 0;

    if (patch->n_bytes == 0 || patch->n_bytes > SINTER_PATCH_MAX_BYTES)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "between 1 and %d bytes can be written", SINTER_PATCH_MAX_BYTES);
    if (!sinter_io_get_size(io, &size, error))
        return FALSE;
    if (patch->offset > size || patch->n_bytes > size - patch->offset)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "offset %" G_GUINT64_FORMAT " is beyond the end of the file at "
                                   "%" G_GUINT64_FORMAT,
                                   patch->offset, size);
    ret->what = g_strdup("bytes");
    ret->offset = patch->offset;
    ret->length = patch->n_bytes;
    memcpy(ret->after, patch->bytes, patch->n_bytes);
    return TRUE;
}

static gboolean
plan(const SinterEdit *edit, const SinterPatch *patch, SinterPatchChange *ret, GError **error)
{
    gsize shown;

    if (patch->kind == SINTER_PATCH_WRITE) {
        if (!plan_write(edit->file.io, patch, ret, error))
            return FALSE;
    } else if (!edit->format->patch) {
        return sinter_error_refuse(error, SINTER_ERROR_UNSUPPORTED,
                                   "an image of format '%s' has no flags and tables",
                                   edit->format->name);
    } else if (!edit->format->patch(edit->file.io, patch, ret, error)) {
        return FALSE;
    }
    shown = (gsize)MIN(ret->length, SINTER_PATCH_SHOWN_BYTES);
    return sinter_io_read(edit->file.io, ret->offset, ret->before, shown, error) &&
           (ret->from == SINTER_OFFSET_NONE ||
            sinter_io_read(edit->file.io, ret->from, ret->after, shown, error));
}

/* Sets @ret to what will be at the place, and @ret_same to whether it is there already. */
static gboolean
load(SinterIo *io, const SinterPatchChange *change, guint8 **ret, gboolean *ret_same,
     GError **error)
{
    g_autofree guint8 *now = g_malloc(change->length);
    g_autofree guint8 *new = g_malloc(change->length);

    if (!sinter_io_read(io, change->offset, now, change->length, error))
        return FALSE;
    if (change->from == SINTER_OFFSET_NONE)
        memcpy(new, change->after, change->length);
    else if (!sinter_io_read(io, change->from, new, change->length, error))
        return FALSE;
    *ret_same = memcmp(now, new, change->length) == 0;
    *ret = g_steal_pointer(&new);
    return TRUE;
}

gboolean
sinter_image_patch(SinterFs *fs, const char *path, const char *format, const SinterPatch *patch,
                   gboolean *ret_changed, GError **error)
{
    g_auto(SinterPatchChange) change = { .from = SINTER_OFFSET_NONE };
    g_auto(SinterEdit) edit = { 0 };
    g_autofree guint8 *bytes = NULL;
    gboolean same = FALSE;

    *ret_changed = FALSE;
    if (!sinter_edit_open(&edit, fs, path, format, SINTER_HANDLE_DEFAULT, error))
        return FALSE;
    if (!plan(&edit, patch, &change, error) || !load(edit.file.io, &change, &bytes, &same, error)) {
        sinter_error_prefix(error, "'%s': ", path);
        return FALSE;
    }
    if (!patch->confirm(&change, patch->user_data) || same)
        return TRUE;
    *ret_changed = TRUE;
    return sinter_io_write(edit.file.io, change.offset, bytes, change.length, error) &&
           sinter_io_flush(edit.file.io, error);
}
