/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The output of a conversion: a new image, or an existing image that is written into. It gets its
 * name when it is complete and durable, as described for SinterOutput. The data file of a new image
 * gets its name in the same way, before the image that refers to it.
 */

#include "ops/handle/sinter-handle-internal.h"
#include "sinter-output.h"
#include "sinter/create.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;              /* a reference */
    char *path;                /* as given by the caller */
    const char *format;        /* the driver's name of it */
    SinterOutput *output;      /* the image */
    SinterOutput *data_output; /* NULL: no data file, or an existing one */
    gboolean data_replaces;    /* a data file existed before */
    SinterHandle *handle;      /* to write to */
    gboolean is_zero;          /* ranges that are not written read as zeros */
    SinterChain *bitmaps_of;   /* the chain whose bitmaps are copied at the end; NULL: none */
    gboolean skip_broken_bitmaps;
    /* (nullable): examines the complete image before it gets its name; FALSE with an error: it does
     * not get it */
    gboolean (*prove)(SinterIo *io, gpointer data, GError **error);
    gpointer prove_data;
} SinterConvertTarget;

/*
 * Opens the output at @path: a disk of image->virtual_size bytes. With @flags
 * SINTER_OUTPUT_EXISTING the image must exist and be at least as large, and only the format in
 * @image is used. @readable: see sinter_output_open(). @backing: (nullable): the open backing chain
 * of a new image; ownership is taken in any case.
 */
gboolean sinter_convert_target_open(SinterConvertTarget *self, const SinterCreateOptions *image,
                                    SinterOutputFlags flags, gboolean readable,
                                    SinterChain *backing, GError **error);

/* Makes everything durable and gives the output its name. The handle is closed in any case. */
gboolean sinter_convert_target_commit(SinterConvertTarget *self, GError **error);

/* Removes everything that was not committed. Accepts a partially opened target. */
void sinter_convert_target_clear(SinterConvertTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterConvertTarget, sinter_convert_target_clear)

G_END_DECLS
