/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Carries out what a user requests for a job that is in doubt: compares the two chains, or changes
 * the definition to the chain that the user names. Invariant: no image is written or removed; the
 * definition is changed only on a user's choice, while no process can write to either chain, and
 * after the record has the choice. Whatever prevents that leaves the job quarantined, as it was.
 */

#include "sinter-resolve-job.h"

#include "sinter-chain-look.h"
#include "sinter-job-report.h"
#include "sinter-merged-images.h"
#include "sinter-resolve-files.h"
#include "sinter-worker-seat.h"

typedef struct {
    SinterChainLook look; /* must be first */
    SinterWorkerSeat seat;
} State;

static void
clear(SinterJobRun *run)
{
    sinter_chain_look_clear(sinter_chain_look(run));
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    return sinter_chain_observe(run, FALSE, error);
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    return sinter_verdict(run->record->cancel_requested ? SINTER_NEXT_CANCEL : SINTER_NEXT_START);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* @why: (nullable): why the choice could not be carried out */
static void
stay_in_doubt(SinterJobRun *run, const char *why)
{
    SinterJobRecord *record = run->record;
    g_autofree char *message = g_strdup(record->error_message);

    if (why)
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, why);
    g_free(record->obstacle);
    record->obstacle = g_strdup(why);
    record->cancel_requested = FALSE;
    sinter_job_run_finish(run, SINTER_PHASE_QUARANTINED, record->error_code, message);
}

static void
step_cancel(SinterJobRun *run, const SinterVerdict *verdict)
{
    stay_in_doubt(run, NULL);
}

static gboolean
is_choice(const SinterJobRun *run, const char *choice)
{
    return g_strcmp0(run->record->choice, choice) == 0;
}

/* Names the images that only the other side uses. */
static void
warn_of_kept_images(SinterJobRecord *record, gboolean to_new)
{
    const SinterDiskPlan *plan = record->plan;
    const char *const *used =
        (const char *const *)(to_new ? plan->chain_after : plan->chain_before);
    char *const *others = to_new ? plan->chain_before : plan->chain_after;

    for (; *others; others++) {
        if (!g_strv_contains(used, *others))
            sinter_job_record_warn(
                record, "'%s' is kept; remove it when nothing of it is needed any more", *others);
    }
    if (!to_new && g_strv_contains(used, plan->chain_after[0]))
        sinter_job_record_warn(record,
                               "'%s', the new image, is still in the chain: where the images above "
                               "it have no data, the domain reads what was written to it",
                               plan->chain_after[0]);
    for (char **name = plan->drop_snapshots; to_new && *name; name++)
        sinter_job_record_warn(record,
                               "snapshot '%s' refers to an image that is no longer in the chain: "
                               "delete its metadata ('virsh snapshot-delete %s %s --metadata')",
                               *name, record->domain_name, *name);
}

static void
settle(SinterJobRun *run)
{
    gboolean to_new = is_choice(run, SINTER_JOB_CHOICE_NEW);
    SinterJobRecord *record = run->record;

    g_ptr_array_set_size(record->warnings, 0);
    g_clear_pointer(&record->obstacle, g_free);
    record->in_doubt = FALSE;
    record->definition_guarded = FALSE;
    if (to_new)
        sinter_merged_images_mark(record);
    warn_of_kept_images(record, to_new);
    if (to_new)
        sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
    else
        sinter_job_run_finish(run, SINTER_PHASE_CANCELLED, SINTER_ERROR_CANCELLED,
                              "a user chose the old image; the chain is unchanged");
}

/* --- obstacles -------------------------------------------------------------------------------- */

/* (transfer full) (nullable): why both chains cannot be read now */
static char *
find_obstacle(const SinterJobRun *run)
{
    const SinterObservation *seen = &sinter_chain_look(run)->observation;
    const SinterJobRecord *record = run->record;

    if (!seen->domain_exists)
        return g_strdup("the domain no longer exists");
    if (seen->domain_active)
        return g_strdup_printf("domain '%s' is running: shut it off, and try again",
                               record->domain_name);
    if (seen->chain == SINTER_CHAIN_BEFORE)
        return NULL;
    return g_strdup_printf("the definition of domain '%s' does not name the old image '%s' for "
                           "disk %s: correct it (virsh edit %s), and try again",
                           record->domain_name, record->plan->chain_before[0], record->plan->disk,
                           record->domain_name);
}

/* Returns whether the choice needs no image: the domain is gone, uses the old chain already, or its
 * definition was changed to the new one by hand. */
static gboolean
is_obvious(const SinterJobRun *run)
{
    const SinterObservation *seen = &sinter_chain_look(run)->observation;

    if (!seen->domain_exists)
        return TRUE;
    if (is_choice(run, SINTER_JOB_CHOICE_NEW))
        return seen->chain == SINTER_CHAIN_AFTER;
    return seen->domain_active && seen->chain == SINTER_CHAIN_BEFORE;
}

static const SinterDisk *
find_disk(const SinterJobRun *run)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;

    return domain ? sinter_domain_find_disk(domain, run->record->plan->disk) : NULL;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void
