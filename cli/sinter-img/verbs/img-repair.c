/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The part of check that repairs. Invariant: the words and the exit status are those of qemu-img;
 * a dry run opens the image for reading.
 */

#include "img-repair.h"
#include "img-change.h"
#include "text/img-check-text.h"
#include "text/img-finding.h"
#include "text/img-json.h"
#include "text/img-message.h"
#include "text/img-repair-text.h"

#include <stdio.h>
#include <string.h>

#define NOT_CHECKED 1
#define NO_CHECK_FOR_FORMAT 63

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
    };

    for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
        if (strcmp(value, choices[i].name) != 0)
            continue;
        self->choices |= choices[i].choice;
        return TRUE;
    }
    sinter_img_usage_error("Unknown option value for --also (expecting 'infer-entries', "
                           "'clear-entries' or 'delete-snapshots'): %s",
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

static void
tell_summary(const SinterImgRepairCall *self, const SinterRepairResult *result)
{
    const SinterCheckResult *state = sinter_repair_result_get_state(result);
    SinterImgRepaired repaired = { sinter_img_repair_corruptions_fixed(result),
                                   sinter_img_repair_leaks_fixed(result), NULL };
    g_autoptr(JsonNode) json = NULL;

    if (self->quiet)
        return;
    if (self->json) {
        repaired.plan = sinter_img_repair_to_json(result, self->repair->dry_run);
        json = sinter_img_check_to_json(state, self->given, &repaired);
        sinter_img_json_print(json);
        return;
    }
    sinter_img_check_print_human(state);
    if (self->repair->dry_run)
        sinter_img_repair_print_plan(result);
}

static int
tell(const SinterImgRepairCall *self, const SinterRepairResult *result, gboolean extended_l2)
{
    const SinterCheckResult *state = sinter_repair_result_get_state(result);
    guint64 cluster = state->stats.cluster_bytes;
    guint64 l1_entry_bytes = cluster / (extended_l2 ? 16 : 8) * cluster;

    if (state->trouble)
        sinter_img_error("Could not open '%s': %s", self->given, state->trouble);
    sinter_img_check_print_findings(result->before, l1_entry_bytes,
                                    sinter_img_repair_settles_flags(result));
    sinter_img_repair_print_done(result, l1_entry_bytes);
    tell_after(self, result, l1_entry_bytes);
    if (!self->repair->dry_run)
        sinter_img_repair_print_left(result);
    tell_summary(self, result);
    if (state->counts.errors > 0)
        sinter_img_error("Check failed");
    return self->exit_kind ? sinter_img_check_kind_status(sinter_check_result_get_kind(state))
                           : sinter_img_check_status(state);
}

int
sinter_img_repair_run(const SinterImgRepairCall *self)
{
    const SinterRepairOptions options = { self->repair->level, self->repair->choices,
                                          self->repair->dry_run, self->how };
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterRepairResult) result = NULL;
    g_autoptr(GError) error = NULL;

    if (self->source->force_share) {
        sinter_img_error("Could not open '%s': force-share=on can only be used with read-only "
                         "images",
                         self->given);
        return NOT_CHECKED;
    }
    if (!sinter_img_change_begin(&name, self->source, self->given, self->repair->dry_run, &info))
        return NOT_CHECKED;
    if (!sinter_format_has_check(info->format)) {
        sinter_img_error("This image format does not support checks");
        return NO_CHECK_FOR_FORMAT;
    }
    result = sinter_image_repair(name.fs, name.path, info->format, &options, &error);
    if (!result) {
        sinter_img_name_report(&name, error);
        return NOT_CHECKED;
    }
    sinter_img_progress_complete(self->progress);
    return tell(self, result, info->extended_l2);
}
