/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Undoes a pull that may have lost data. QEMU (7.2) removes the backing file name from the header
 * of the active image while the table entries for the pulled data are only in its memory; if it is
 * killed then, parts of the disk read as zeros. The images below still have all of it, and what the
 * guest wrote since is in the active image, so the former name makes the disk whole. Invariant: no
 * image below was changed or removed before QEMU was made to flush, and the name is written only
 * while no process has the image open.
 */

#include "sinter-live-restore.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-point.h"

#include <sinter/rebase.h>

void
sinter_live_restore_prepare(SinterJobRecord *record, const SinterDomain *domain)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, record->plan->disk);
    const SinterLayer *below;

    if (record->plan->operation != SINTER_OPERATION_PULL || !disk || disk->layers->len < 2)
        return;
    below = disk->layers->pdata[1];
    g_free(record->backing_name);
    g_free(record->backing_format);
    record->backing_name = g_strdup(((const SinterLayer *)disk->layers->pdata[0])->backing_name);
    record->backing_format = g_strdup(below->format);
}

static void
wait_until(SinterJobRun *run, const char *what, guint64 timeout_usec)
{
    SinterJobRecord *record = run->record;

    if (record->phase != SINTER_PHASE_WAITING) {
        record->phase = SINTER_PHASE_WAITING;
        sinter_job_run_save_or_log(run);
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING,
                           "QEMU ended before it had written all of the pulled data: waiting until "
                           "the domain is shut off, to restore the old chain");
    }
    sinter_job_run_set_waiting(run, what);
    sinter_job_run_wait(run, timeout_usec);
}

/* Writes the former name, and removes a chain from the definition, which would count more. */
static gboolean
restore(SinterJobRun *run, GError **error)
{
    const SinterJobRecord *record = run->record;
    const SinterDiskPlan *plan = record->plan;
    SinterVirt *virt = run->context.virt;
    const SinterRebaseOptions options = {
        .format = "qcow2",
        .backing_name = record->backing_name ? record->backing_name : plan->chain_before[1],
        .backing_format = record->backing_format,
        .flags = SINTER_REBASE_UNSAFE,
    };

    SINTER_POINT("backing-restoring");
    if (!sinter_rebase(plan->chain_before[0], &options, NULL, error))
        return FALSE;
    SINTER_POINT("backing-restored");
    return virt->klass->redefine_disk(virt, record->domain_uuid, plan->disk, NULL, NULL, error);
}

static void
quarantine(SinterJobRun *run, const GError *cause)
{
    const SinterDiskPlan *plan = run->record->plan;
    g_autofree char *message = g_strdup_printf(
        "QEMU ended before it had written all of the pulled data, and the old chain could not be "
        "restored: %s; restore it while domain '%s' is shut off: sinter-img rebase -u -f qcow2 -b "
        "'%s' -F %s '%s'",
        cause->message, run->record->domain_name, plan->chain_before[1],
        run->record->backing_format ? run->record->backing_format : "FORMAT",
        plan->chain_before[0]);

    sinter_job_run_finish(run, SINTER_PHASE_QUARANTINED, (SinterError)cause->code, message);
}

void
sinter_live_step_restore(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterJobRecord *record = run->record;
    g_autofree char *what = g_strdup_printf(
        "domain '%s', which must be shut off now: QEMU ended before it had written all of the "
        "pulled data, and parts of disk %s may read as zeros until the old chain is restored",
        record->domain_name, record->plan->disk);
    g_autoptr(GError) error = NULL;

    if (sinter_chain_look(run)->observation.domain_active) {
        wait_until(run, what, G_MAXUINT64);
        return;
    }
    if (restore(run, &error)) {
        sinter_job_run_finish(run, SINTER_PHASE_FAILED, SINTER_ERROR_FAILED,
                              "QEMU ended before it had written all of the pulled data; the old "
                              "chain is restored and complete, and no file was removed: start the "
                              "job again");
        return;
    }
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_LOCKED))
        wait_until(run, what, run->context.retry_usec);
    else if (!sinter_job_is_lost(error))
        quarantine(run, error);
}
