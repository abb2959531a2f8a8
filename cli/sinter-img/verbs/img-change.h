/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "words/img-open.h"

#include <sinter/image.h>

G_BEGIN_DECLS

/* Option rows for a command whose options have a SinterImgSource @member, except -f and -U. */
#define SINTER_IMG_CHANGE_OPTIONS(type, member)                                                    \
    { "image-opts", 0, NULL, "file names are driver=FMT,file.filename=FILE",                       \
      SINTER_OPTION_MEMBER(type, member.image_opts) },                                             \
    {                                                                                              \
        "object", 0, "OBJECT", NULL, .take = sinter_img_refuse_object                              \
    }

/*
 * Parses a name on the command line as an image to be changed or, with @reads_only, as one that the
 * change only reads. Opens the image, probes its format without a lock, and warns if the format was
 * probed and is raw. The change must use name->fs, which has the open file. Returns FALSE after a
 * message.
 */
gboolean sinter_img_change_begin(SinterImgName *name, const SinterImgSource *source,
                                 const char *given, gboolean reads_only,
                                 SinterImageInfo **ret_info);

/* Returns whether @error is about opening @name, not about the requested change. */
gboolean sinter_img_change_is_open_error(const SinterImgName *name, const GError *error);

/* Prints the line that qemu-img prints below some messages; call it after @error was printed. */
void sinter_img_change_hint(const GError *error);

/*
 * Call this after an operation on the image at @path: warns about each of its dirty bitmaps that is
 * marked "in use", by this operation or by an earlier interrupted one, and that therefore no longer
 * records all changes. @fs: (nullable): the set that has the image open. @format: nullable.
 */
void sinter_img_change_warn_of_bitmaps(SinterFs *fs, const char *path, const char *format);

G_END_DECLS
