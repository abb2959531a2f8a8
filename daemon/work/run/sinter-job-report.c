/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job reports: its record on disk, its log messages, its published state, its end.
 * Invariant: when an end is published, it has been saved, or no record of the job is left.
 */

#include "sinter-job-report.h"

#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-point.h"

void
sinter_job_run_publish(SinterJobRun *run, gboolean ended)
{
    run->context.func(run->record, &run->progress, ended, run->context.user_data);
}

/* @message_id: (nullable): refers to an entry of the journal catalog */
static void
log_job_as(SinterJobRun *run, GLogLevelFlags level, const char *message_id, const char *text)
{
    const SinterJobRecord *record = run->record;
    const SinterLogField fields[] = {
        { "MESSAGE_ID", message_id },           { "SINTER_JOB", record->id },
        { "DOMAIN_UUID", record->domain_uuid }, { "DOMAIN_NAME", record->domain_name },
        { "DISK", record->plan->disk },         { NULL, NULL },
    };

    sinter_log(level, fields, "job %s, %s of %s%s%s: %s", record->id,
               sinter_operation_name(record->plan->operation), record->domain_name,
               record->domain_name[0] ? " " : "", record->plan->disk, text);
}

void
sinter_job_run_log(SinterJobRun *run, GLogLevelFlags level, const char *text)
{
    log_job_as(run, level, NULL, text);
}

static void
log_end(SinterJobRun *run, const char *text)
{
    static const char *const message_ids[] = {
        [SINTER_PHASE_DONE] = SINTER_MESSAGE_ID_JOB_DONE,
        [SINTER_PHASE_FAILED] = SINTER_MESSAGE_ID_JOB_FAILED,
        [SINTER_PHASE_CANCELLED] = SINTER_MESSAGE_ID_JOB_CANCELLED,
        [SINTER_PHASE_QUARANTINED] = SINTER_MESSAGE_ID_JOB_QUARANTINED,
    };
    SinterPhase phase = run->record->phase;

    log_job_as(run, phase == SINTER_PHASE_DONE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
               message_ids[phase], text);
}

gboolean
sinter_job_run_save(SinterJobRun *run, GError **error)
{
    run->news.unsaved = FALSE;
    SINTER_POINT("record-saving");
    if (!sinter_job_store_save(run->context.store, run->record, error))
        return FALSE;
    SINTER_POINT("record-saved");
    return TRUE;
}

void
sinter_job_run_save_or_log(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_job_run_save(run, &error))
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
}

void
sinter_job_run_set_waiting(SinterJobRun *run, const char *what)
{
    SinterJobRecord *record = run->record;

    if (g_strcmp0(record->waiting_for, what) == 0)
        return;
    g_free(record->waiting_for);
    record->waiting_for = g_strdup(what);
    sinter_job_run_publish(run, FALSE);
}

gboolean
sinter_job_run_enter_phase(SinterJobRun *run, SinterPhase phase, GError **error)
{
    SinterPhase before = run->record->phase;

    if (before == phase)
        return TRUE;
    run->record->phase = phase;
    g_clear_pointer(&run->record->waiting_for, g_free);
    if (!sinter_job_run_save(run, error)) {
        run->record->phase = before;
        g_prefix_error(error, "the job record cannot be written: ");
        return FALSE;
    }
    sinter_job_run_publish(run, FALSE);
    return TRUE;
}

/* Saves the end. If that fails, removes the record: otherwise the next daemon would restart a job
 * that its caller was told had ended. Removing a file needs no disk space. */
static void
save_end(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) second = NULL;

    if (sinter_job_run_save(run, &error))
        return;
    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
    if (!sinter_job_store_remove(run->context.store, run->record->id, &second))
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, second->message);
}

/* Warns about snapshots whose state was in an image that received part of a merge. While a job is
 * in doubt, that is still open. */
static void
warn_of_part(SinterJobRecord *record)
{
    if (!record->base_written || record->in_doubt || record->phase == SINTER_PHASE_DONE)
        return;
    for (char **name = record->plan->drop_snapshots; name && *name; name++)
        sinter_job_record_warn(record,
                               "the state of snapshot '%s' may be inconsistent, because data was "
                               "already merged into '%s': consolidate again, or delete the "
                               "snapshot",
                               *name, record->plan->base_path);
}

void
sinter_job_run_finish(SinterJobRun *run, SinterPhase phase, SinterError code, const char *message)
{
    SinterJobRecord *record = run->record;

    record->phase = phase;
    g_clear_pointer(&record->waiting_for, g_free);
    record->error_code = phase == SINTER_PHASE_DONE ? SINTER_ERROR_FAILED : code;
    g_free(record->error_message);
    record->error_message = g_strdup(message);
    record->ended_usec = g_get_real_time();
    warn_of_part(record);
    SINTER_POINT("end-saving");
    save_end(run);
    SINTER_POINT("end-saved");
    log_end(run, message ? message : "done");
    for (guint i = 0; i < record->warnings->len; i++)
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, record->warnings->pdata[i]);
    run->life = SINTER_JOB_OVER;
}

void
sinter_job_run_fail(SinterJobRun *run, const GError *error)
{
    sinter_job_run_finish(run, SINTER_PHASE_FAILED,
                          error->domain == SINTER_ERROR ? (SinterError)error->code
                                                        : SINTER_ERROR_FAILED,
                          error->message);
}

void
sinter_job_run_note_progress(SinterJobRun *run, guint64 done_bytes, guint64 total_bytes)
{
    SinterJobProgress *progress = &run->progress;
    guint64 remaining;

    progress->done_bytes = done_bytes;
    progress->total_bytes = MAX(total_bytes, done_bytes);
    progress->rate_bytes_per_sec =
        sinter_rate_sample(&run->rate, g_get_monotonic_time(), done_bytes);
    remaining = progress->total_bytes - progress->done_bytes;
    if (progress->done_bytes > 0) /* before that the total may be unknown */
        sinter_space_ledger_lower(run->context.ledger, run->record->id, remaining);
    progress->expected_end_usec = 0;
    if (progress->rate_bytes_per_sec > 0)
        progress->expected_end_usec =
            g_get_real_time() +
            (gint64)((double)remaining * G_USEC_PER_SEC / (double)progress->rate_bytes_per_sec);
    sinter_job_run_publish(run, FALSE);
}
