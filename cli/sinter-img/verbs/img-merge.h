/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-change.h"
#include "words/img-output.h"
#include "words/img-size.h"

G_BEGIN_DECLS

/* Common to the commands merge and remove: the command line, the operation, its output. */
typedef struct {
    SinterImgSource source;
    const char *top;
    const char *base;
    const char *output;
    gboolean down;
    gboolean up;
    gboolean drops_shadowed;
    gboolean deletes;
    gboolean dry_run;
    gboolean progress;
    gboolean quiet;
    guint64 rate_bytes_per_sec;
} SinterImgMerge;

/* Common rows of their option tables. */
#define SINTER_IMG_MERGE_OPTIONS                                                                   \
    SINTER_IMG_CHANGE_OPTIONS(SinterImgMerge, source),                                             \
        { "format", 'f', "FMT", "format of the top image; probed by default",                      \
          SINTER_OPTION_MEMBER(SinterImgMerge, source.format) },                                   \
        { "down", 0, NULL, "move data down", SINTER_OPTION_MEMBER(SinterImgMerge, down) },         \
        { "up", 0, NULL, "move data up", SINTER_OPTION_MEMBER(SinterImgMerge, up) },               \
        { "drop-shadowed", 0, NULL, "skip data that images above hide",                            \
          SINTER_OPTION_MEMBER(SinterImgMerge, drops_shadowed) },                                  \
        { "delete", 'd', NULL, "at the end, remove the merged files",                              \
          SINTER_OPTION_MEMBER(SinterImgMerge, deletes) },                                         \
        { "dry-run", 'n', NULL, "show what would be done, and change nothing",                     \
          SINTER_OPTION_MEMBER(SinterImgMerge, dry_run) },                                         \
        { NULL, 'r', "RATE", "limit in bytes per second",                                          \
          SINTER_IMG_SIZED(SinterImgMerge, rate_bytes_per_sec, "rate limit", G_MAXINT64) },        \
        SINTER_IMG_OUTPUT_OPTION(SinterImgMerge, output),                                          \
        { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(SinterImgMerge, progress) },  \
    {                                                                                              \
        NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(SinterImgMerge, quiet)          \
    }

/* Merges images in the chain of @given, or removes @remove (nullable) from it. Returns the exit
 * status. */
int sinter_img_merge_run(const SinterImgMerge *self, const char *given, const char *remove);

G_END_DECLS
