/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rescue: finds tables and data that damaged metadata no longer refers to, and gives them back
 * their place on request. Without a request nothing is changed.
 */

#include "text/img-json.h"
#include "text/img-message.h"
#include "text/img-progress.h"
#include "text/img-rescue-text.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "words/img-undo-file.h"
#include "img-verbs.h"

#include <sinter/rescue.h>

#define NOT_DONE 1
#define NOT_APPLIED 2
#define STEP_PERCENT 1.0
#define MAX_STEPS 100
#define SIZE_MAX_BYTES G_MAXINT64

typedef struct {
    const char *format;
    const char *output;
    const char *backing_name;
    const char *backing_format;
    const char *lost_found;
    const char *undo_file;
    gboolean has_no_backing;
    gboolean apply;
    gboolean apply_likely;
    gboolean quiet;
    gboolean progress;
    guint64 cluster_bytes;
    guint64 virtual_bytes;
    guint64 max_steps;
} RescueOptions;

static SinterRescueResult *
rescue_image(const RescueOptions *self, SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(SinterImgProgress) progress = sinter_img_progress_begin(
        sinter_img_progress_mode(self->quiet, self->progress), path, STEP_PERCENT);
    const SinterRescueOptions options = {
        .apply = self->apply_likely ? SINTER_RESCUE_LIKELY
                 : self->apply      ? SINTER_RESCUE_CERTAIN
                                    : SINTER_RESCUE_NONE,
        .cluster_bytes = self->cluster_bytes,
        .virtual_bytes = self->virtual_bytes,
        .backing_name = self->backing_name,
        .backing_format = self->backing_format,
        .has_no_backing = self->has_no_backing,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };
    SinterRescueResult *result = sinter_image_rescue(fs, path, self->format, &options, error);

    if (result)
        sinter_img_progress_complete(progress);
    return result;
}

/* The same, with an undo file if it may change the image. */
static SinterRescueResult *
rescue_recorded(const RescueOptions *self, const SinterImgName *name, gboolean json, GError **error)
{
    g_auto(SinterImgUndoFile) undo = { 0 };
    g_autoptr(SinterRescueResult) result = NULL;

    if (!self->apply && !self->apply_likely)
        return rescue_image(self, name->fs, name->path, error);
    if (!sinter_img_undo_file_begin(&undo, name, self->undo_file, "rescue"))
        return NULL;
    result = rescue_image(self, undo.fs, name->path, error);
    return sinter_img_undo_file_end(&undo, !self->quiet && !json, NULL) ? g_steal_pointer(&result)
                                                                        : NULL;
}

static void
rescue_tell(const RescueOptions *self, const SinterRescueResult *result, const char *name,
            gboolean json)
{
    g_autoptr(JsonNode) node = NULL;

    if (json && !self->quiet) {
        node = sinter_img_rescue_to_json(result, name);
        sinter_img_json_print(node);
    } else if (!self->quiet) {
        sinter_img_rescue_print_human(result, self->max_steps ? self->max_steps : MAX_STEPS);
    }
    if (result->question)
        sinter_img_error("Nothing can be applied to '%s': %s", name, result->question);
}

static int
rescue_status(const RescueOptions *self, const SinterRescueResult *result)
{
    if (result->question)
        return NOT_DONE;
    return result->steps->len == 0 || result->applied ? 0 : NOT_APPLIED;
}

static int
rescue_run(const SinterCommandCall *call, GError **error)
{
    const RescueOptions *self = call->options;
    const char *path = call->operands[0];
    const SinterImgSource source = { .format = self->format };
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterRescueResult) result = NULL;
    gboolean json;

    if (!sinter_img_output_parse(self->output, &json))
        return NOT_DONE;
    if (self->has_no_backing && self->backing_name)
        return sinter_img_usage_error("-b and --no-backing cannot be used together");
    if (self->backing_format && !self->backing_name)
        return sinter_img_usage_error("-F requires -b");
    if (!sinter_img_name_parse(&name, &source, path))
        return NOT_DONE;
    result = rescue_recorded(self, &name, json, error);
    if (!result)
        return NOT_DONE;
    rescue_tell(self, result, path, json);
    if (self->lost_found && !sinter_rescue_result_extract(result, name.fs, self->lost_found, error))
        return NOT_DONE;
    return rescue_status(self, result);
}

static const SinterOption rescue_options[] = {
    { "format", 'f', "FMT", "image format; required if the header is lost",
      SINTER_OPTION_MEMBER(RescueOptions, format) },
    SINTER_IMG_OUTPUT_OPTION(RescueOptions, output),
    { "apply", 0, NULL, "apply the certain steps", SINTER_OPTION_MEMBER(RescueOptions, apply) },
    { "apply-likely", 0, NULL, "also apply the likely steps",
      SINTER_OPTION_MEMBER(RescueOptions, apply_likely) },
    { "lost-found", 0, "DIR", "copy data without a place into files in this directory",
      SINTER_OPTION_MEMBER(RescueOptions, lost_found) },
    { "cluster-size", 0, "SIZE", "cluster size, if the header is lost",
      SINTER_IMG_SIZED(RescueOptions, cluster_bytes, "cluster size", SIZE_MAX_BYTES) },
    { "size", 0, "SIZE", "size of the disk, if the header is lost",
      SINTER_IMG_SIZED(RescueOptions, virtual_bytes, "disk size", SIZE_MAX_BYTES) },
    { "backing-file", 'b', "NAME", "backing file, if the header is lost",
      SINTER_OPTION_MEMBER(RescueOptions, backing_name) },
    { "backing-format", 'F', "FMT", "format of the backing file",
      SINTER_OPTION_MEMBER(RescueOptions, backing_format) },
    { "no-backing", 0, NULL, "there was no backing file, if the header is lost",
      SINTER_OPTION_MEMBER(RescueOptions, has_no_backing) },
    SINTER_IMG_UNDO_OPTION(RescueOptions, undo_file),
    { "max-steps", 0, "N", "show at most N steps (100); JSON has all",
      SINTER_IMG_RANGED(sinter_img_count_take, RescueOptions, max_steps, "number of steps", 1,
                        G_MAXUINT) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(RescueOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(RescueOptions, quiet) },
};

const SinterCommand sinter_img_rescue = {
    .name = "rescue",
    .operands = "FILE",
    .summary = "Finds lost tables and data of an image, and gives them back their place",
    .options = rescue_options,
    .n_options = G_N_ELEMENTS(rescue_options),
    .options_size = sizeof(RescueOptions),
    .description =
        "Exit status: 0 nothing to rescue, or applied; 1 not completed; 2 steps were found "
        "and not\napplied. Without --apply or --apply-likely, nothing is changed.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = rescue_run,
};
