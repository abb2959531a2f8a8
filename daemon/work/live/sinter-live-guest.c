/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job does to the guest: limits its write rate and suspends its vCPUs. Invariant: the record
 * states it durably before it is done; a guest that was paused by another user is neither suspended
 * nor resumed; all limits that libvirt knows are saved and restored, because setting one of them
 * clears others.
 */

#include "sinter-live-guest.h"

#include "sinter-io-limits.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-live-handover.h"
#include "sinter-point.h"

#include <libvirt/libvirt.h>

/* Attempts to restore the guest: for five minutes, then an administrator must. */
#define MAX_RELEASE_TRIES 60

/* What calls of libvirt may take on a busy host before a hold counts as too long. */
#define HOLD_SLACK_USEC (G_USEC_PER_SEC / 4)

static gboolean
owes_guest(const SinterJobRun *run)
{
    return run->record->suspended || run->record->throttled;
}

static gboolean
put_limits_back(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;

    if (!record->throttled)
        return TRUE;
    SINTER_POINT("limits-restoring");
    if (!virt->klass->set_io_limits(virt, record->domain_uuid, record->plan->disk,
                                    record->saved_limits, error)) {
        g_prefix_error(error, "the write limit of the disk could not be restored: ");
        return FALSE;
    }
    record->throttled = FALSE;
    SINTER_POINT("limits-restored");
    return TRUE;
}

/* The guest runs again. The time that it was suspended, which only our calls limit, is recorded. */
static void
count_hold(SinterJobRun *run)
{
    SinterJobRecord *record = run->record;
    guint64 now_usec = (guint64)g_get_real_time();
    guint64 held_usec = now_usec - MIN(record->suspended_usec, now_usec);
    guint64 most_usec = run->context.max_pause_usec;

    record->suspended = FALSE;
    if (record->suspended_usec == 0)
        return;
    record->suspended_usec = 0;
    record->n_holds++;
    record->longest_hold_usec = MAX(record->longest_hold_usec, held_usec);
    record->total_hold_usec += held_usec;
    if (most_usec > 0 && held_usec > most_usec + most_usec / 2 + HOLD_SLACK_USEC)
        sinter_job_record_warn(
            record,
            "the guest was suspended for %" G_GUINT64_FORMAT
            " ms instead of at most %" G_GUINT64_FORMAT
            " ms, because libvirt did not resume it in time: another client kept the domain busy, "
            "or sinterd or libvirtd was restarted",
            held_usec / 1000, most_usec / 1000);
}

static gboolean
let_go(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;

    if (!record->suspended)
        return TRUE;
    SINTER_POINT("guest-resuming");
    if (!virt->klass->resume(virt, record->domain_uuid, error)) {
        g_prefix_error(error, "the domain could not be resumed: ");
        return FALSE;
    }
    count_hold(run);
    SINTER_POINT("guest-resumed");
    return TRUE;
}

static gboolean
release_guest(SinterJobRun *run, GError **error)
{
    g_autoptr(GError) second = NULL;
    gboolean running;
    gboolean fast;

    if (!owes_guest(run))
        return TRUE;
    running = let_go(run, error);
    fast = put_limits_back(run, running ? error : &second);
    sinter_job_run_save_or_log(run);
    return running && fast;
}

gboolean
sinter_live_settle_debts(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterLiveGuest *guest = &sinter_live_state(run)->guest;
    g_autoptr(GError) error = NULL;

    if (!owes_guest(run) || !sinter_chain_look(run)->observation.domain_active ||
        (guest->settled && verdict->next < SINTER_NEXT_VERIFY))
        return TRUE;
    guest->settled = TRUE;
    if (release_guest(run, &error)) {
        guest->n_tries = 0;
        return TRUE;
    }
    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
    if (++guest->n_tries >= MAX_RELEASE_TRIES) {
        sinter_job_record_warn(run->record, "%s", error->message);
        return TRUE;
    }
    guest->settled = FALSE;
    sinter_job_run_wait(run, run->context.retry_usec);
    return FALSE;
}

void
sinter_live_let_guest_go(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    if (!release_guest(run, &error))
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
}

/* --- convergence ---------------------------------------------------------------------------- */

static void
lift_bandwidth(SinterJobRun *run)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    if (!virt->klass->set_bandwidth(virt, record->domain_uuid, record->plan->disk, 0, &error)) {
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    record->bandwidth_bytes_per_sec = 0;
    sinter_job_record_warn(
        record,
        "the guest writes faster than the bandwidth limit allows to copy; the limit was lifted");
    sinter_job_run_save_or_log(run);
}

/* Saves the present limits, once, and records that they are lowered. */
static gboolean
note_limits(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    char **limits;

    if (record->throttled)
        return TRUE;
    limits = virt->klass->get_io_limits(virt, record->domain_uuid, record->plan->disk, error);
    if (!limits)
        return FALSE;
    g_strfreev(record->saved_limits);
    record->saved_limits = limits;
    record->throttled = TRUE;
    if (sinter_job_run_save(run, error))
        return TRUE;
    record->throttled = FALSE;
    return FALSE;
}

/* The limits of a throttle group hold for all its disks together. */
static gboolean
is_in_group(SinterJobRun *run)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    const SinterDisk *disk =
        domain ? sinter_domain_find_disk(domain, run->record->plan->disk) : NULL;

    if (!disk || !disk->throttle_group)
        return FALSE;
    sinter_job_record_warn(run->record,
                           "the guest writes faster than the copy runs; its writes are not "
                           "throttled, because throttle group '%s' has other disks",
                           disk->throttle_group);
    return TRUE;
}

