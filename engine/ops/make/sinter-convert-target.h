/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a conversion writes: an image that is made, or one that is there and written
 * into. It takes its name when it is complete and durable, as SinterOutput says; a new
 * image's data file likewise, before the image that names it.
 */

#include "ops/handle/sinter-handle-internal.h"
#include "sinter-output.h"
#include "sinter/create.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;              /* a reference */
    char *path;                /* as it was asked for */
    const char *format;        /* its name, the driver's */
    SinterOutput *output;      /* the image */
    SinterOutput *data_output; /* NULL: none, or one that was there */
    gboolean data_replaces;    /* a data file was there before */
    SinterHandle *handle;      /* to write to */
    gboolean is_zero;          /* what is not written reads as zeros */
    SinterChain *bitmaps_of;   /* NULL: nobody's; whose bitmaps it gets at the end */
    gboolean skip_broken_bitmaps;
} SinterConvertTarget;

/*
 * Opens what will be at @path: a disk of image->virtual_size bytes. With @flags
 * SINTER_OUTPUT_EXISTING the image is there, at least as large, and of @image nothing but the
 * format counts. @readable: see sinter_output_open(). @backing: (nullable): what a new image stands
 * on, open; taken in any case.
 */
gboolean sinter_convert_target_open(SinterConvertTarget *self, const SinterCreateOptions *image,
                                    SinterOutputFlags flags, gboolean readable,
                                    SinterChain *backing, GError **error);

/* Makes all durable, and gives it its name. The handle is gone in any case. */
gboolean sinter_convert_target_commit(SinterConvertTarget *self, GError **error);

/* What was not committed goes away. Accepts what was only begun. */
void sinter_convert_target_clear(SinterConvertTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterConvertTarget, sinter_convert_target_clear)

G_END_DECLS
