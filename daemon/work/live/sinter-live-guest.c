/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job does to the guest: lower its write limit, hold its CPUs. What holds: the record says
 * so, durably, before it is done; a guest that somebody else has paused is neither held nor
 * resumed; all three of libvirt's byte limits are kept and put back, because to set one of them
 * clears the others.
 */

#include "sinter-job-kind.h"

#include <libvirt/libvirt.h>

gboolean
sinter_live_job_owes_guest(const SinterLiveJob *self)
{
    return self->record->suspended || self->record->throttled;
}

static gboolean
put_limits_back(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    const SinterIoLimits limits = { record->saved_total_bytes_per_sec,
                                    record->saved_read_bytes_per_sec,
                                    record->saved_write_bytes_per_sec };

    if (!record->throttled)
        return TRUE;
    if (!virt->klass->set_io_limits(virt, record->domain_uuid, record->plan->disk, &limits,
                                    error)) {
        g_prefix_error(error, "the disk's write limit could not be put back: ");
        return FALSE;
    }
    record->throttled = FALSE;
    return TRUE;
}

static gboolean
let_go(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;

    if (!record->suspended)
        return TRUE;
    if (!virt->klass->resume(virt, record->domain_uuid, error)) {
        g_prefix_error(error, "the domain could not be resumed: ");
        return FALSE;
    }
    record->suspended = FALSE;
    return TRUE;
}

gboolean
sinter_live_job_release_guest(SinterLiveJob *self, GError **error)
{
    g_autoptr(GError) second = NULL;
    gboolean running;
    gboolean fast;

    if (!sinter_live_job_owes_guest(self))
        return TRUE;
    running = let_go(self, error);
    fast = put_limits_back(self, running ? error : &second);
    sinter_live_job_save_or_log(self);
    return running && fast;
}

/* --- convergence ---------------------------------------------------------------------------- */

static void
lift_bandwidth(SinterLiveJob *self)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;

    if (!virt->klass->set_bandwidth(virt, record->domain_uuid, record->plan->disk, 0, &error)) {
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    record->bandwidth_bytes_per_sec = 0;
    sinter_job_record_warn(record, "the guest writes faster than the limited copy runs; the "
                                   "bandwidth limit was lifted");
    sinter_live_job_save_or_log(self);
}

/* Notes the limits as they are, once; then the record says that they are lowered. */
static gboolean
note_limits(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    SinterIoLimits limits;

    if (record->throttled)
        return TRUE;
    if (!virt->klass->get_io_limits(virt, record->domain_uuid, record->plan->disk, &limits, error))
        return FALSE;
    record->saved_total_bytes_per_sec = limits.total_bytes_per_sec;
    record->saved_read_bytes_per_sec = limits.read_bytes_per_sec;
    record->saved_write_bytes_per_sec = limits.write_bytes_per_sec;
    record->throttled = TRUE;
    if (sinter_live_job_save(self, error))
        return TRUE;
    record->throttled = FALSE;
    return FALSE;
}

static guint64
lower_of(guint64 limit, guint64 rate)
{
    return limit > 0 ? MIN(limit, rate) : rate;
}

/* The guest's own limits with writes at @rate at most. A limit on the sum cannot stand beside one
 * on writes: it goes on for reads. */
static SinterIoLimits
lowered_limits(const SinterJobRecord *record, guint64 rate)
{
    guint64 total = record->saved_total_bytes_per_sec;

    return (SinterIoLimits){
        .read_bytes_per_sec = total > 0 ? total : record->saved_read_bytes_per_sec,
        .write_bytes_per_sec =
            lower_of(total > 0 ? total : record->saved_write_bytes_per_sec, rate),
    };
}

static void
throttle(SinterLiveJob *self, guint64 rate)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;
    gboolean was_throttled = record->throttled;
    g_autoptr(GError) error = NULL;
    SinterIoLimits limits;

    if (!note_limits(self, &error)) {
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    limits = lowered_limits(record, rate);
    if (!virt->klass->set_io_limits(virt, record->domain_uuid, record->plan->disk, &limits,
                                    &error)) {
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
        if (!was_throttled && !sinter_live_job_is_lost(self, error)) {
            record->throttled = FALSE; /* refused: there is nothing to give back */
            sinter_live_job_save_or_log(self);
        }
        return;
    }
    sinter_job_record_warn(record, "the guest writes faster than the copy runs; its writes were "
                                   "slowed down until the end of the job");
}

