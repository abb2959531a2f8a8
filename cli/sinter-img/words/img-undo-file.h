/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-open.h"

#include <sinter/undo.h>

G_BEGIN_DECLS

/* The option row for a command whose options have a const char * @member. */
#define SINTER_IMG_UNDO_OPTION(type, member)                                                       \
    {                                                                                              \
        "undo-file", 0, "PATH", "write the undo file here; none: write no undo file",              \
            SINTER_OPTION_MEMBER(type, member)                                                     \
    }

/* The undo file of a command that changes an image. */
typedef struct {
    SinterFs *fs; /* the operation uses it in place of the name's set */
    char *path;   /* NULL: none is written */
} SinterImgUndoFile;

/**
 * sinter_img_undo_file_begin:
 * @given: (nullable): the value of --undo-file. By default the undo file is beside the image,
 *   "IMAGE.undo" or, if that exists, "IMAGE.undo.1" and so on; for a block device it is in /var/tmp
 * @operation: what changes the image
 *
 * Returns: %FALSE with a message
 */
gboolean sinter_img_undo_file_begin(SinterImgUndoFile *self, const SinterImgName *name,
                                    const char *given, const char *operation);

/*
 * Completes the undo file, after the operation succeeded or failed; says how to use it if @says.
 * Returns FALSE with a message. @ret_written: (nullable).
 */
gboolean sinter_img_undo_file_end(SinterImgUndoFile *self, gboolean says, gboolean *ret_written);

void sinter_img_undo_file_clear(SinterImgUndoFile *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgUndoFile, sinter_img_undo_file_clear)

G_END_DECLS