static void
throttle(SinterJobRun *run, guint64 rate)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    gboolean was_throttled = record->throttled;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) limits = NULL;

    if (is_in_group(run))
        return;
    if (!note_limits(run, &error)) {
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    SINTER_POINT("limits-lowering");
    limits = sinter_io_limits_lower(record->saved_limits, rate);
    if (!virt->klass->set_io_limits(virt, record->domain_uuid, record->plan->disk, limits,
                                    &error)) {
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
        if (!was_throttled && !sinter_job_is_lost(error)) {
            record->throttled = FALSE; /* refused: there is nothing to restore */
            sinter_job_run_save_or_log(run);
        }
        return;
    }
    SINTER_POINT("limits-lowered");
    sinter_job_record_warn(record, "the guest writes faster than the copy runs; its writes are "
                                   "throttled until the end of the job");
}

/* The guest was not suspended after all. */
static void
forget_hold(SinterJobRecord *record)
{
    record->suspended = FALSE;
    record->suspended_usec = 0;
}

/* Saves the record first, then suspends the guest. After an error the guest is unchanged, or, in
 * doubt, the record says that it is suspended. */
static gboolean
hold(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;

    record->suspended = TRUE;
    record->suspended_usec = (guint64)g_get_real_time();
    if (!sinter_job_run_save(run, error)) {
        forget_hold(record);
        return FALSE;
    }
    SINTER_POINT("guest-suspending");
    if (virt->klass->suspend(virt, record->domain_uuid, error)) {
        SINTER_POINT("guest-suspended");
        return TRUE;
    }
    if (error && *error && !sinter_job_is_lost(*error)) {
        forget_hold(record);
        sinter_job_run_save_or_log(run);
    }
    return FALSE;
}

static void
pause_guest(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    if (!hold(run, &error)) {
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    sinter_job_record_warn(run->record,
                           "the guest was suspended for up to %" G_GUINT64_FORMAT
                           " ms so that the copy could converge",
                           run->context.max_pause_usec / 1000);
}

static void
end_pause(SinterJobRun *run)
{
    g_autoptr(GError) error = NULL;

    if (!run->record->suspended)
        return;
    if (!let_go(run, &error)) {
        sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    sinter_job_run_save_or_log(run);
}

static void
act(SinterJobRun *run, SinterConvergeAction action, guint64 rate)
{
    switch (action) {
    case SINTER_CONVERGE_NOTHING:
        return;
    case SINTER_CONVERGE_LIFT_BANDWIDTH:
        lift_bandwidth(run);
        break;
    case SINTER_CONVERGE_THROTTLE:
        throttle(run, rate);
        break;
    case SINTER_CONVERGE_SUSPEND:
        pause_guest(run);
        break;
    case SINTER_CONVERGE_RESUME:
        end_pause(run);
        break;
    case SINTER_CONVERGE_GIVE_UP:
        sinter_job_record_warn(run->record, "the copy does not converge; the job continues: cancel "
                                            "it, or reduce the load of the guest");
        break;
    }
    sinter_job_run_publish(run, FALSE);
}

void
sinter_live_converge(SinterJobRun *run, const SinterBlockJobInfo *info)
{
    SinterConvergenceSample sample = {
        .now_usec = g_get_monotonic_time(),
        .remaining_bytes =
            info->total_bytes > info->done_bytes ? info->total_bytes - info->done_bytes : 0,
        .done_bytes = info->done_bytes,
        .rate_bytes_per_sec = run->progress.rate_bytes_per_sec,
        .bandwidth_limited = info->bandwidth_bytes_per_sec > 0,
    };
    SinterConvergence *convergence = &sinter_live_state(run)->guest.state;
    SinterConvergeAction action;
    guint64 rate = 0;

    if (!convergence->suspended_since_usec)
        end_pause(run); /* if that failed when the pause was over */
    if (info->total_bytes == 0 && !convergence->suspended_since_usec)
        return; /* not known yet */
    action = sinter_convergence_sample(convergence, &sample, &rate);
    act(run, action, rate);
}

/* --- after a pull --------------------------------------------------------------------------- */

/*
 * QEMU's stream (pull) completes with metadata only in QEMU's memory: the image's header has the
 * new backing file name, but the table entries for the pulled data are not written. Observed with
 * QEMU 7.2: no flush until the guest flushes or QEMU ends. Until then a crash can lose the data.
 * The only way that libvirt offers to make QEMU flush every image is to suspend the guest for a
 * moment.
 */
gboolean
sinter_live_flush_pulled(SinterJobRun *run, gboolean *ret_again)
{
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    *ret_again = FALSE;
    if (sinter_live_state(run)->guest.flush_failed)
        return FALSE;
    if (sinter_chain_look(run)->domain->state != SINTER_DOMAIN_RUNNING) {
        sinter_job_record_warn(record, "the domain is not running, so QEMU cannot flush the pulled "
                                       "data; the merged files are kept");
        return FALSE;
    }
    if (hold(run, &error) && let_go(run, &error)) {
        sinter_job_run_save_or_log(run);
        /* it may be another process since it was looked at */
        *ret_again = !sinter_live_identify_qemu(run, &error) ||
                     sinter_chain_look(run)->observation.other_qemu;
        return TRUE;
    }
    *ret_again = TRUE;
    if (sinter_job_is_lost(error))
        return FALSE;
    sinter_live_state(run)->guest.flush_failed = TRUE;
    sinter_job_record_warn(record,
                           "QEMU could not flush the pulled data; the merged files are kept: %s",
                           error->message);
    return FALSE;
}