end_comparison(SinterJobRun *run, const SinterResolveFiles *files, SinterImageReport *compared,
               const char *failure)
{
    g_clear_pointer(&run->record->reports, g_ptr_array_unref);
    run->record->reports = sinter_resolve_files_report(files, compared, failure);
    stay_in_doubt(run, NULL);
}

static void
take_outcome(SinterJobRun *run, const SinterResolveFiles *files, guint new_top,
             SinterWorkerOutcome *outcome)
{
    const SinterWorkerMessage *answer = outcome->answer;
    SinterImageReport *report = g_steal_pointer(&g_ptr_array_index(outcome->reports, new_top));
    g_autofree char *death = NULL;

    if (answer && answer->kind == SINTER_WORKER_DONE && report) {
        end_comparison(run, files, report, NULL);
        return;
    }
    sinter_image_report_free(report);
    if (run->record->cancel_requested)
        return;
    if (answer && answer->kind == SINTER_WORKER_ERROR) {
        end_comparison(run, files, NULL, answer->text);
        return;
    }
    death = sinter_worker_seat_note_death(run, outcome);
    if (death)
        end_comparison(run, files, NULL, death);
}

static void
compare(SinterJobRun *run)
{
    g_autofree char *obstacle = find_obstacle(run);
    g_autoptr(SinterResolveFiles) files = NULL;
    g_auto(SinterWorkerOutcome) outcome = { 0 };
    g_auto(SinterWorkerTask) task = { 0 };
    g_autoptr(GError) error = NULL;
    guint new_top;

    if (!obstacle)
        files = sinter_resolve_files_open(find_disk(run), run->record->plan, &error);
    if (!files) {
        stay_in_doubt(run, obstacle ? obstacle : error->message);
        return;
    }
    sinter_resolve_files_make_task(files, &task);
    new_top = task.request->last;
    if (sinter_worker_seat_run(run, &task, &outcome, &error))
        take_outcome(run, files, new_top, &outcome);
    else if (error)
        stay_in_doubt(run, error->message);
}

/* --- choosing --------------------------------------------------------------------------------- */

/* The format of the new image: of a layer of the old chain, or of a copy. */
static const char *
find_new_format(const SinterDisk *disk, const SinterDiskPlan *plan)
{
    guint n_after = g_strv_length(plan->chain_after);
    const SinterLayer *layer;

    if (plan->operation == SINTER_OPERATION_COPY)
        return plan->destination_format ? plan->destination_format : "qcow2";
    layer = g_ptr_array_index(disk->layers, disk->layers->len - n_after);
    return layer->format;
}

/* The disk has a guard, or if it could not get one, it has none. */
static gboolean
define(SinterJobRun *run, GError **error)
{
    const SinterJobRecord *record = run->record;
    const SinterDiskPlan *plan = record->plan;
    const SinterVirtClass *klass = run->context.virt->klass;
    gboolean move = is_choice(run, SINTER_JOB_CHOICE_NEW) && !is_obvious(run);
    const char *path = move ? plan->chain_after[0] : NULL;
    const char *format = move ? find_new_format(find_disk(run), plan) : NULL;
    g_autoptr(GError) cause = NULL;

    if (!find_disk(run))
        return TRUE;
    if (!klass->unguard_disk(run->context.virt, record->domain_uuid, plan->disk, path, format,
                             error))
        return FALSE;
    if (move && !klass->redefine_disk(run->context.virt, record->domain_uuid, plan->disk, path,
                                      format, error))
        return FALSE;
    if (!klass->sync_definition(run->context.virt, record->domain_name, &cause))
        sinter_job_record_warn(run->record, "%s", cause->message);
    return TRUE;
}

/* (transfer full) (nullable): why a user cannot choose now */
static char *
find_obstacle_to_choice(const SinterJobRun *run)
{
    char *obstacle = is_obvious(run) ? NULL : find_obstacle(run);

    if (obstacle || is_obvious(run) || run->record->reports)
        return obstacle;
    return g_strdup_printf("the images have not been compared: run 'sinter job %s --compare', "
                           "and then choose",
                           run->record->id);
}

static void
resolve(SinterJobRun *run)
{
    gboolean obvious = is_obvious(run);
    g_autofree char *obstacle = find_obstacle_to_choice(run);
    g_autoptr(SinterResolveFiles) files = NULL;
    g_autoptr(GError) error = NULL;

    if (!obvious && !obstacle)
        files = sinter_resolve_files_open(find_disk(run), run->record->plan, &error);
    if (obvious || files) {
        if (sinter_job_run_save(run, &error) && define(run, &error)) {
            settle(run);
            return;
        }
        if (sinter_job_is_lost(error))
            return;
    }
    stay_in_doubt(run, obstacle ? obstacle : error->message);
}

static void
step_start(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (is_choice(run, SINTER_JOB_CHOICE_COMPARE))
        compare(run);
    else
        resolve(run);
}

const SinterJobKind sinter_resolve_job_kind = {
    .name = "image-resolution",
    .state_size = sizeof(State),
    .seat_offset = G_STRUCT_OFFSET(State, seat),
    .clear = clear,
    .starts_at_once = TRUE,
    .observe = observe,
    .decide = decide,
    .steps = {
        [SINTER_NEXT_START] = step_start,
        [SINTER_NEXT_CANCEL] = step_cancel,
    },
};
