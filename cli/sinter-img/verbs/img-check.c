/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * check: examines an image, or each image of a chain, and with -r repairs the image. The exit
 * status is the result, after a repair that of the second check: 0 clean, 1 not checked, 2 corrupt,
 * 3 leaks only, 63 the format has no check; for several images, the first of 1, 2, 3 that applies
 * to any of them.
 */

#include "text/img-check-text.h"
#include "text/img-finding.h"
#include "text/img-json.h"
#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "words/img-undo-file.h"
#include "text/img-progress.h"
#include "img-repair.h"
#include "img-verbs.h"

#include <stdio.h>
#include <string.h>

#define NOT_CHECKED 1
#define NO_CHECK_FOR_FORMAT 63
#define STEP_PERCENT 1.0
/* The default number of findings of each code to show. */
#define MAX_FINDINGS 1000

typedef struct {
    SinterImgSource source;
    const char *output;
    gboolean quiet;
    gboolean progress;
    gboolean deep;
    gboolean chain;
    gboolean keep_going;
    gboolean no_owners;
    gboolean exit_kind;
    guint64 max_findings;
    SinterImgRepair repair;
} CheckOptions;

static gboolean
check_take_repair(const SinterOption *option, gpointer options, const char *value)
{
    return sinter_img_repair_take(&((CheckOptions *)options)->repair, value);
}

static gboolean
check_take_choice(const SinterOption *option, gpointer options, const char *value)
{
    return sinter_img_repair_take_choice(&((CheckOptions *)options)->repair, value);
}

static SinterCheckOptions
check_how(const CheckOptions *self, SinterImgProgress *progress)
{
    return (SinterCheckOptions){
        .flags =
            (self->deep ? SINTER_CHECK_DEEP : 0) |
            (self->keep_going ? SINTER_CHECK_KEEP_GOING : 0) |
            (self->no_owners ? SINTER_CHECK_NO_OWNERS : 0) |
            (self->output && strcmp(self->output, "json") == 0 ? SINTER_CHECK_SNAPSHOT_STATS : 0) |
            (self->source.force_share ? SINTER_CHECK_NO_LOCK : 0),
        .max_per_code = self->max_findings ? (guint)self->max_findings : MAX_FINDINGS,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };
}

/* Returns the guest bytes covered by an L1 entry, 0 if unknown. */
static guint64
l1_entry_bytes(const SinterCheckResult *result, gboolean extended_l2)
{
    guint64 cluster = result->stats.cluster_bytes;

    return cluster / (extended_l2 ? 16 : 8) * cluster;
}

/* Prints the result of one image; in a list of several, its JSON is added to @array. Returns: its
 * exit status. */
static int
check_tell(const CheckOptions *self, const SinterCheckResult *result, gboolean extended_l2,
           const char *name, JsonArray *array)
{
    g_autoptr(JsonNode) json = NULL;

    if (result->trouble)
        sinter_img_error("Could not open '%s': %s", name, result->trouble);
    sinter_img_check_print_findings(result, l1_entry_bytes(result, extended_l2), FALSE);
    if (array) {
        json_array_add_element(array, sinter_img_check_to_json(result, name, NULL));
    } else if (!self->quiet && self->output && strcmp(self->output, "json") == 0) {
        json = sinter_img_check_to_json(result, name, NULL);
        sinter_img_json_print(json);
    } else if (!self->quiet) {
        sinter_img_check_print_human(result);
        sinter_img_check_print_hint(result, name);
    }
    if (result->counts.errors > 0)
        sinter_img_error("Check failed");
    return self->exit_kind ? sinter_img_check_kind_status(sinter_check_result_get_kind(result))
                           : sinter_img_check_status(result);
}

static int
worse_status(const CheckOptions *self, int a, int b)
{
    if (self->exit_kind)
        return sinter_img_check_worse_kind_status(a, b);
    if (a == 0 || b == 0)
        return MAX(a, b);
    return MIN(a, b);
}

