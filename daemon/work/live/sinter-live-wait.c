/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a live job receives while it waits: events and the progress of its block job. Invariant: an
 * event only triggers an observation; the observation decides how the block job ended.
 */

#include "sinter-live-wait.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-live-guest.h"
#include "sinter-point.h"

#include <libvirt/libvirt.h>

static SinterHeard
note_end(SinterJobRun *run, SinterSeenEvent seen)
{
    SINTER_POINT("block-job-ended");
    sinter_chain_look(run)->observation.seen = seen;
    return SINTER_HEARD_NEWS;
}

static SinterHeard
hear_block_job(SinterJobRun *run, int status)
{
    switch (status) {
    case VIR_DOMAIN_BLOCK_JOB_READY:
        /* the pivot was already requested: a late event about what was observed */
        return run->record->phase < SINTER_PHASE_PIVOTING ? SINTER_HEARD_READY : SINTER_HEARD_NEWS;
    case VIR_DOMAIN_BLOCK_JOB_COMPLETED:
        return note_end(run, SINTER_SEEN_COMPLETED);
    case VIR_DOMAIN_BLOCK_JOB_FAILED:
        return note_end(run, SINTER_SEEN_FAILED);
    case VIR_DOMAIN_BLOCK_JOB_CANCELED:
        return note_end(run, SINTER_SEEN_CANCELED);
    default:
        return SINTER_HEARD_NOTHING;
    }
}

SinterHeard
sinter_live_hear(SinterJobRun *run, const SinterEvent *event)
{
    SinterLiveEnd *end = &sinter_live_state(run)->end;

    switch (event->kind) {
    case SINTER_EVENT_BLOCK_JOB:
        return hear_block_job(run, event->status);
    case SINTER_EVENT_QMP_JOB_ERROR:
        g_free(end->qemu_reason);
        end->qemu_reason = g_strdup(event->text);
        return SINTER_HEARD_NOTHING;
    case SINTER_EVENT_LIFECYCLE:
    case SINTER_EVENT_CONNECTED:
        return SINTER_HEARD_NEWS;
    default:
        return SINTER_HEARD_NOTHING;
    }
}

void
sinter_live_apply_bandwidth(SinterJobRun *run)
{
    SinterVirt *virt = run->context.virt;
    const SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    if (record->phase != SINTER_PHASE_COPYING && record->phase != SINTER_PHASE_READY)
        return;
    if (!virt->klass->set_bandwidth(virt, record->domain_uuid, record->plan->disk,
                                    record->bandwidth_bytes_per_sec, &error))
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
}

/* Returns whether the block job is a mirror, which a guest can outrun. */
static gboolean
is_mirror(SinterOperation operation)
{
    return operation == SINTER_OPERATION_ACTIVE_COMMIT || operation == SINTER_OPERATION_COPY ||
           operation == SINTER_OPERATION_CHECK;
}

/* Polls the progress; SINTER_HEARD_NEWS if the whole host should be observed. */
static SinterHeard
poll_progress(SinterJobRun *run)
{
    SinterLiveState *state = sinter_live_state(run);
    SinterVirt *virt = run->context.virt;
    const SinterDiskPlan *plan = run->record->plan;
    SinterBlockJobInfo info = { 0 };
    g_autoptr(GError) error = NULL;

    if (!virt->klass->get_info(virt, run->record->domain_uuid, plan->disk, &info, &error) ||
        info.type == SINTER_BLOCK_JOB_NONE)
        return SINTER_HEARD_NEWS;
    if (run->news.unsaved)
        sinter_job_run_save_or_log(run);
    SINTER_POINT("progress-polled");
    sinter_job_run_note_progress(run, info.done_bytes, info.total_bytes);
    if (is_mirror(plan->operation))
        sinter_live_converge(run, &info);
    /* full progress does not mean READY, but it is a reason to check whether an event was missed */
    state->n_full_polls = info.done_bytes >= info.total_bytes ? state->n_full_polls + 1 : 0;
    sinter_chain_look(run)->observation.all_copied =
        state->n_full_polls >= 2 && info.total_bytes > 0;
    if (state->n_full_polls < 2)
        return SINTER_HEARD_NOTHING;
    state->n_full_polls = 0;
    return SINTER_HEARD_NEWS;
}

SinterHeard
sinter_live_wait(SinterJobRun *run)
{
    const SinterConvergence *convergence = &sinter_live_state(run)->guest.state;
    SinterHeard heard = SINTER_HEARD_NOTHING;

    run->news.since_usec = 0;
    while (heard == SINTER_HEARD_NOTHING) {
        guint64 timeout = sinter_convergence_next_sample_usec(convergence, g_get_monotonic_time(),
                                                              run->context.poll_usec);
        g_autoptr(SinterMessage) message = sinter_mailbox_wait(run->mailbox, timeout);

        heard = message ? sinter_job_run_hear(run, message) : poll_progress(run);
    }
    return heard;
}

gboolean
sinter_live_hear_out(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterObservation *seen = &sinter_chain_look(run)->observation;
    SinterLiveEnd *end = &sinter_live_state(run)->end;

    if (end->heard_out || verdict->next < SINTER_NEXT_FAIL || !seen->domain_active ||
        seen->seen != SINTER_SEEN_NOTHING || seen->block_job != SINTER_BLOCK_JOB_NONE ||
        run->record->phase < SINTER_PHASE_COPYING || run->record->phase >= SINTER_PHASE_VERIFYING)
        return FALSE;
    end->heard_out = TRUE;
    sinter_job_run_wait(run, 2 * run->context.poll_usec);
    return TRUE;
}
