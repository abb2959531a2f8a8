/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that merges the images of a shut-off domain. Invariant: while the domain runs, no
 * matter who started it, the job waits and touches nothing.
 */

#include "sinter-offline-job.h"

#include "sinter-chain-space.h"
#include "sinter-chain-verify.h"
#include "sinter-job-report.h"
#include "sinter-offline-merge.h"
#include "sinter-offline-reconcile.h"

#include <libvirt/libvirt.h>

static void
clear(SinterJobRun *run)
{
    sinter_chain_look_clear(sinter_chain_look(run));
}

/* The whole host is read later, when the images are locked. */
static gboolean
observe(SinterJobRun *run, GError **error)
{
    return sinter_chain_observe(run, FALSE, error);
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    return sinter_offline_reconcile(run->record, &sinter_chain_look(run)->observation);
}

/* While the domain runs, a block job belongs to another user: its end is news. */
static SinterHeard
hear(SinterJobRun *run, const SinterEvent *event)
{
    switch (event->kind) {
    case SINTER_EVENT_BLOCK_JOB:
        return event->status == VIR_DOMAIN_BLOCK_JOB_READY ? SINTER_HEARD_NOTHING
                                                           : SINTER_HEARD_NEWS;
    case SINTER_EVENT_LIFECYCLE:
    case SINTER_EVENT_CONNECTED:
        return SINTER_HEARD_NEWS;
    default:
        return SINTER_HEARD_NOTHING;
    }
}

static void
step_verify(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (sinter_chain_verify(run))
        sinter_chain_clean_up(run, TRUE);
}

const SinterJobKind sinter_offline_job_kind = {
    .name = SINTER_JOB_KIND_OFFLINE,
    .state_size = sizeof(SinterOfflineState),
    .seat_offset = G_STRUCT_OFFSET(SinterOfflineState, seat),
    .clear = clear,
    .take_over = sinter_chain_renew_space,
    .observe = observe,
    .decide = decide,
    .steps = {
        [SINTER_NEXT_START] = sinter_offline_step_merge,
        [SINTER_NEXT_WAIT] = sinter_offline_step_wait,
        [SINTER_NEXT_VERIFY] = step_verify,
    },
    .hear = hear,
    .apply_bandwidth = sinter_worker_seat_apply_bandwidth,
};
