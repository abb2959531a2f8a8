/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rebase: changes the backing file of an overlay, or removes it.
 */

#include "img-change.h"
#include "text/img-message.h"
#include "text/img-progress.h"
#include "img-verbs.h"
#include "sinter-error.h"

#include <sinter/format.h>
#include <sinter/rebase.h>

#include <string.h>

#define STEP_PERCENT 1.0

typedef struct {
    SinterImgSource source;
    const char *source_cache; /* of backing files */
    const char *backing_name;
    const char *backing_format;
    gboolean unsafe;
    gboolean share_new;
    gboolean progress;
    gboolean quiet;
} RebaseOptions;

#define BACKING_NAME_MAX 1023

/* Reports an error with the name that was given, in qemu-img's words. */
static void
rebase_report(const RebaseOptions *self, const SinterImgName *name, SinterRebaseStage stage,
              GError *error)
{
    const char *backing = self->backing_name ? self->backing_name : "(null)";

    if (stage == SINTER_REBASE_LINKING && strlen(backing) > BACKING_NAME_MAX) {
        g_clear_error(&error);
        g_set_error_literal(&error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "Invalid argument");
    }
    if (stage == SINTER_REBASE_OPENING_NEW)
        sinter_error_prefix(&error, "Could not open new backing file '%s': ", backing);
    else if (stage == SINTER_REBASE_LINKING)
        sinter_error_prefix(&error, "Could not change the backing file to '%s': ", backing);
    sinter_img_name_report(name, error);
    g_error_free(error);
}

static gboolean
rebase_do(const RebaseOptions *self, SinterImgProgress *progress, const SinterImgName *name)
{
    gboolean direct = FALSE;
    SinterRebaseStage stage = SINTER_REBASE_OPENING;
    GError *error = NULL;
    SinterRebaseOptions how = {
        .fs = name->fs,
        .format = name->format,
        .backing_name = self->backing_name,
        .backing_format = self->backing_format,
        .flags = SINTER_REBASE_PROBE | (self->unsafe ? SINTER_REBASE_UNSAFE : 0) |
                 (name->direct ? SINTER_REBASE_DIRECT : 0) |
                 (self->share_new ? SINTER_REBASE_SHARE_NEW : 0),
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };

    if (self->source_cache && sinter_img_cache_parse(self->source_cache, &direct) && direct)
        how.flags |= SINTER_REBASE_READ_DIRECT;
    if (sinter_rebase(name->path, &how, &stage, &error)) {
        sinter_img_progress_complete(progress);
        return TRUE;
    }
    rebase_report(self, name, stage, error);
    if (stage == SINTER_REBASE_LINKING)
        sinter_img_progress_complete(progress);
    return FALSE;
}

static gboolean
rebase_check_caches(const RebaseOptions *self)
{
    if (!sinter_img_cache_check("cache option", self->source.cache))
        return FALSE;
    if (!sinter_img_cache_check("source cache option", self->source_cache))
        return FALSE;
    return TRUE;
}

static gboolean
rebase_check_format(const RebaseOptions *self)
{
    const char *format = self->backing_format;

    if (!format || sinter_format_lookup(format))
        return TRUE;
    sinter_img_error("Invalid format name: '%s'", format);
    return FALSE;
}

static int
rebase_run(const SinterCommandCall *call, GError **error)
{
    const RebaseOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterImgProgress) progress = NULL;
    gboolean done;

    if (!self->unsafe && !self->backing_name)
        return sinter_img_usage_error("Must specify backing file (-b) or use unsafe mode (-u)");
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         call->operands[0], STEP_PERCENT);
    sinter_img_progress_start(progress);
    if (!rebase_check_caches(self) ||
        !sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info) ||
        !rebase_check_format(self))
        return 1;
    done = rebase_do(self, progress, &name);
    sinter_img_change_warn_of_bitmaps(name.fs, name.path, info->format);
    return done ? 0 : 1;
}

static const SinterOption rebase_options[] = {
    SINTER_IMG_CHANGE_OPTIONS(RebaseOptions, source),
    { NULL, 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(RebaseOptions, source.format) },
    { NULL, 'b', "BACKING", "new backing file, as the image will store it; '' for none",
      SINTER_OPTION_MEMBER(RebaseOptions, backing_name) },
    { NULL, 'F', "FMT", "its format", SINTER_OPTION_MEMBER(RebaseOptions, backing_format) },
    { NULL, 'u', NULL, "change only the name; the content must be the same",
      SINTER_OPTION_MEMBER(RebaseOptions, unsafe) },
    { "force-share", 'U', NULL, "open BACKING even if another process writes to it",
      SINTER_OPTION_MEMBER(RebaseOptions, share_new) },
    { NULL, 't', "CACHE", "cache mode of writes: none (bypass the page cache) or writeback",
      SINTER_OPTION_MEMBER(RebaseOptions, source.cache) },
    { NULL, 'T', "CACHE", "cache mode of reads, as for -t",
      SINTER_OPTION_MEMBER(RebaseOptions, source_cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(RebaseOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(RebaseOptions, quiet) },
};

const SinterCommand sinter_img_rebase = {
    .name = "rebase",
    .operands = "FILE",
    .summary = "Changes the backing file of an overlay, or removes it",
    .options = rebase_options,
    .n_options = G_N_ELEMENTS(rebase_options),
    .options_size = sizeof(RebaseOptions),
    .description =
        "Without -u, data that differs in the new backing file is first copied into FILE.\nAfter "
        "an interruption, the disk reads the same; run the command again to finish.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = rebase_run,
};
