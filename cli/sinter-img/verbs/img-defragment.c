/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* defragment: rewrites an image in the order of its disk. */

#include "text/img-json.h"
#include "text/img-message.h"
#include "text/img-progress.h"
#include "text/img-size-text.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <sinter/defragment.h>

#include <stdio.h>

#define FAILED 1
#define STEP_PERCENT 1.0

typedef struct {
    SinterImgSource source;
    const char *output;
    gboolean dry_run;
    guint64 rate_bytes_per_sec;
    gboolean progress;
    gboolean quiet;
} DefragmentOptions;

static SinterDefragmentResult *
defragment_do(const DefragmentOptions *self, const SinterImgName *name)
{
    g_autoptr(SinterImgProgress) progress = sinter_img_progress_begin(
        sinter_img_progress_mode(self->quiet, self->progress), name->given, STEP_PERCENT);
    const SinterDefragmentOptions how = {
        .format = name->format,
        .dry_run = self->dry_run,
        .rate_bytes_per_sec = self->rate_bytes_per_sec,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };
    g_autoptr(GError) error = NULL;
    SinterDefragmentResult *result;

    sinter_img_progress_start(progress);
    result = sinter_defragment(name->path, &how, &error);
    if (result)
        sinter_img_progress_complete(progress);
    else
        sinter_img_name_report(name, error);
    return result;
}

static double
fragmented_percent(const SinterImageStats *stats)
{
    return stats->allocated_clusters
               ? (double)stats->fragmented_clusters * 100.0 / (double)stats->allocated_clusters
               : 0;
}

static JsonObject *
stats_to_json(const SinterImageStats *stats)
{
    JsonObject *object = json_object_new();

    json_object_set_int_member(object, "file-size", (gint64)stats->file_bytes);
    json_object_set_int_member(object, "allocated-size", (gint64)stats->allocated_bytes);
    json_object_set_int_member(object, "allocated-clusters", (gint64)stats->allocated_clusters);
    json_object_set_int_member(object, "fragmented-clusters", (gint64)stats->fragmented_clusters);
    return object;
}

static void
print_json(const SinterDefragmentResult *result)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "suggested",
                                   sinter_defragment_suggested(&result->before->stats));
    json_object_set_object_member(object, "before", stats_to_json(&result->before->stats));
    if (result->after)
        json_object_set_object_member(object, "after", stats_to_json(&result->after->stats));
    json_node_take_object(node, object);
    sinter_img_json_print(node);
}

static void
print_stats(const char *when, const SinterImageStats *stats)
{
    g_autofree char *file = sinter_img_size_format(stats->file_bytes);
    g_autofree char *space = sinter_img_size_format(stats->allocated_bytes);

    printf("%s: file size %s, disk size %s, %.2f%% fragmented\n", when, file, space,
           fragmented_percent(stats));
}

static void
print_human(const SinterDefragmentResult *result)
{
    print_stats(result->after ? "before" : "now", &result->before->stats);
    if (result->after)
        print_stats("after", &result->after->stats);
    else
        puts(sinter_defragment_suggested(&result->before->stats)
                 ? "Defragmenting is worth it."
                 : "Defragmenting would gain little.");
}

static int
defragment_run(const SinterCommandCall *call, GError **error)
{
    const DefragmentOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterDefragmentResult) result = NULL;
    gboolean json;

    if (!sinter_img_output_parse(self->output, &json) ||
        !sinter_img_name_parse(&name, &self->source, call->operands[0]))
        return FAILED;
    result = defragment_do(self, &name);
    if (!result)
        return FAILED;
    if (json)
        print_json(result);
    else if (!self->quiet)
        print_human(result);
    return 0;
}

static const SinterOption defragment_options[] = {
    { "format", 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(DefragmentOptions, source.format) },
    { "image-opts", 0, NULL, "file names are driver=FMT,file.filename=FILE",
      SINTER_OPTION_MEMBER(DefragmentOptions, source.image_opts) },
    { "dry-run", 'n', NULL, "change nothing; show the fragmentation",
      SINTER_OPTION_MEMBER(DefragmentOptions, dry_run) },
    { NULL, 'r', "RATE", "limit in bytes per second",
      SINTER_IMG_SIZED(DefragmentOptions, rate_bytes_per_sec, "rate limit", G_MAXINT64) },
    SINTER_IMG_OUTPUT_OPTION(DefragmentOptions, output),
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(DefragmentOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(DefragmentOptions, quiet) },
};

const SinterCommand sinter_img_defragment = {
    .name = "defragment",
    .operands = "FILE",
    .summary = "Rewrites an image so that its clusters are in the order of the disk",
    .options = defragment_options,
    .n_options = G_N_ELEMENTS(defragment_options),
    .options_size = sizeof(DefragmentOptions),
    .description =
        "The new image replaces FILE when it is complete, checked and on stable storage; "
        "an\ninterruption leaves FILE unchanged. The file system needs space for both.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = defragment_run,
};
