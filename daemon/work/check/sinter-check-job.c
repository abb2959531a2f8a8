/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that checks images. Invariant: no image is written to, and none is read that a
 * writer has open.
 */

#include "sinter-check-job.h"

#include "sinter-chain-look.h"
#include "sinter-check-images.h"
#include "sinter-check-reconcile.h"
#include "sinter-job-report.h"
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
    gboolean of_file = run->record->domain_uuid[0] == '\0';

    return of_file || sinter_chain_observe(run, FALSE, error);
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    return sinter_check_reconcile(run->record, &sinter_chain_look(run)->observation);
}

static void
step_check(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    SinterJobRecord *record = run->record;
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, record->plan->disk) : NULL;
    g_autoptr(GError) error = NULL;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    if (!sinter_job_run_enter_phase(run, SINTER_PHASE_CHECKING, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    switch (sinter_check_images(run, disk, &error)) {
    case SINTER_CHECK_DONE:
        sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
        break;
    case SINTER_CHECK_FAILED:
        sinter_job_run_fail(run, error);
        break;
    case SINTER_CHECK_STOPPED:
        break;
    }
}

const SinterJobKind sinter_check_job_kind = {
    .name = SINTER_JOB_KIND_CHECK,
    .state_size = sizeof(State),
    .seat_offset = G_STRUCT_OFFSET(State, seat),
    .clear = clear,
    .observe = observe,
    .decide = decide,
    .steps = { [SINTER_NEXT_START] = step_check },
};
