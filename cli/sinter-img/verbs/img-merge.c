/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * merge: merges several consecutive images of a chain into one. remove is a kind of merge too, so
 * its implementation is here.
 */

#include "img-change.h"
#include "img-merge.h"
#include "img-verbs.h"
#include "text/img-merge-text.h"
#include "text/img-message.h"
#include "text/img-progress.h"

#include <stdio.h>

#define STEP_PERCENT 1.0

static void
merge_fill_options(const SinterImgMerge *self, const SinterImgName *name, const char *remove,
                   SinterMergeOptions *how)
{
    *how = (SinterMergeOptions){
        .format = name->format,
        .top = self->top,
        .base = self->base,
        .remove = remove,
        .direction = self->down ? SINTER_MERGE_DOWN
                     : self->up ? SINTER_MERGE_UP
                                : SINTER_MERGE_CHEAPER,
        .flags = SINTER_MERGE_PROBE | (self->drops_shadowed ? SINTER_MERGE_DROP_SHADOWED : 0) |
                 (self->deletes ? SINTER_MERGE_DELETE : 0),
        .rate_bytes_per_sec = self->rate_bytes_per_sec,
    };
}

/* Also with an error the plan is returned if the chain has the result. */
static SinterMergePlan *
merge_do(const SinterImgMerge *self, const char *given, const char *path, SinterMergeOptions *how,
         GError **error)
{
    g_autoptr(SinterImgProgress) progress = NULL;
    SinterMergePlan *plan = NULL;

    if (self->dry_run)
        return sinter_merge_plan_new(path, how, error);
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         given, STEP_PERCENT);
    how->cancellable = sinter_img_progress_get_cancellable(progress);
    how->progress = sinter_img_progress_get(progress);
    sinter_img_progress_start(progress);
    if (sinter_merge(path, how, &plan, error))
        sinter_img_progress_complete(progress);
    return plan;
}

static void
warn_of_bitmaps(const SinterMergePlan *plan)
{
    for (gsize i = 0; plan->lost_bitmaps[i]; i++) {
        g_autofree char *name = sinter_img_error_name(plan->lost_bitmaps[i]);
        g_autofree char *file = sinter_img_error_name(plan->lost_bitmap_files[i]);

        sinter_img_warning("the merged image does not have the bitmap '%s' of '%s'", name, file);
    }
    sinter_img_change_warn_of_bitmaps(NULL, plan->result, plan->result_format);
}

static gboolean
is_there(const char *name, const char *top)
{
    g_autofree char *folder = g_path_get_dirname(top);
    g_autofree char *beside = g_build_filename(folder, name, NULL);

    return g_file_test(name, G_FILE_TEST_EXISTS) ||
           (!g_path_is_absolute(name) && g_file_test(beside, G_FILE_TEST_EXISTS));
}

/*
 * Returns whether the error says that the command has been run before: the whole chain is one
 * image, or the named image is no longer in the chain, and its file was kept or removed as the
 * command does it.
 */
static gboolean
is_done_already(const SinterImgMerge *self, const char *remove, const char *top,
                const GError *error)
{
    const char *name = remove ? remove : self->top;

    if (sinter_error_get_stage(error) == SINTER_STAGE_CHOOSE_RANGE)
        return !self->top && !self->base;
    return name && sinter_error_is_about(error, SINTER_STAGE_FIND_MEMBER, name) &&
           is_there(name, top) != self->deletes;
}

static int
merge_report(const SinterImgMerge *self, const SinterImgName *name, const char *remove,
             const GError *error)
{
    if (!is_done_already(self, remove, name->path, error)) {
        sinter_img_name_report(name, error);
        return 1;
    }
    if (!self->quiet) {
        g_autofree char *shown = sinter_img_error_name(error->message);

        fprintf(stderr, "Nothing left to do: %s\n", shown);
    }
    return 0;
}

/*
 * The top image may be a file to be removed, so the journal of an interrupted merge must be found
 * without it: only files that exist are opened.
 */
int
sinter_img_merge_run(const SinterImgMerge *self, const char *given, const char *remove)
{
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterMergePlan) plan = NULL;
    g_autoptr(GError) error = NULL;
    SinterMergeOptions how;
    gboolean json;

    if (!sinter_img_output_parse(self->output, &json))
        return 1;
    if (self->down && self->up) {
        sinter_img_error("--down and --up are mutually exclusive");
        return 1;
    }
    if (!sinter_img_name_parse(&name, &self->source, given))
        return 1;
    merge_fill_options(self, &name, remove, &how);
    plan = merge_do(self, given, name.path, &how, &error);
    if (plan && !self->dry_run)
        warn_of_bitmaps(plan);
    if (error)
        return merge_report(self, &name, remove, error);
    if (!self->quiet || json || self->dry_run)
        sinter_img_merge_print(plan, json, self->dry_run);
    return 0;
}

static int
merge_run(const SinterCommandCall *call, GError **error)
{
    return sinter_img_merge_run(call->options, call->operands[0], NULL);
}

static const SinterOption merge_options[] = {
    { "top", 't', "T", "highest image to merge; default: FILE",
      SINTER_OPTION_MEMBER(SinterImgMerge, top) },
    { "base", 'b', "B", "lowest image to merge; default: the base of the chain",
      SINTER_OPTION_MEMBER(SinterImgMerge, base) },
    SINTER_IMG_MERGE_OPTIONS,
};

const SinterCommand sinter_img_merge = {
    .name = "merge",
    .operands = "FILE",
    .summary = "Merges consecutive images of a chain into one",
    .options = merge_options,
    .n_options = G_N_ELEMENTS(merge_options),
    .options_size = sizeof(SinterImgMerge),
    .description = "FILE is the top image of the chain; T and B are images of the chain. Data "
                   "moves down\ninto B or up into T, whichever moves less, and the result becomes "
                   "the backing file of\nthe image above T. After an interruption, the disk reads "
                   "the same; run the command\nagain to finish.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = merge_run,
};