static gboolean
is_extended(const SinterCheckResult *result)
{
    g_autoptr(SinterImageInfo) info =
        sinter_image_info_new(NULL, result->path, result->format, NULL);

    return info && info->extended_l2;
}

static int
check_tell_chain(const CheckOptions *self, const GPtrArray *results, gboolean json)
{
    g_autoptr(JsonArray) array = json ? json_array_new() : NULL;
    g_autoptr(JsonNode) node = NULL;
    int status = 0;

    for (guint i = 0; i < results->len; i++) {
        const SinterCheckResult *result = g_ptr_array_index(results, i);
        g_autofree char *shown = sinter_img_name(result->path);

        if (!json && !self->quiet)
            printf("%simage: %s\n", i ? "\n" : "", shown);
        /* the text on standard error must follow that line */
        fflush(stdout);
        status = worse_status(self, status,
                              check_tell(self, result, is_extended(result), result->path, array));
    }
    if (json && !self->quiet) {
        node = json_node_init_array(json_node_alloc(), array);
        sinter_img_json_print(node);
    }
    return status;
}

static int
check_no_check(void)
{
    sinter_img_error("This image format does not support checks");
    return NO_CHECK_FOR_FORMAT;
}

static GPtrArray *
check_chain(const CheckOptions *self, const SinterImgName *name, GError **error)
{
    g_autoptr(SinterImgProgress) progress = sinter_img_progress_begin(
        sinter_img_progress_mode(self->quiet, self->progress), name->given, STEP_PERCENT);
    SinterCheckOptions how = check_how(self, progress);
    GPtrArray *results = sinter_chain_check(NULL, name->path, name->format, TRUE, &how, error);

    if (results)
        sinter_img_progress_complete(progress);
    return results;
}

static SinterCheckResult *
check_image(const CheckOptions *self, const SinterImgName *name, SinterIo *io, const char *format,
            GError **error)
{
    g_autoptr(SinterImgProgress) progress = sinter_img_progress_begin(
        sinter_img_progress_mode(self->quiet, self->progress), name->given, STEP_PERCENT);
    SinterCheckOptions how = check_how(self, progress);
    SinterCheckResult *result = sinter_image_check_io(io, format, &how, error);

    if (result)
        sinter_img_progress_complete(progress);
    return result;
}

/* Checks an image that is open and whose format is known. */
static int
check_do(const CheckOptions *self, const SinterImgName *name, SinterIo *io,
         const SinterImageInfo *info, gboolean json, GError **error)
{
    g_autoptr(SinterCheckResult) result = NULL;
    g_autoptr(GPtrArray) results = NULL;

    if (!sinter_format_has_check(info->format) && !self->chain)
        return check_no_check();
    if (self->chain)
        results = check_chain(self, name, error);
    else
        result = check_image(self, name, io, info->format, error);
    if (!result && !results)
        return NOT_CHECKED;
    if (results && results->len == 0)
        return check_no_check();
    return result ? check_tell(self, result, info->extended_l2, name->given, NULL)
                  : check_tell_chain(self, results, json);
}

/* Repairs the image, in place of a check. */
static int
check_repair(const CheckOptions *self, const char *given, gboolean json)
{
    SinterImgRepairCall call = { &self->repair, &self->source, given,
                                 self->quiet,   json,          self->exit_kind };
    g_autoptr(SinterImgProgress) progress = NULL;

    if (self->chain)
        return sinter_img_usage_error("-r and --backing-chain are mutually exclusive");
    if ((self->repair.choices & ~SINTER_REPAIR_FREE_LEAKS) != 0 &&
        self->repair.level != SINTER_REPAIR_ALL)
        return sinter_img_usage_error("--also needs '-r all'");
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         given, STEP_PERCENT);
    call.how = check_how(self, progress);
    call.progress = progress;
    return sinter_img_repair_run(&call);
}

