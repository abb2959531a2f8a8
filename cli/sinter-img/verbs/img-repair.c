/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The part of check that repairs. Invariant: the words and the exit status are those of qemu-img;
 * a dry run opens the image for reading.
 */

#include "img-repair.h"
#include "img-change.h"
#include "text/img-change-list.h"
#include "text/img-check-text.h"
#include "text/img-finding.h"
#include "text/img-json.h"
#include "text/img-message.h"
#include "text/img-repair-text.h"
#include "words/img-confirm.h"
#include "words/img-undo-file.h"

#include <stdio.h>
#include <string.h>

#define NOT_CHECKED 1
#define NO_CHECK_FOR_FORMAT 63

/* What belongs to one call. */
typedef struct {
    const SinterImgRepairCall *call;
    SinterImgName name;
    SinterImageInfo *info;
    SinterImgUndoFile undo;
    gboolean has_undo; /* the undo file was written */
    GArray *lost;      /* of SinterSnapshotChange, NULL without --from-snapshot */
} Run;

static void
run_clear(Run *self)
{
    sinter_img_name_clear(&self->name);
    sinter_img_undo_file_clear(&self->undo);
    g_clear_pointer(&self->info, sinter_image_info_free);
    g_clear_pointer(&self->lost, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

gboolean
sinter_img_repair_take(SinterImgRepair *self, const char *value)
{
    self->is_wanted = TRUE;
    self->level = strcmp(value, "all") == 0 ? SINTER_REPAIR_ALL : SINTER_REPAIR_LEAKS;
    if (self->level == SINTER_REPAIR_ALL || strcmp(value, "leaks") == 0)
        return TRUE;
    sinter_img_usage_error("Unknown option value for -r (expecting 'leaks' or 'all'): %s", value);
    return FALSE;
}

gboolean
sinter_img_repair_take_choice(SinterImgRepair *self, const char *value)
{
    static const struct {
        const char *name;
        SinterRepairChoice choice;
    } choices[] = {
        { "infer-entries", SINTER_REPAIR_INFER_ENTRIES },
        { "clear-entries", SINTER_REPAIR_CLEAR_ENTRIES },
        { "delete-snapshots", SINTER_REPAIR_DELETE_SNAPSHOTS },
        { "free-leaks", SINTER_REPAIR_FREE_LEAKS },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
        if (strcmp(value, choices[i].name) != 0)
            continue;
        self->choices |= choices[i].choice;
        return TRUE;
    }
    sinter_img_usage_error("Unknown option value for --also (expecting 'infer-entries', "
                           "'clear-entries', 'delete-snapshots' or 'free-leaks'): %s",
                           value);
    return FALSE;
}

/*
 * What the second check found. qemu-img mentions it only if it repaired something that it counts.
 */
static void
tell_after(const SinterImgRepairCall *self, const SinterRepairResult *result,
           guint64 l1_entry_bytes)
{
    guint64 leaks = sinter_img_repair_leaks_fixed(result);
    guint64 corruptions = sinter_img_repair_corruptions_fixed(result);

    if (!result->after)
        return;
    if (leaks + corruptions > 0 && !self->quiet && !self->json)
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %" G_GUINT64_FORMAT " leaked clusters\n"
               "    %" G_GUINT64_FORMAT " corruptions\n\n"
               "Double checking the fixed image now...\n",
               leaks, corruptions);
    /* the text on standard error must follow that line */
    fflush(stdout);
    sinter_img_check_print_findings(result->after, l1_entry_bytes, FALSE);
}

/* Adds to the JSON what the library does not know. */
static JsonNode *
plan_to_json(const Run *run, const SinterRepairResult *result)
{
    const SinterImgRepair *repair = run->call->repair;
    JsonNode *node = sinter_img_repair_to_json(result, repair->dry_run);
    JsonObject *object = json_node_get_object(node);

    if (run->has_undo)
        json_object_set_string_member(object, "undo-file", run->undo.path);
    if (run->lost) {
        json_object_set_string_member(object, "from-snapshot", repair->from_snapshot);
        json_object_set_array_member(object, "lost", sinter_img_change_list_to_json(run->lost));
    }
    return node;
}

static void
tell_summary(const Run *run, const SinterRepairResult *result)
{
    const SinterImgRepairCall *self = run->call;
    const SinterCheckResult *state = sinter_repair_result_get_state(result);
    SinterImgRepaired repaired = { sinter_img_repair_corruptions_fixed(result),
                                   sinter_img_repair_leaks_fixed(result), NULL };
    g_autoptr(JsonNode) json = NULL;

    if (self->quiet)
        return;
    if (self->json) {
        repaired.plan = plan_to_json(run, result);
        json = sinter_img_check_to_json(state, self->given, &repaired);
        sinter_img_json_print(json);
        return;
    }
    sinter_img_check_print_human(state);
    if (self->repair->dry_run)
        sinter_img_repair_print_plan(result);
    sinter_img_check_print_hint(state, self->given);
}

/* qemu-img writes no undo file: the line is on standard error, after all of its text. */
static void
tell_undo(const Run *run)
{
    g_autofree char *quoted = run->has_undo ? g_shell_quote(run->undo.path) : NULL;

    fflush(stdout);
    if (quoted && !run->call->quiet)
        fprintf(stderr, "To restore the image as it was, run: %s undo %s\n", sinter_img_program(),
                quoted);
}

static int
tell(const Run *run, const SinterRepairResult *result)
{
    const SinterImgRepairCall *self = run->call;
    const SinterCheckResult *state = sinter_repair_result_get_state(result);
    guint64 cluster = state->stats.cluster_bytes;
    guint64 l1_entry_bytes = cluster / (run->info->extended_l2 ? 16 : 8) * cluster;

    if (state->trouble)
        sinter_img_error("Could not open '%s': %s", self->given, state->trouble);
    sinter_img_check_print_findings(result->before, l1_entry_bytes,
                                    sinter_img_repair_settles_flags(result));
    sinter_img_repair_print_done(result, l1_entry_bytes);
    tell_after(self, result, l1_entry_bytes);
    if (!self->repair->dry_run)
        sinter_img_repair_print_left(result);
    tell_summary(run, result);
    if (state->counts.errors > 0)
        sinter_img_error("Check failed");
    return self->exit_kind ? sinter_img_check_kind_status(sinter_check_result_get_kind(state))
                           : sinter_img_check_status(state);
}

/* Shows what reverting the disk loses, and asks. */
static gboolean
confirm_loss(Run *run, GError **error)
{
    const SinterImgRepairCall *self = run->call;
    const char *snapshot = self->repair->from_snapshot;

    run->lost =
        sinter_snapshot_compare(run->name.fs, run->name.path, run->info->format, snapshot, error);
    if (!run->lost)
        return FALSE;
    if ((!self->quiet && !self->json) || !self->repair->yes)
        sinter_img_change_list_print(run->lost, snapshot);
    return self->repair->dry_run ||
           sinter_img_confirm("Revert the disk to the snapshot?", self->repair->yes);
}

static SinterRepairResult *
repair(Run *run, GError **error)
{
    const SinterImgRepair *how = run->call->repair;
    const SinterRepairOptions options = {
        .level = how->level,
        .choices = how->choices,
        .dry_run = how->dry_run,
        .check = run->call->how,
        .from_snapshot = how->from_snapshot,
    };
    const char *operation = how->level == SINTER_REPAIR_ALL ? "check -r all" : "check -r leaks";
    SinterRepairResult *result;

    if (how->from_snapshot && !confirm_loss(run, error))
        return NULL;
    if (how->dry_run)
        return sinter_image_repair(run->name.fs, run->name.path, run->info->format, &options,
                                   error);
    if (!sinter_img_undo_file_begin(&run->undo, &run->name, how->undo_file, operation))
        return NULL;
    result = sinter_image_repair(run->undo.fs, run->name.path, run->info->format, &options, error);
    if (!sinter_img_undo_file_end(&run->undo, FALSE, &run->has_undo))
        g_clear_pointer(&result, sinter_repair_result_free);
    return result;
}

static gboolean
check_options(const SinterImgRepairCall *self)
{
    if (self->source->force_share)
        sinter_img_error("Could not open '%s': force-share=on can only be used with read-only "
                         "images",
                         self->given);
    else if (self->repair->from_snapshot && self->repair->level != SINTER_REPAIR_ALL)
        sinter_img_usage_error("--from-snapshot needs -r all");
    else
        return TRUE;
    return FALSE;
}

int
sinter_img_repair_run(const SinterImgRepairCall *self)
{
    g_auto(Run) run = { .call = self };
    g_autoptr(SinterRepairResult) result = NULL;
    g_autoptr(GError) error = NULL;
    int status = NOT_CHECKED;

    if (!check_options(self) || !sinter_img_change_begin(&run.name, self->source, self->given,
                                                         self->repair->dry_run, &run.info))
        return NOT_CHECKED;
    if (!sinter_format_has_check(run.info->format)) {
        sinter_img_error("This image format does not support checks");
        return NO_CHECK_FOR_FORMAT;
    }
    result = repair(&run, &error);
    if (error)
        sinter_img_name_report(&run.name, error);
    if (result) {
        sinter_img_progress_complete(self->progress);
        status = tell(&run, result);
    }
    tell_undo(&run);
    return status;
}
