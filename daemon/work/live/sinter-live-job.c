/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that runs as a QEMU block job while the domain runs. Invariant: the guest's write
 * limit and vCPUs are restored before the job ends or the daemon stops.
 */

#include "sinter-live-job.h"

#include "sinter-chain-space.h"
#include "sinter-live-guest.h"
#include "sinter-live-handover.h"
#include "sinter-live-reconcile.h"
#include "sinter-live-restore.h"
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
    SinterLiveState *state = sinter_live_state(run);

    sinter_chain_look_clear(&state->look);
    g_clear_error(&state->end.forced_failure);
    g_free(state->end.qemu_reason);
}

/* Before a start every domain is read: the job may have been queued for hours since it was planned,
 * and libvirt has no event for some changes, so the plan is checked again at the last moment. */
static gboolean
observe(SinterJobRun *run, GError **error)
{
    if (sinter_chain_observe(run, run->record->phase <= SINTER_PHASE_STARTING, error) &&
        sinter_live_identify_qemu(run, error))
        return TRUE;
    sinter_live_state(run)->end.asked = FALSE;
    return FALSE;
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    return sinter_live_reconcile(run->record, &sinter_chain_look(run)->observation);
}

static gboolean
may_step(SinterJobRun *run, const SinterVerdict *verdict)
{
    return !sinter_live_hear_out(run, verdict) && sinter_live_settle_debts(run, verdict) &&
           sinter_live_lift_guard(run, verdict);
}

const SinterJobKind sinter_live_job_kind = {
    .name = SINTER_JOB_KIND_LIVE,
    .state_size = sizeof(SinterLiveState),
    .init = init,
    .clear = clear,
    .take_over = sinter_chain_renew_space,
    .observe = observe,
    .decide = decide,
    .may_step = may_step,
    .steps = {
        [SINTER_NEXT_START] = sinter_live_step_start,
        [SINTER_NEXT_ADOPT] = sinter_live_step_adopt,
        [SINTER_NEXT_WAIT] = sinter_live_step_wait,
        [SINTER_NEXT_PIVOT] = sinter_live_step_pivot,
        [SINTER_NEXT_CANCEL] = sinter_live_step_cancel,
        [SINTER_NEXT_VERIFY] = sinter_live_step_verify,
        [SINTER_NEXT_RESTORE] = sinter_live_step_restore,
        [SINTER_NEXT_FAIL] = sinter_live_step_fail,
        [SINTER_NEXT_CANCELLED] = sinter_live_step_cancelled,
        [SINTER_NEXT_QUARANTINE] = sinter_live_step_quarantine,
    },
    .hear = sinter_live_hear,
    .apply_bandwidth = sinter_live_apply_bandwidth,
    .leave = sinter_live_let_guest_go,
};
