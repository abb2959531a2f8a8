/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preparations that are common to commands that change an image. Invariant: the change itself takes
 * the locks of the image; here only its first bytes are read. The file is opened once: the change
 * gets the open file through the set of files of the name.
 */

#include "img-change.h"
#include "text/img-message.h"

#include <stdio.h>
#include <string.h>

static void
warn_of_raw(const char *given)
{
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         Automatically detecting the format is dangerous for raw images, write "
            "operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the restrictions.\n",
            given);
}

gboolean
sinter_img_change_begin(SinterImgName *name, const SinterImgSource *source, const char *given,
                        gboolean reads_only, SinterImageInfo **ret_info)
{
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GError) error = NULL;

    if (!sinter_img_name_parse(name, source, given))
        return FALSE;
    if (name->no_backing || name->is_null) {
        sinter_img_error("Could not open '%s': an image that is changed is named with its backing "
                         "file",
                         given);
        return FALSE;
    }
    io = sinter_img_open_unlocked(name, reads_only ? SINTER_IO_READ
                                                   : SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE);
    info = io ? sinter_image_info_new_for_io(io, name->format, &error) : NULL;
    if (error)
        sinter_img_name_report(name, error);
    if (!info || !sinter_img_name_check_options(name, info->format))
        return FALSE;
    if (!name->format && strcmp(info->format, "raw") == 0)
        warn_of_raw(name->path);
    *ret_info = g_steal_pointer(&info);
    return TRUE;
}

gboolean
sinter_img_change_is_open_error(const SinterImgName *name, const GError *error)
{
    return sinter_error_is_about(error, SINTER_STAGE_OPEN, name->path);
}

void
sinter_img_change_hint(const GError *error)
{
    if (sinter_error_find(error, SINTER_STAGE_USE_BITMAP))
        fprintf(stderr, "Try '%s bitmap --remove' to delete this bitmap from disk\n",
                sinter_img_program());
}

void
sinter_img_change_warn_of_bitmaps(SinterFs *given_fs, const char *path, const char *format)
{
    g_autoptr(SinterFs) fs = given_fs ? sinter_fs_ref(given_fs) : sinter_fs_new_host(NULL, NULL);
    g_autoptr(SinterIo) io =
        fs ? sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL) : NULL;
    g_autoptr(GPtrArray) list = io ? sinter_image_list_bitmaps(io, format, NULL) : NULL;

    for (guint i = 0; list && i < list->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(list, i);
        g_autofree char *shown = sinter_img_name(bitmap->name);

        if (bitmap->in_use)
            sinter_img_warning("the bitmap '%s' of '%s' was not stored at the end of its last use: "
                               "it does not record all changes, and can only be removed",
                               shown, path);
    }
}
