/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-convergence.h"
#include "sinter-job-run.h"
#include "sinter-offline-worker.h"
#include "sinter-rate.h"
#include "sinter-reconcile.h"

G_BEGIN_DECLS

/* What the files of a live job share: sinter-live-job.c goes round the loop, the others do what it
 * comes to there. All in the job's thread. */

struct _SinterLiveJob {
    SinterLiveJobContext context;
    GThread *thread;
    GMutex lock;   /* guards left */
    GCond cond;    /* left was set */
    gboolean left; /* the thread's last word */

    SinterMailbox *mailbox; /* from any thread; the rest belongs to the job's thread */
    SinterJobRecord *record;
    SinterJobProgress progress;
    SinterRate rate;
    SinterConvergence convergence;
    SinterObservation observation;
    SinterDomain *domain;   /* as last observed, or NULL */
    GPtrArray *host;        /* of SinterDomain: all of them, likewise; NULL once it was started */
    char *qemu_reason;      /* why QEMU's job failed, where QEMU told */
    char *trouble;          /* why the last look failed, as logged; NULL when it did not */
    GError *forced_failure; /* we ended the block job for this; the job fails with it */
    guint n_pivot_tries;
    guint n_release_tries; /* to give the guest back, since it last worked */
    guint n_full_polls;    /* looks in a row at which all was copied and no event had come */
    gboolean unsaved_news; /* the record on disk lags behind in what need not be durable */
    gboolean end_asked;    /* the block job's end was asked for */
    gboolean settled;      /* what an earlier run of the daemon owed the guest was given back */
    gboolean heard_out;    /* an event that may be on its way was waited for */
    gboolean flush_failed; /* QEMU could not be made to flush: not tried again */
    gboolean space_told;   /* that it waits for room that others may need was logged */
    SinterOfflineWorker *worker; /* offline, while it works; else NULL */
    guint n_workers;             /* that were started: the serial of the last one */
    guint n_deaths;              /* of workers that gave no answer */
    gboolean stopped;            /* the daemon ends */
    gboolean final;
};

/* What came of a wait. */
typedef enum {
    SINTER_HEARD_NOTHING, /* of no consequence: wait on */
    SINTER_HEARD_READY,
    SINTER_HEARD_NEWS, /* look at the world again */
} SinterHeard;

/* --- sinter-live-job-tell.c --- */

void sinter_live_job_publish(SinterLiveJob *self, gboolean ended);
void sinter_live_job_log(SinterLiveJob *self, GLogLevelFlags level, const char *text);
gboolean sinter_live_job_save(SinterLiveJob *self, GError **error);

/* For news that the next look would find again: losing it loses nothing. */
void sinter_live_job_save_or_log(SinterLiveJob *self);

/* Writes down that @phase begins, before it does. */
gboolean sinter_live_job_enter_phase(SinterLiveJob *self, SinterPhase phase, GError **error);

/* Ends the job. @message: (nullable): why it is not done */
void sinter_live_job_finish(SinterLiveJob *self, SinterPhase phase, SinterError code,
                            const char *message);

/* Ends the job as failed. */
void sinter_live_job_fail(SinterLiveJob *self, const GError *error);

/* --- sinter-live-job-observe.c --- */

/* Looks at the host. FALSE with an error when that was not possible. */
gboolean sinter_live_job_observe(SinterLiveJob *self, GError **error);

gboolean sinter_live_job_is_lost(SinterLiveJob *self, const GError *error);

/* --- sinter-live-job-wait.c --- */

/* Takes what the mailbox held. */
SinterHeard sinter_live_job_hear(SinterLiveJob *self, const SinterMessage *message);

/* Until something is heard that is of consequence; looks at the progress meanwhile. */
SinterHeard sinter_live_job_wait(SinterLiveJob *self);

/* For something that no event may announce: looks again after @timeout_usec at the latest. */
SinterHeard sinter_live_job_wait_or(SinterLiveJob *self, guint64 timeout_usec);

void sinter_live_job_note_progress(SinterLiveJob *self, guint64 done_bytes, guint64 total_bytes);

/* --- sinter-live-job-step.c --- */

/* Does what the verdict says; returns what was last heard. */
SinterHeard sinter_live_job_step(SinterLiveJob *self, const SinterVerdict *verdict);

/* --- sinter-live-job-guest.c --- */

/* Whether something that was taken from the guest has to be given back. */
gboolean sinter_live_job_owes_guest(const SinterLiveJob *self);

/* Gives the guest back what was taken from it: all, or an error that tells what it still lacks. */
gboolean sinter_live_job_release_guest(SinterLiveJob *self, GError **error);

/* Takes a sample of the block job's progress and does what convergence then asks for. */
void sinter_live_job_converge(SinterLiveJob *self, const SinterBlockJobInfo *info);

/* Makes QEMU write what it pulled. FALSE when it could not be done: with *@ret_again set the
 * connection was lost or the guest is still held, and the caller looks again; without, a warning
 * of the job says why. */
gboolean sinter_live_job_flush_pulled(SinterLiveJob *self, gboolean *ret_again);

/* --- sinter-live-job-space.c --- */

/* Claims the room that the job may need. With GRANTED nothing stands in its way; else *@error says
 * what does, and with PROMISED other jobs will give it back. */
SinterSpace sinter_live_job_claim_space(SinterLiveJob *self, GError **error);

/* Claims it again for a job that an earlier run of the daemon began. */
void sinter_live_job_renew_space(SinterLiveJob *self);

G_END_DECLS