static int
check_run(const SinterCommandCall *call, GError **error)
{
    const CheckOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterImageInfo) info = NULL;
    gboolean json;

    if (!sinter_img_output_parse(self->output, &json))
        return NOT_CHECKED;
    if (!sinter_img_cache_check("source cache option", self->source.cache))
        return NOT_CHECKED;
    if (self->repair.is_wanted)
        return check_repair(self, call->operands[0], json);
    if (self->repair.dry_run || self->repair.choices)
        return sinter_img_usage_error("--dry-run and --also need -r");
    if (self->repair.from_snapshot)
        return sinter_img_usage_error("--from-snapshot needs -r all");
    if (self->repair.undo_file)
        return sinter_img_usage_error("--undo-file needs -r");
    if (!sinter_img_name_parse(&name, &self->source, call->operands[0]))
        return NOT_CHECKED;
    io = sinter_img_open_file(&name);
    info = io ? sinter_image_info_new_for_io(io, name.format, error) : NULL;
    if (!info || !sinter_img_name_check_options(&name, info->format))
        return NOT_CHECKED;
    return check_do(self, &name, io, info, json, error);
}

static const SinterOption check_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(CheckOptions, source),
    SINTER_IMG_OUTPUT_OPTION(CheckOptions, output),
    { "backing-chain", 0, NULL, "also check the backing chain",
      SINTER_OPTION_MEMBER(CheckOptions, chain) },
    { "deep", 0, NULL, "also decompress compressed clusters",
      SINTER_OPTION_MEMBER(CheckOptions, deep) },
    { "exit-kind", 0, NULL, "exit with a status for the kind of damage; the manual lists them",
      SINTER_OPTION_MEMBER(CheckOptions, exit_kind) },
    { "keep-going", 0, NULL, "if a location cannot be read, check the rest",
      SINTER_OPTION_MEMBER(CheckOptions, keep_going) },
    { "max-findings", 0, "N", "show at most N findings of each kind (1000); all are counted",
      SINTER_IMG_RANGED(sinter_img_count_take, CheckOptions, max_findings, "number of findings", 1,
                        G_MAXUINT) },
    { "no-owners", 0, NULL, "do not search for owners of damaged clusters",
      SINTER_OPTION_MEMBER(CheckOptions, no_owners) },
    { "also", 0, "CHOICE",
      "with '-r all': also infer-entries, clear-entries, delete-snapshots; with -r: also "
      "free-leaks",
      .take = check_take_choice },
    { "dry-run", 0, NULL, "with -r: only show what would be repaired",
      SINTER_OPTION_MEMBER(CheckOptions, repair.dry_run) },
    { "from-snapshot", 0, "SNAPSHOT",
      "with -r all: first revert the disk to this intact snapshot, even if it is damaged",
      SINTER_OPTION_MEMBER(CheckOptions, repair.from_snapshot) },
    { "yes", 'y', NULL, "with --from-snapshot: revert the disk without a question",
      SINTER_OPTION_MEMBER(CheckOptions, repair.yes) },
    SINTER_IMG_UNDO_OPTION(CheckOptions, repair.undo_file),
    { "repair", 'r', "WHAT", "repair: 'leaks', or 'all' that loses no guest data",
      .take = check_take_repair },
    { NULL, 'T', "CACHE", "cache mode of reads: none or writeback",
      SINTER_OPTION_MEMBER(CheckOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(CheckOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(CheckOptions, quiet) },
};

const SinterCommand sinter_img_check = {
    .name = "check",
    .operands = "FILE",
    .summary = "Checks an image for corruption and leaks, and repairs it",
    .options = check_options,
    .n_options = G_N_ELEMENTS(check_options),
    .options_size = sizeof(CheckOptions),
    .description = "Exit status: 0 clean, 1 not completed, 2 corrupt, 3 leaked clusters only,\n63 "
                   "checks are not supported for this format.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = check_run,
};