/* The record first, then the guest; an error leaves it as it was, or in doubt held by the record.
 */
static gboolean
hold(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterJobRecord *record = self->record;

    record->suspended = TRUE;
    if (!sinter_live_job_save(self, error)) {
        record->suspended = FALSE;
        return FALSE;
    }
    if (virt->klass->suspend(virt, record->domain_uuid, error))
        return TRUE;
    if (error && *error && !sinter_live_job_is_lost(self, *error)) {
        record->suspended = FALSE;
        sinter_live_job_save_or_log(self);
    }
    return FALSE;
}

static void
pause_guest(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;

    if (!hold(self, &error)) {
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    sinter_job_record_warn(self->record,
                           "the guest was held for up to %" G_GUINT64_FORMAT
                           " ms so that the copy could catch up",
                           self->context.max_pause_usec / 1000);
}

static void
end_pause(SinterLiveJob *self)
{
    g_autoptr(GError) error = NULL;

    if (!self->record->suspended)
        return;
    if (!let_go(self, &error)) {
        sinter_live_job_log(self, G_LOG_LEVEL_WARNING, error->message);
        return;
    }
    sinter_live_job_save_or_log(self);
}

static void
act(SinterLiveJob *self, SinterConvergeAction action, guint64 rate)
{
    switch (action) {
    case SINTER_CONVERGE_NOTHING:
        return;
    case SINTER_CONVERGE_LIFT_BANDWIDTH:
        lift_bandwidth(self);
        break;
    case SINTER_CONVERGE_THROTTLE:
        throttle(self, rate);
        break;
    case SINTER_CONVERGE_SUSPEND:
        pause_guest(self);
        break;
    case SINTER_CONVERGE_RESUME:
        end_pause(self);
        break;
    case SINTER_CONVERGE_GIVE_UP:
        sinter_job_record_warn(self->record,
                               "the copy does not gain on the guest, whatever was tried; the job "
                               "goes on, cancel it or lower the guest's load");
        break;
    }
    sinter_live_job_publish(self, FALSE);
}

void
sinter_live_job_converge(SinterLiveJob *self, const SinterBlockJobInfo *info)
{
    SinterConvergenceSample sample = {
        .now_usec = g_get_monotonic_time(),
        .remaining_bytes =
            info->total_bytes > info->done_bytes ? info->total_bytes - info->done_bytes : 0,
        .done_bytes = info->done_bytes,
        .rate_bytes_per_sec = self->progress.rate_bytes_per_sec,
        .bandwidth_limited = info->bandwidth_bytes_per_sec > 0,
        .pivoting = self->record->phase == SINTER_PHASE_PIVOTING,
    };
    SinterConvergeAction action;
    guint64 rate = 0;

    if (!self->convergence.suspended_since_usec)
        end_pause(self); /* where that failed when its time had come */
    if (info->total_bytes == 0 && !self->convergence.suspended_since_usec)
        return; /* not known yet */
    action = sinter_convergence_sample(&self->convergence, &sample, &rate);
    act(self, action, rate);
}

/* --- after a pull --------------------------------------------------------------------------- */

/*
 * QEMU's stream (pull) completes with tables in QEMU's memory: the backing name in the image's
 * header is new, the entries that point at the pulled data are not written. Seen with QEMU 7.2: no
 * flush until the guest flushes or QEMU ends. Until then the data is not safe from a crash, and
 * the only thing that libvirt offers to make QEMU flush every image is to stop the guest's CPUs
 * for a moment.
 */
gboolean
sinter_live_job_flush_pulled(SinterLiveJob *self, gboolean *ret_again)
{
    SinterJobRecord *record = self->record;
    g_autoptr(GError) error = NULL;

    *ret_again = FALSE;
    if (self->flush_failed)
        return FALSE;
    if (self->domain->state != SINTER_DOMAIN_RUNNING) {
        sinter_job_record_warn(record,
                               "the domain is not running, so that QEMU cannot be made to write "
                               "what it pulled; the merged files stay");
        return FALSE;
    }
    if (hold(self, &error) && let_go(self, &error)) {
        sinter_live_job_save_or_log(self);
        return TRUE;
    }
    *ret_again = TRUE;
    if (sinter_live_job_is_lost(self, error))
        return FALSE;
    self->flush_failed = TRUE;
    sinter_job_record_warn(record,
                           "QEMU could not be made to write what it pulled; the merged files "
                           "stay: %s",
                           error->message);
    return FALSE;
}
