/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * commit: moves what an overlay decides into an image below it.
 */

#include "img-change.h"
#include "text/img-message.h"
#include "text/img-progress.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <sinter/commit.h>

#include <stdio.h>

#define STEP_PERCENT 1.0

typedef struct {
    SinterImgSource source;
    const char *base;
    gboolean keep;
    gboolean progress;
    gboolean quiet;
    guint64 rate_bytes_per_sec;
} CommitOptions;

static gboolean
commit_do(const CommitOptions *self, SinterImgProgress *progress, const SinterImgName *name)
{
    SinterCommitOptions how = {
        .format = name->format,
        .base = self->base,
        .flags = SINTER_COMMIT_PROBE | (self->keep || self->base ? SINTER_COMMIT_KEEP : 0) |
                 (name->direct ? SINTER_COMMIT_DIRECT : 0),
        .rate_bytes_per_sec = self->rate_bytes_per_sec,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };
    g_autoptr(GError) error = NULL;

    if (sinter_commit(name->path, &how, &error)) {
        sinter_img_progress_complete(progress);
        return TRUE;
    }
    sinter_img_name_report(name, error);
    return FALSE;
}

static int
commit_run(const SinterCommandCall *call, GError **error)
{
    const CommitOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterImgProgress) progress = NULL;

    if (!sinter_img_cache_check("cache option", self->source.cache))
        return 1;
    if (!sinter_img_change_begin(&name, &self->source, call->operands[0], &info))
        return 1;
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         call->operands[0], STEP_PERCENT);
    sinter_img_progress_start(progress);
    if (!commit_do(self, progress, &name))
        return 1;
    g_clear_pointer(&progress, sinter_img_progress_end);
    if (!self->quiet)
        puts("Image committed.");
    return 0;
}

static const SinterOption commit_options[] = {
    SINTER_IMG_CHANGE_OPTIONS(CommitOptions, source),
    { NULL, 'f', "FMT", "the image's format; otherwise it is probed",
      SINTER_OPTION_MEMBER(CommitOptions, source.format) },
    { NULL, 'b', "BASE", "commit into BASE, further down in the chain; implies -d",
      SINTER_OPTION_MEMBER(CommitOptions, base) },
    { NULL, 'd', NULL, "leave FILE as it is; otherwise it is emptied",
      SINTER_OPTION_MEMBER(CommitOptions, keep) },
    { NULL, 'r', "RATE", "move at most so many bytes a second",
      SINTER_IMG_SIZED(CommitOptions, rate_bytes_per_sec, "rate limit", G_MAXINT64) },
    { NULL, 't', "CACHE", "how to write: none (past the page cache) or writeback",
      SINTER_OPTION_MEMBER(CommitOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(CommitOptions, progress) },
    { NULL, 'q', NULL, "print nothing but errors", SINTER_OPTION_MEMBER(CommitOptions, quiet) },
};

const SinterCommand sinter_img_commit = {
    .name = "commit",
    .operands = "FILE",
    .summary = "Moves what an overlay decides into its backing file, and empties it",
    .options = commit_options,
    .n_options = G_N_ELEMENTS(commit_options),
    .options_size = sizeof(CommitOptions),
    .description =
        "Whatever interrupts it, the disk reads the same, and the same command finishes it.\n"
        "Other overlays of the base are ruined by the change.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = commit_run,
};
