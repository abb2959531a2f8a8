/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The offline merge, step by step: open and lock the images, look at the whole host once more,
 * merge in a worker, let the domain's definition name the result. What holds: from the last look
 * at the host until the definition follows the images stay locked, so no QEMU can have written to
 * the old chain in between, whether a worker was killed or not; and a merge that a crash cut off is
 * begun anew, never taken for done, for the domain may have run since.
 */

#include "sinter-offline-job.h"

#include "sinter-cleanup.h"
#include "sinter-job-kind.h"
#include "sinter-offline-worker.h"
#include "sinter-recheck.h"

/* A worker that dies this often dies of what it reads. */
#define MAX_DEATHS 3

/* From being asked to give up to being killed. */
#define CANCEL_USEC (10 * G_USEC_PER_SEC)

/* --- waiting ---------------------------------------------------------------------------------- */

static void
yield(SinterLiveJob *self, const char *why, guint64 timeout_usec)
{
    if (self->record->phase != SINTER_PHASE_WAITING) {
        self->record->phase = SINTER_PHASE_WAITING;
        self->progress.rate_bytes_per_sec = 0;
        self->progress.expected_end_usec = 0;
        sinter_space_ledger_give_up(self->context.ledger, self->record->id);
        sinter_live_job_save_or_log(self);
        sinter_live_job_publish(self, FALSE);
        sinter_live_job_log(self, G_LOG_LEVEL_INFO, why);
    }
    sinter_live_job_wait_or(self, timeout_usec);
}

void
sinter_offline_job_wait(SinterLiveJob *self)
{
    yield(self, "the domain runs: waiting until it is shut off", G_MAXUINT64);
}

/* --- before the merge ------------------------------------------------------------------------- */

/* A lost connection is waited for: the loop looks again. */
static gboolean
fail_unless_lost(SinterLiveJob *self, const GError *error)
{
    if (!sinter_live_job_is_lost(self, error))
        sinter_live_job_fail(self, error);
    return FALSE;
}

static gboolean
open_files(SinterLiveJob *self, SinterOfflineFiles **ret_files)
{
    const SinterDisk *disk = sinter_domain_find_disk(self->domain, self->record->plan->disk);
    g_autoptr(GError) error = NULL;

    *ret_files = sinter_offline_files_open(disk, self->record->plan, &error);
    if (*ret_files)
        return TRUE;
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_LOCKED))
        yield(self, error->message, self->context.retry_usec);
    else
        sinter_live_job_fail(self, error);
    return FALSE;
}

/* Beside all other jobs. One that goes on with a merge may have used what it once had claimed. */
static gboolean
claim_space(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;
    SinterSpace space;

    if (self->record->started_usec != 0) {
        sinter_live_job_renew_space(self);
        return TRUE;
    }
    space = sinter_live_job_claim_space(self, &error);
    if (space == SINTER_SPACE_PROMISED)
        yield(self, error->message, self->context.retry_usec);
    else if (space != SINTER_SPACE_GRANTED)
        sinter_live_job_fail(self, error);
    return space == SINTER_SPACE_GRANTED;
}

/* The planner's word on the host as it is now that nobody can open the images any more. */
static gboolean
look_once_more(SinterLiveJob *self)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) host = virt->klass->scan_all(virt, &error);
    const SinterDomain *domain;

    if (!host)
        return fail_unless_lost(self, error);
    domain = sinter_recheck_find_domain(host, record->domain_uuid);
    if (domain && domain->active)
        return FALSE; /* it was quicker, without locks: the next look tells */
    if (!sinter_recheck_plan(record, host, &error))
        return fail_unless_lost(self, error);
    if (!record->remove_identities)
        sinter_cleanup_remember_files(record, domain);
    return TRUE;
}

static gboolean
begin(SinterLiveJob *self)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    if (!sinter_live_job_enter_phase(self, SINTER_PHASE_STARTING, &error))
        return fail_unless_lost(self, error);
    /* a chain that stands in the definition would not follow */
    if (!virt->klass->redefine_disk(virt, record->domain_uuid, record->plan->disk, NULL, NULL,
                                    &error) ||
        !sinter_live_job_enter_phase(self, SINTER_PHASE_COPYING, &error))
        return fail_unless_lost(self, error);
    return TRUE;
}

/* --- while the worker works ------------------------------------------------------------------- */

