/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * commit: moves the data of an overlay into an image below it.
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

/* Whether the image is left as it is, and so only read. */
static gboolean
commit_keeps(const CommitOptions *self)
{
    return self->keep || self->base;
}

static gboolean
commit_do(const CommitOptions *self, SinterImgProgress *progress, const SinterImgName *name)
{
    SinterCommitOptions how = {
        .fs = name->fs,
        .format = name->format,
        .base = self->base,
        .flags = SINTER_COMMIT_PROBE | (commit_keeps(self) ? SINTER_COMMIT_KEEP : 0) |
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

/* Warns about bitmaps of the base; a commit does not change those of the overlay. */
static void
commit_warn(const CommitOptions *self, const SinterImageInfo *info)
{
    g_autofree char *base =
        self->base ? sinter_image_resolve_name(info->path, self->base, NULL) : NULL;

    if (base)
        sinter_img_change_warn_of_bitmaps(NULL, base, NULL);
    else if (!self->base && info->backing_path)
        sinter_img_change_warn_of_bitmaps(NULL, info->backing_path, info->backing_format);
}

static int
commit_run(const SinterCommandCall *call, GError **error)
{
    const CommitOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterImgProgress) progress = NULL;
    gboolean done;

    if (!sinter_img_cache_check("cache option", self->source.cache))
        return 1;
    if (!sinter_img_change_begin(&name, &self->source, call->operands[0], commit_keeps(self),
                                 &info))
        return 1;
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         call->operands[0], STEP_PERCENT);
    sinter_img_progress_start(progress);
    done = commit_do(self, progress, &name);
    g_clear_pointer(&progress, sinter_img_progress_end);
    commit_warn(self, info);
    if (!done)
        return 1;
    if (!self->quiet)
        puts("Image committed.");
    return 0;
}

static const SinterOption commit_options[] = {
    SINTER_IMG_CHANGE_OPTIONS(CommitOptions, source),
    { NULL, 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(CommitOptions, source.format) },
    { NULL, 'b', "BASE", "commit into BASE, a lower image of the chain; implies -d",
      SINTER_OPTION_MEMBER(CommitOptions, base) },
    { NULL, 'd', NULL, "do not empty FILE", SINTER_OPTION_MEMBER(CommitOptions, keep) },
    { NULL, 'r', "RATE", "limit in bytes per second",
      SINTER_IMG_SIZED(CommitOptions, rate_bytes_per_sec, "rate limit", G_MAXINT64) },
    { NULL, 't', "CACHE", "cache mode of writes: none (bypass the page cache) or writeback",
      SINTER_OPTION_MEMBER(CommitOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(CommitOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(CommitOptions, quiet) },
};

const SinterCommand sinter_img_commit = {
    .name = "commit",
    .operands = "FILE",
    .summary = "Commits the changes of an overlay to its backing file, and empties the overlay",
    .options = commit_options,
    .n_options = G_N_ELEMENTS(commit_options),
    .options_size = sizeof(CommitOptions),
    .description = "After an interruption, the disk reads the same; run the command again to "
                   "finish.\nOther overlays of the base become invalid.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = commit_run,
};
