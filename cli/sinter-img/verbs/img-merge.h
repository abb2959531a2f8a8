/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-change.h"
#include "words/img-output.h"

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

gboolean sinter_img_merge_parse_rate(gpointer options, const char *value);

/* Rows of their tables. */
#define SINTER_IMG_MERGE_OPTIONS                                                                      \
    SINTER_IMG_CHANGE_OPTIONS(SinterImgMerge, source),                                                \
        { "format",                                                                                   \
          'f',                                                                                        \
          "FMT",                                                                                      \
          "the top image's format; otherwise it is probed",                                           \
          SINTER_IMG_MEMBER(SinterImgMerge, source.format),                                           \
          NULL },                                                                                     \
        { "down", 0, NULL, "move content down", SINTER_IMG_MEMBER(SinterImgMerge, down), NULL },      \
        { "up", 0, NULL, "move content up", SINTER_IMG_MEMBER(SinterImgMerge, up), NULL },            \
        { "drop-shadowed",                                                                            \
          0,                                                                                          \
          NULL,                                                                                       \
          "leave out what images above decide anyway",                                                \
          SINTER_IMG_MEMBER(SinterImgMerge, drops_shadowed),                                          \
          NULL },                                                                                     \
        { "delete",                                                                                   \
          'd',                                                                                        \
          NULL,                                                                                       \
          "remove the files that are left over, in the end",                                          \
          SINTER_IMG_MEMBER(SinterImgMerge, deletes),                                                 \
          NULL },                                                                                     \
        { "dry-run",                                                                                  \
          'n',                                                                                        \
          NULL,                                                                                       \
          "say what would be done, and do nothing",                                                   \
          SINTER_IMG_MEMBER(SinterImgMerge, dry_run),                                                 \
          NULL },                                                                                     \
        { NULL, 'r', "RATE", "move at most so many bytes a second", 0, sinter_img_merge_parse_rate }, \
        SINTER_IMG_OUTPUT_OPTION(SinterImgMerge, output),                                             \
        { NULL, 'p', NULL, "print percentages", SINTER_IMG_MEMBER(SinterImgMerge, progress), NULL },  \
    {                                                                                                 \
        NULL, 'q', NULL, "print nothing but errors", SINTER_IMG_MEMBER(SinterImgMerge, quiet),        \
            NULL                                                                                      \
    }

/* Merges in the chain of @given, or takes @remove (nullable) out of it. The exit status. */
int sinter_img_merge_run(const SinterImgMerge *self, const char *given, const char *remove);

G_END_DECLS
