/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job tells: its record on disk, its log lines, what is published of it, its end. What
 * holds: an end that is told is written down, or nothing is.
 */

#include "sinter-job-kind.h"

#include "sinter-log.h"
#include "sinter-message-id.h"

void
sinter_live_job_publish(SinterLiveJob *self, gboolean ended)
{
    self->context.func(self->record, &self->progress, ended, self->context.user_data);
}

/* @message_id: (nullable): what the journal's catalog explains */
static void
log_job_as(SinterLiveJob *self, GLogLevelFlags level, const char *message_id, const char *text)
{
    const SinterJobRecord *record = self->record;
    const SinterLogField fields[] = {
        { "MESSAGE_ID", message_id },           { "SINTER_JOB", record->id },
        { "DOMAIN_UUID", record->domain_uuid }, { "DOMAIN_NAME", record->domain_name },
        { "DISK", record->plan->disk },         { NULL, NULL },
    };

    sinter_log(level, fields, "job %s, %s of %s %s: %s", record->id,
               sinter_operation_name(record->plan->operation), record->domain_name,
               record->plan->disk, text);
}

void
sinter_live_job_log(SinterLiveJob *self, GLogLevelFlags level, const char *text)
{
    log_job_as(self, level, NULL, text);
}

static void
log_end(SinterLiveJob *self, const char *text)
{
    static const char *const message_ids[] = {
        [SINTER_PHASE_DONE] = SINTER_MESSAGE_ID_JOB_DONE,
        [SINTER_PHASE_FAILED] = SINTER_MESSAGE_ID_JOB_FAILED,
        [SINTER_PHASE_CANCELLED] = SINTER_MESSAGE_ID_JOB_CANCELLED,
        [SINTER_PHASE_QUARANTINED] = SINTER_MESSAGE_ID_JOB_QUARANTINED,
    };
    SinterPhase phase = self->record->phase;

    log_job_as(self, phase == SINTER_PHASE_DONE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
               message_ids[phase], text);
}

gboolean
sinter_live_job_save(SinterLiveJob *self, GError **error)
{
    self->unsaved_news = FALSE;
    return sinter_job_store_save(self->context.store, self->record, error);
}

void
sinter_live_job_save_or_log(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;

    if (!sinter_live_job_save(self, &error))
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
}

gboolean
sinter_live_job_enter_phase(SinterLiveJob *self, SinterPhase phase, GError **error)
{
    SinterPhase before = self->record->phase;

    if (before == phase)
        return TRUE;
    self->record->phase = phase;
    if (!sinter_live_job_save(self, error)) {
        self->record->phase = before;
        g_prefix_error(error, "the job's record cannot be written: ");
        return FALSE;
    }
    sinter_live_job_publish(self, FALSE);
    return TRUE;
}

/* Where the end cannot be written, what is written must not be: the next daemon would begin anew
 * what its caller was told is over. To remove a file needs no room. */
static void
save_end(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) second = NULL;

    if (sinter_live_job_save(self, &error))
        return;
    sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
    if (!sinter_job_store_remove(self->context.store, self->record->id, &second))
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, second->message);
}

void
sinter_live_job_finish(SinterLiveJob *self, SinterPhase phase, SinterError code,
                       const char *message)
{
    SinterJobRecord *record = self->record;

    record->phase = phase;
    record->error_code = phase == SINTER_PHASE_DONE ? SINTER_ERROR_FAILED : code;
    g_free(record->error_message);
    record->error_message = g_strdup(message);
    record->ended_usec = g_get_real_time();
    save_end(self);
    log_end(self, message ? message : "done");
    for (guint i = 0; i < record->warnings->len; i++)
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, record->warnings->pdata[i]);
    self->final = TRUE;
}

void
sinter_live_job_fail(SinterLiveJob *self, const GError *error)
{
    sinter_live_job_finish(self, SINTER_PHASE_FAILED,
                           error->domain == SINTER_ERROR ? (SinterError)error->code
                                                         : SINTER_ERROR_FAILED,
                           error->message);
}
