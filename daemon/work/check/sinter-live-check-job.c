/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that checks under a temporary overlay. Invariant: while the record says that the
 * overlay is requested, it names the QEMU process that was asked.
 */

#include "sinter-live-check-job.h"

#include "sinter-chain-space.h"
#include "sinter-live-check-step.h"
#include "sinter-live-guest.h"
#include "sinter-live-handover.h"
#include "sinter-live-step.h"
#include "sinter-live-wait.h"

static void
init(SinterJobRun *run)
{
    sinter_convergence_init(&sinter_live_state(run)->guest.state, run->context.patience_usec,
                            run->context.max_pause_usec);
}

static void
clear(SinterJobRun *run)
{
    SinterLiveCheckState *state = sinter_live_check_state(run);

    sinter_chain_look_clear(&state->live.look);
    g_clear_error(&state->live.end.forced_failure);
    g_free(state->live.end.qemu_reason);
    g_clear_error(&state->refusal);
}

/* Observes the overlay, and whether QEMU is still the process that the record names; then the
 * record names the present one. */
static gboolean
observe_overlay(SinterJobRun *run, GError **error)
{
    SinterOverlaySeen *seen = &sinter_live_check_state(run)->overlay;
    SinterJobRecord *record = run->record;
    g_autofree char *before = g_strdup(record->qemu_identity);

    seen->use = sinter_overlay_look(record->plan->top_path);
    if (!sinter_live_identify_qemu(run, error))
        return FALSE;
    seen->other_qemu = g_strcmp0(before, record->qemu_identity) != 0;
    return TRUE;
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    SinterPhase phase = run->record->phase;

    if (sinter_chain_observe(run, phase <= SINTER_PHASE_STARTING, error) &&
        (phase == SINTER_PHASE_SEALING ? observe_overlay(run, error)
                                       : sinter_live_identify_qemu(run, error)))
        return TRUE;
    sinter_live_state(run)->end.asked = FALSE;
    return FALSE;
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    return sinter_live_check_reconcile(run->record, &sinter_chain_look(run)->observation,
                                       &sinter_live_check_state(run)->overlay);
}

/* Before the way back nothing was done to the guest that would have to be undone. */
static gboolean
may_step(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (run->record->phase <= SINTER_PHASE_CHECKING)
        return TRUE;
    return !sinter_live_hear_out(run, verdict) && sinter_live_settle_debts(run, verdict) &&
           sinter_live_lift_guard(run, verdict);
}

const SinterJobKind sinter_live_check_job_kind = {
    .name = SINTER_JOB_KIND_LIVE_CHECK,
    .state_size = sizeof(SinterLiveCheckState),
    .seat_offset = G_STRUCT_OFFSET(SinterLiveCheckState, seat),
    .init = init,
    .clear = clear,
    .take_over = sinter_chain_renew_space,
    .observe = observe,
    .decide = decide,
    .may_step = may_step,
    .steps = {
        [SINTER_NEXT_SEAL] = sinter_live_check_step_seal,
        [SINTER_NEXT_CHECK] = sinter_live_check_step_check,
        [SINTER_NEXT_START] = sinter_live_check_step_merge,
        [SINTER_NEXT_WAIT] = sinter_live_step_wait,
        [SINTER_NEXT_PIVOT] = sinter_live_step_pivot,
        [SINTER_NEXT_CANCEL] = sinter_live_step_cancel,
        [SINTER_NEXT_VERIFY] = sinter_live_check_step_verify,
        [SINTER_NEXT_FAIL] = sinter_live_check_step_fail,
        [SINTER_NEXT_CANCELLED] = sinter_live_check_step_fail,
        [SINTER_NEXT_QUARANTINE] = sinter_live_check_step_quarantine,
    },
    .hear = sinter_live_hear,
    .leave = sinter_live_let_guest_go,
};
