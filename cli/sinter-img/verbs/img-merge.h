/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-change.h"
#include "words/img-output.h"
#include "words/img-size.h"

G_BEGIN_DECLS

/* What the verbs merge and remove have in common: the command line, the work, what is said of it.
 */
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

/* Rows of their tables. */
#define SINTER_IMG_MERGE_OPTIONS                                                                   \
    SINTER_IMG_CHANGE_OPTIONS(SinterImgMerge, source),                                             \
        { "format", 'f', "FMT", "the top image's format; otherwise it is probed",                  \
          SINTER_OPTION_MEMBER(SinterImgMerge, source.format) },                                   \
        { "down", 0, NULL, "move content down", SINTER_OPTION_MEMBER(SinterImgMerge, down) },      \
        { "up", 0, NULL, "move content up", SINTER_OPTION_MEMBER(SinterImgMerge, up) },            \
        { "drop-shadowed", 0, NULL, "leave out what images above decide anyway",                   \
          SINTER_OPTION_MEMBER(SinterImgMerge, drops_shadowed) },                                  \
        { "delete", 'd', NULL, "remove the files that are left over, in the end",                  \
          SINTER_OPTION_MEMBER(SinterImgMerge, deletes) },                                         \
        { "dry-run", 'n', NULL, "say what would be done, and do nothing",                          \
          SINTER_OPTION_MEMBER(SinterImgMerge, dry_run) },                                         \
        { NULL, 'r', "RATE", "move at most so many bytes a second",                                \
          SINTER_IMG_SIZED(SinterImgMerge, rate_bytes_per_sec, "rate limit", G_MAXINT64) },        \
        SINTER_IMG_OUTPUT_OPTION(SinterImgMerge, output),                                          \
        { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(SinterImgMerge, progress) },  \
    {                                                                                              \
        NULL, 'q', NULL, "print nothing but errors", SINTER_OPTION_MEMBER(SinterImgMerge, quiet)   \
    }

/* Merges in the chain of @given, or takes @remove (nullable) out of it. The exit status. */
int sinter_img_merge_run(const SinterImgMerge *self, const char *given, const char *remove);

G_END_DECLS
