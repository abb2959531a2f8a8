/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "words/img-open.h"

#include <sinter/image.h>

G_BEGIN_DECLS

/* Rows of a verb's table whose options hold a SinterImgSource as @member, but -f and -U. */
#define SINTER_IMG_CHANGE_OPTIONS(type, member)                                                    \
    { "image-opts", 0, NULL, "file names are driver=FMT,file.filename=FILE",                       \
      SINTER_OPTION_MEMBER(type, member.image_opts) },                                             \
    {                                                                                              \
        "object", 0, "OBJECT", NULL, .take = sinter_img_refuse_object                              \
    }

/*
 * A name on the command line as an image that is to be changed. Looks into it, without a lock, for
 * its format, and warns where that was told by the content and is raw. FALSE after a message.
 */
gboolean sinter_img_change_begin(SinterImgName *name, const SinterImgSource *source,
                                 const char *given, SinterImageInfo **ret_info);

/* Whether @error is about opening @name, and not about what was to be done. */
gboolean sinter_img_change_is_open_error(const SinterImgName *name, const GError *error);

/* The line that qemu-img prints below some messages, after @error was told. */
void sinter_img_change_hint(const GError *error);

G_END_DECLS
