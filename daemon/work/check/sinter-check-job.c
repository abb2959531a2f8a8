/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kinds of jobs that check and that repair images. Invariant: a check writes to no image, and
 * reads none that a writer has open; a repair writes to none that any other process has open.
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

static gboolean
is_repair(const SinterJobRun *run)
{
    return run->record->plan->operation == SINTER_OPERATION_REPAIR;
}

static void
step_end(SinterJobRun *run, const SinterVerdict *verdict)
{
    if (is_repair(run))
        sinter_check_keep_undo_files(run);
    sinter_job_run_finish(
        run, verdict->next == SINTER_NEXT_CANCELLED ? SINTER_PHASE_CANCELLED : SINTER_PHASE_FAILED,
        verdict->error, verdict->reason);
}

static void
step_check(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterPhase phase = is_repair(run) ? SINTER_PHASE_REPAIRING : SINTER_PHASE_CHECKING;
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    SinterJobRecord *record = run->record;
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, record->plan->disk) : NULL;
    g_autoptr(GError) error = NULL;
    SinterCheckEnd end;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    if (!sinter_job_run_enter_phase(run, phase, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    end = sinter_check_images(run, disk, &error);
    if (is_repair(run) && end != SINTER_CHECK_STOPPED)
        sinter_check_keep_undo_files(run);
    switch (end) {
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

const SinterJobKind sinter_repair_job_kind = {
    .name = SINTER_JOB_KIND_REPAIR,
    .state_size = sizeof(State),
    .seat_offset = G_STRUCT_OFFSET(State, seat),
    .clear = clear,
    .observe = observe,
    .decide = decide,
    .steps = {
        [SINTER_NEXT_START] = step_check,
        [SINTER_NEXT_FAIL] = step_end,
        [SINTER_NEXT_CANCELLED] = step_end,
    },
};
