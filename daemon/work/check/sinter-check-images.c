/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One check, from the images to the reports in the record and the journal. Invariant: the record
 * gets all reports or none; a check changes nothing, so an interrupted one is repeated from the
 * beginning.
 */

#include "sinter-check-images.h"

#include "sinter-check-files.h"
#include "sinter-job-report.h"
#include "sinter-log.h"
#include "sinter-message-id.h"
#include "sinter-undo-store.h"
#include "sinter-worker-seat.h"

/* The most findings of one job in its record: a record must stay small enough to be read. */
#define MAX_FINDINGS 1024

/* --- the journal ------------------------------------------------------------------------------ */

static void
log_finding(const SinterJobRun *run, const SinterImageReport *report,
            const SinterImageFinding *finding)
{
    const SinterJobRecord *record = run->record;
    gboolean note = g_str_equal(finding->klass, "note");
    const SinterLogField fields[] = {
        { "MESSAGE_ID", note ? NULL : SINTER_MESSAGE_ID_FINDING },
        { "SINTER_JOB", record->id },
        { "DOMAIN_UUID", record->domain_uuid },
        { "DOMAIN_NAME", record->domain_name },
        { "DISK", record->plan->disk },
        { "IMAGE", report->path },
        { "SINTER_FINDING", finding->code },
        { "SINTER_CLASS", finding->klass },
        { NULL, NULL },
    };

    sinter_log(note ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_WARNING, fields, "%s: %s: %s", report->path,
               finding->klass, finding->text);
}

static void
log_report(SinterJobRun *run, const SinterImageReport *report)
{
    g_autofree char *text = NULL;

    for (guint i = 0; i < report->findings->len; i++)
        log_finding(run, report, g_ptr_array_index(report->findings, i));
    if (report->state != SINTER_IMAGE_CHECKED)
        text = g_strdup_printf("'%s' was not checked: %s", report->path,
                               report->text ? report->text : "unknown reason");
    else
        text = g_strdup_printf("'%s': %" G_GUINT64_FORMAT " corruptions, %" G_GUINT64_FORMAT
                               " leaks, %" G_GUINT64_FORMAT " errors",
                               report->path, report->corruptions, report->leaks, report->errors);
    sinter_job_run_log(run, G_LOG_LEVEL_INFO, text);
}

/* --- the result ------------------------------------------------------------------------------- */

static void
limit_findings(const GPtrArray *reports)
{
    guint left = MAX_FINDINGS;

    for (guint i = 0; i < reports->len; i++) {
        GPtrArray *findings = ((SinterImageReport *)g_ptr_array_index(reports, i))->findings;

        g_ptr_array_set_size(findings, (int)MIN(findings->len, left));
        left -= findings->len;
    }
}

static void
keep_reports(SinterJobRun *run, SinterCheckFiles *files, GPtrArray *from_worker)
{
    g_autoptr(GPtrArray) reports = sinter_check_files_take_reports(files, from_worker);

    limit_findings(reports);
    for (guint i = 0; i < reports->len; i++)
        log_report(run, g_ptr_array_index(reports, i));
    g_clear_pointer(&run->record->reports, g_ptr_array_unref);
    run->record->reports = g_steal_pointer(&reports);
}

/* The first image that could not be checked tells why. */
static SinterCheckEnd
judge(const SinterJobRun *run, const SinterCheckFiles *files, GError **error)
{
    const GError *cause = sinter_check_files_get_error(files);
    const GPtrArray *reports = run->record->reports;
    const char *text = NULL;

    for (guint i = 0; i < reports->len; i++) {
        const SinterImageReport *report = g_ptr_array_index(reports, i);

        if (report->state == SINTER_IMAGE_CHECKED)
            return SINTER_CHECK_DONE;
        if (report->state == SINTER_IMAGE_FAILED && !text)
            text = report->text;
    }
    if (cause)
        g_propagate_error(error, g_error_copy(cause));
    else
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                            text ? text : "no image could be checked");
    return SINTER_CHECK_FAILED;
}

static SinterCheckEnd
take_outcome(SinterJobRun *run, SinterCheckFiles *files, const SinterWorkerOutcome *outcome,
             GError **error)
{
    const SinterWorkerMessage *answer = outcome->answer;
    g_autofree char *death = NULL;

    if (answer && answer->kind == SINTER_WORKER_DONE) {
        keep_reports(run, files, outcome->reports);
        return judge(run, files, error);
    }
    if (run->record->cancel_requested)
        return SINTER_CHECK_STOPPED;
    if (answer && answer->kind == SINTER_WORKER_ERROR) {
        g_set_error_literal(error, SINTER_ERROR, (int)answer->code, answer->text);
        return SINTER_CHECK_FAILED;
    }
    death = sinter_worker_seat_note_death(run, outcome);
    if (!death)
        return SINTER_CHECK_STOPPED;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, death);
    return SINTER_CHECK_FAILED;
}

/* The undo files become part of the record before it is final. */
void
sinter_check_keep_undo_files(SinterJobRun *run)
{
    const SinterJobContext *context = &run->context;
    const SinterUndoLimits limits = { context->keep_undo_files, context->keep_undo_days };
    SinterJobRecord *record = run->record;

    g_strfreev(record->undo_files);
    record->undo_files = sinter_undo_store_collect(context->undo_dir, record->id);
    sinter_undo_store_rotate(context->undo_dir, record->id, &limits);
}

static SinterWorkerAction
choose_action(const SinterDiskPlan *plan)
{
    if (!sinter_disk_plan_repairs(plan))
        return SINTER_WORKER_CHECK;
    return plan->repair_leaks ? SINTER_WORKER_REPAIR_LEAKS : SINTER_WORKER_REPAIR_ALL;
}

SinterCheckEnd
sinter_check_images(SinterJobRun *run, const SinterDisk *disk, GError **error)
{
    g_autoptr(SinterCheckFiles) files = sinter_check_files_open(run->record->plan, disk);
    g_auto(SinterWorkerOutcome) outcome = { 0 };
    g_auto(SinterWorkerTask) task = { 0 };
    g_autoptr(GError) local = NULL;

    if (sinter_check_files_get_n_open(files) == 0) {
        keep_reports(run, files, NULL);
        return judge(run, files, error);
    }
    if (sinter_disk_plan_repairs(run->record->plan) &&
        !sinter_check_files_make_undo_files(files, run->context.undo_dir, run->record->id, error))
        return SINTER_CHECK_FAILED;
    sinter_check_files_make_task(files, choose_action(run->record->plan), &task);
    if (sinter_worker_seat_run(run, &task, &outcome, &local))
        return take_outcome(run, files, &outcome, error);
    if (!local)
        return SINTER_CHECK_STOPPED;
    g_propagate_error(error, g_steal_pointer(&local));
    return SINTER_CHECK_FAILED;
}