/* What came of a worker: its answer, or how it died without one. */
typedef struct {
    SinterWorkerMessage *answer;
    char *death;
    gint64 kill_usec; /* when it is killed for not giving up; 0: it was not asked to */
    gboolean killed;
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
    sinter_worker_message_free(outcome->answer);
    g_free(outcome->death);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

/* Returns whether that was its last word. */
static gboolean
hear_worker(SinterLiveJob *self, SinterMessage *message, Outcome *outcome)
{
    const SinterWorkerMessage *said = message->worker;

    if (message->serial != self->n_workers)
        return FALSE;
    if (!said) {
        outcome->death = g_steal_pointer(&message->text);
        return TRUE;
    }
    if (said->kind == SINTER_WORKER_PROGRESS) {
        sinter_live_job_note_progress(self, said->done_bytes, said->total_bytes);
    } else if (!outcome->answer) {
        outcome->answer = g_steal_pointer(&message->worker);
    }
    return FALSE;
}

static void
ask_to_give_up(SinterLiveJob *self, Outcome *outcome)
{
    if (!self->record->cancel_requested || outcome->kill_usec != 0)
        return;
    sinter_offline_worker_cancel(self->worker);
    outcome->kill_usec = g_get_monotonic_time() + CANCEL_USEC;
}

static guint64
time_left(const Outcome *outcome)
{
    if (outcome->kill_usec == 0 || outcome->killed)
        return G_MAXUINT64;
    return (guint64)MAX(outcome->kill_usec - g_get_monotonic_time(), 0);
}

/* Until the worker has ended; FALSE when the daemon ends before. */
static gboolean
follow(SinterLiveJob *self, Outcome *outcome)
{
    gboolean ended = FALSE;

    while (!ended) {
        g_autoptr(SinterMessage) message = NULL;

        ask_to_give_up(self, outcome);
        message = sinter_mailbox_wait(self->mailbox, time_left(outcome));
        if (!message) {
            sinter_offline_worker_kill(self->worker);
            outcome->killed = TRUE;
        } else if (message->kind == SINTER_MESSAGE_WORKER) {
            ended = hear_worker(self, message, outcome);
        } else {
            sinter_live_job_hear(self, message);
        }
        if (self->stopped)
            return FALSE;
    }
    return TRUE;
}

/* --- after it --------------------------------------------------------------------------------- */

static gboolean
follow_with_definition(SinterLiveJob *self, const SinterOfflineFiles *files)
{
    SinterVirt *virt = self->context.virt;
    const SinterDiskPlan *plan = self->record->plan;
    g_autoptr(GError) error = NULL;

    if (plan->operation != SINTER_OPERATION_ACTIVE_COMMIT)
        return TRUE;
    if (!sinter_live_job_enter_phase(self, SINTER_PHASE_PIVOTING, &error))
        return fail_unless_lost(self, error);
    if (virt->klass->redefine_disk(virt, self->record->domain_uuid, plan->disk,
                                   plan->chain_after[0],
                                   sinter_offline_files_get_result_format(files), &error))
        return TRUE;
    g_prefix_error(&error,
                   "all is merged into '%s', but the definition could not be made to name it, so "
                   "that the chain is as it was: ",
                   plan->chain_after[0]);
    return fail_unless_lost(self, error);
}

static void
take_error(SinterLiveJob *self, const SinterWorkerMessage *answer)
{
    g_autoptr(GError) error = g_error_new_literal(SINTER_ERROR, (int)answer->code, answer->text);

    if (answer->code == SINTER_ERROR_LOCKED)
        yield(self, answer->text, self->context.retry_usec);
    else if (answer->code != SINTER_ERROR_CANCELLED || !self->record->cancel_requested)
        sinter_live_job_fail(self, error);
}

static void
take_death(SinterLiveJob *self, const char *death)
{
    g_autofree char *text = g_strdup_printf("sinter-worker died: %s", death);
    g_autoptr(GError) error = NULL;

    if (self->record->cancel_requested)
        return;
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, text);
    if (++self->n_deaths < MAX_DEATHS)
        return;
    error = g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED,
                        "%s; it was tried %d times; the chain is as it was", text, MAX_DEATHS);
    sinter_live_job_fail(self, error);
}

static void
take_outcome(SinterLiveJob *self, const SinterOfflineFiles *files, const Outcome *outcome)
{
    if (!outcome->answer)
        take_death(self, outcome->death);
    else if (outcome->answer->kind == SINTER_WORKER_DONE)
        follow_with_definition(self, files);
    else if (outcome->answer->kind == SINTER_WORKER_ERROR)
        take_error(self, outcome->answer);
    else
        take_death(self, "it said what is not for it to say");
}

void
sinter_offline_job_merge(SinterLiveJob *self)
{
    g_autoptr(SinterOfflineFiles) files = NULL;
    g_auto(Outcome) outcome = { 0 };
    g_autoptr(GError) error = NULL;
    gboolean ended;

    if (!open_files(self, &files) || !look_once_more(self) || !claim_space(self) || !begin(self))
        return;
    self->worker = sinter_offline_worker_start(self->context.worker_program, files,
                                               self->record->bandwidth_bytes_per_sec, self->mailbox,
                                               ++self->n_workers, &error);
    if (!self->worker) {
        sinter_live_job_fail(self, error);
        return;
    }
    ended = follow(self, &outcome);
    g_clear_pointer(&self->worker, sinter_offline_worker_free);
    if (ended)
        take_outcome(self, files, &outcome);
}

void
sinter_offline_job_warn_of_part(SinterLiveJob *self)
{
    SinterJobRecord *record = self->record;

    if (record->started_usec == 0 || record->plan->operation == SINTER_OPERATION_PULL)
        return;
    for (char **name = record->plan->drop_snapshots; name && *name; name++)
        sinter_job_record_warn(record,
                               "the state of snapshot '%s' may be a mixture now, for '%s' was "
                               "merged into in part: consolidate again, or delete the snapshot",
                               *name, record->plan->base_path);
}
