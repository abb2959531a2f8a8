/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The steps of a check under a temporary overlay. Invariant: the record on disk names the overlay
 * before libvirt is asked for it, has the reports before the overlay is merged back, and warns of
 * both images for as long as the disk may have the overlay.
 */

#include "sinter-live-check-step.h"

#include "sinter-chain-space.h"
#include "sinter-chain-verify.h"
#include "sinter-check-images.h"
#include "sinter-cleanup.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-live-step.h"
#include "sinter-offline-merge.h"
#include "sinter-recheck.h"

/* --- the warning about the overlay ------------------------------------------------------------ */

/* (transfer full) */
static char *
describe_overlay(const SinterJobRecord *record)
{
    const SinterDiskPlan *plan = record->plan;

    return g_strdup_printf("disk %s of domain '%s' uses the temporary overlay '%s' on '%s': when "
                           "the job has ended, merge it with 'sinter commit %s %s --top %s --base "
                           "%s --delete'",
                           plan->disk, record->domain_name, plan->top_path, plan->base_path,
                           record->domain_name, plan->disk, plan->top_path, plan->base_path);
}

static void
warn_of_overlay(SinterJobRecord *record)
{
    g_autofree char *text = describe_overlay(record);

    sinter_job_record_warn(record, "%s", text);
}

static void
withdraw_warning(SinterJobRecord *record)
{
    g_autofree char *text = describe_overlay(record);
    guint place;

    if (g_ptr_array_find_with_equal_func(record->warnings, text, g_str_equal, &place))
        g_ptr_array_remove_index(record->warnings, place);
}

/* --- putting the overlay on the disk ---------------------------------------------------------- */

/* Checks again that the plan is possible on the present host. */
static gboolean
recheck(SinterJobRun *run, GError **error)
{
    const SinterHost *host = sinter_chain_look(run)->host;

    return !host || sinter_recheck_check(run->record, host, error);
}

/* Returns whether the overlay may be put on now; otherwise the job has waited, or ended. */
static gboolean
is_clear_to_seal(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;
    SinterSpace space = SINTER_SPACE_LACKING;

    if (recheck(run, &error))
        space = sinter_chain_claim_space(run, &error);
    if (space == SINTER_SPACE_PROMISED)
        sinter_job_run_wait(run, run->context.retry_usec);
    else if (space != SINTER_SPACE_GRANTED)
        sinter_job_run_fail(run, error);
    return space == SINTER_SPACE_GRANTED;
}

/* Saves that the overlay is requested, of which QEMU process. */
static gboolean
announce(SinterJobRun *run, GError **error)
{
    SinterJobRecord *record = run->record;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    warn_of_overlay(record);
    if (record->phase == SINTER_PHASE_SEALING)
        return sinter_job_run_save(run, error);
    return sinter_job_run_enter_phase(run, SINTER_PHASE_SEALING, error);
}

void
sinter_live_check_step_seal(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterLiveCheckState *state = sinter_live_check_state(run);
    SinterVirt *virt = run->context.virt;
    const SinterDiskPlan *plan = run->record->plan;
    g_autoptr(GError) error = NULL;

    if (!is_clear_to_seal(run))
        return;
    if (!announce(run, &error) || !sinter_overlay_remove(plan->top_path, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    if (virt->klass->seal(virt, sinter_chain_look(run)->domain, plan->disk, plan->top_path,
                          &error) ||
        sinter_job_is_lost(error))
        return;
    /* the next observation shows whether it had no effect indeed */
    state->overlay.refused = TRUE;
    g_clear_error(&state->refusal);
    state->refusal = g_steal_pointer(&error);
}

/* --- the check -------------------------------------------------------------------------------- */

static void
note_error(SinterJobRecord *record, SinterError code, const char *message)
{
    record->error_code = code;
    g_free(record->error_message);
    record->error_message = g_strdup(message);
}

void
sinter_live_check_step_check(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterChainLook *look = sinter_chain_look(run);
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;
    SinterCheckEnd end = SINTER_CHECK_FAILED;

    if (!record->remove_identities)
        sinter_cleanup_remember_files(record, look->domain);
    if (sinter_job_run_enter_phase(run, SINTER_PHASE_CHECKING, &error))
        end = sinter_check_images(run, sinter_domain_find_disk(look->domain, record->plan->disk),
                                  &error);
    if (end == SINTER_CHECK_STOPPED)
        return;
    if (end == SINTER_CHECK_FAILED)
        note_error(record,
                   error->domain == SINTER_ERROR ? (SinterError)error->code : SINTER_ERROR_FAILED,
                   error->message);
    sinter_job_run_save_or_log(run);
    sinter_job_run_publish(run, FALSE);
}

/* --- the way back ----------------------------------------------------------------------------- */

/* Begins the merge anew, in the way that the state of the domain requires. */
void
sinter_live_check_step_merge(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterJobRecord *record = run->record;
    gboolean active = sinter_chain_look(run)->observation.domain_active;

    if (record->plan->offline == active) {
        record->plan->offline = !active;
        record->phase = SINTER_PHASE_CHECKING; /* saved with the next phase */
        return;                                /* what was observed was too little for a start */
    }
    if (record->cancel_requested && !record->reports && !record->error_message)
        note_error(record, SINTER_ERROR_CANCELLED, "the check was cancelled on request");
    if (active)
        sinter_live_step_start(run, verdict);
    else
        sinter_offline_step_merge(run, verdict);
}

void
sinter_live_check_step_verify(SinterJobRun *run, const SinterVerdict *verdict)
{
    withdraw_warning(run->record);
    if (sinter_chain_verify(run))
        sinter_chain_clean_up(run, TRUE);
}

/* --- other ends ------------------------------------------------------------------------------- */

/* Ends the job although the overlay was not merged back, or was never put on. */
void
sinter_live_check_step_fail(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterLiveCheckState *state = sinter_live_check_state(run);
    SinterJobRecord *record = run->record;

    if (sinter_chain_look(run)->observation.chain == SINTER_CHAIN_AFTER) {
        withdraw_warning(record);
        if (record->phase == SINTER_PHASE_SEALING)
            sinter_overlay_remove(record->plan->top_path, NULL);
    }
    if (state->refusal)
        sinter_job_run_fail(run, state->refusal);
    else if (verdict->next == SINTER_NEXT_CANCELLED)
        sinter_live_step_cancelled(run, verdict);
    else
        sinter_live_step_fail(run, verdict);
}

void
sinter_live_check_step_quarantine(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterDiskPlan *plan = run->record->plan;
    g_autofree char *message = NULL;

    if (run->record->phase == SINTER_PHASE_PIVOTING) {
        sinter_live_step_quarantine(run, verdict);
        return;
    }
    message = g_strdup_printf("%s; the temporary overlay is '%s', the image below it '%s'",
                              verdict->reason, plan->top_path, plan->base_path);
    sinter_job_run_finish(run, SINTER_PHASE_QUARANTINED, verdict->error, message);
}
