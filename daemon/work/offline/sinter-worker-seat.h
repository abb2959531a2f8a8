/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"
#include "sinter-offline-worker.h"

G_BEGIN_DECLS

/* The worker of a job: part of the state of each kind that uses workers. */
typedef struct {
    SinterOfflineWorker *worker; /* while it runs; else NULL */
    guint n_workers;             /* started so far: the serial of the last one */
    guint n_deaths;              /* workers that ended without an answer */
} SinterWorkerSeat;

static inline SinterWorkerSeat *
sinter_worker_seat(const SinterJobRun *run)
{
    return (SinterWorkerSeat *)((char *)run->state + run->kind->seat_offset);
}

/* The result of a worker: its answer, or how it died without one. */
typedef struct {
    SinterWorkerMessage *answer;
    char *death;
    GPtrArray *reports; /* of SinterImageReport: by place in the request; NULL: none came */
    gint64 kill_usec;   /* when it is killed for not cancelling; 0: cancel was not requested */
    gboolean killed;
} SinterWorkerOutcome;

void sinter_worker_outcome_clear(SinterWorkerOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterWorkerOutcome, sinter_worker_outcome_clear)

/**
 * sinter_worker_seat_run:
 * @outcome: cleared by the caller
 *
 * Starts a worker and follows it until it has ended: its progress becomes the job's, a request to
 * cancel is passed on, and a worker that does not cancel is killed.
 *
 * Returns: %FALSE with an error if it could not be started, %FALSE without one if the daemon stops.
 */
gboolean sinter_worker_seat_run(SinterJobRun *run, const SinterWorkerTask *task,
                                SinterWorkerOutcome *outcome, GError **error);

/* Counts and logs a worker that died without an answer. (transfer full) (nullable): what happened,
 * if it was the last attempt. */
char *sinter_worker_seat_note_death(SinterJobRun *run, const SinterWorkerOutcome *outcome);

/* Passes the record's bandwidth limit on to the worker, if there is one. */
void sinter_worker_seat_apply_bandwidth(SinterJobRun *run);

G_END_DECLS
