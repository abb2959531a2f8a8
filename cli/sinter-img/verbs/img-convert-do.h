/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "words/img-open.h"
#include "text/img-progress.h"
#include "words/img-snapshot-name.h"

G_BEGIN_DECLS

/* A conversion as given on the command line. */
typedef struct {
    SinterImgSource source;
    const char *target_format;
    const char *target_cache;
    const char *backing_file;
    const char *backing_format;
    char *list; /* all -o options, joined */
    SinterImgSnapshot snapshot;
    gboolean target_image_opts;
    gboolean target_is_zero;
    gboolean bitmaps;
    gboolean skip_broken_bitmaps;
    gboolean salvage;
    gboolean compress;
    gboolean offload;
    gboolean existing;
    gboolean unordered;
    gboolean progress;
    gboolean quiet;
    gboolean verbose;
    gboolean has_sparse;
    guint64 sparse_bytes;
    guint64 rate_bytes_per_sec;
    guint n_threads;
} SinterImgConvertOptions;

/* "raw" if none is given. */
const char *sinter_img_convert_format(const SinterImgConvertOptions *self);

/* @operands: the sources, then the target. Returns FALSE after a message. */
gboolean sinter_img_convert_do(const SinterImgConvertOptions *self, SinterImgProgress *progress,
                               char **operands, int n_operands);

G_END_DECLS
