/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Protects a pivot against a crash of the host. QEMU switches to the other image some time before
 * libvirt records that; if QEMU dies in between, the definition names the image that QEMU has left,
 * and the guest's last writes are in the other one. Invariant: from before a pivot is requested
 * until its outcome is known, the definition has a guard, which keeps libvirt from starting it; the
 * record names the guard before it is set; a pivot counts as refused only after the same QEMU
 * process has been seen running without it.
 */

#include "sinter-live-handover.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-live-reconcile.h"
#include "sinter-point.h"

/* Attempts to remove the guard: for five minutes, then an administrator must. */
#define MAX_LIFT_TRIES 60

/* --- the QEMU process ----------------------------------------------------------------------- */

/* If the block job still runs after a refused pivot, the pivot has not happened. */
static void
withdraw_refused_pivot(SinterJobRun *run)
{
    const SinterObservation *seen = &sinter_chain_look(run)->observation;
    SinterLiveEnd *end = &sinter_live_state(run)->end;

    if (!end->refused || seen->other_qemu ||
        seen->block_job != sinter_live_block_job(run->record->plan->operation) ||
        (seen->mirror != SINTER_MIRROR_READY && seen->mirror != SINTER_MIRROR_COPYING))
        return;
    end->refused = FALSE;
    run->record->phase = SINTER_PHASE_READY;
}

/* Returns whether the record names the process whose end matters: the one that was asked to pivot,
 * or that has pulled and may not have written everything. */
static gboolean
is_process_settled(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->plan->operation == SINTER_OPERATION_PULL)
        return record->qemu_identity && record->phase > SINTER_PHASE_QUEUED &&
               seen->chain == SINTER_CHAIN_AFTER;
    return record->phase >= SINTER_PHASE_PIVOTING;
}

gboolean
sinter_live_identify_qemu(SinterJobRun *run, GError **error)
{
    SinterObservation *seen = &sinter_chain_look(run)->observation;
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autofree char *identity = NULL;
    g_autoptr(GError) cause = NULL;

    if (!seen->domain_active)
        return TRUE;
    SINTER_POINT("qemu-identifying");
    /* read after the domain: an identity that is too new looks like a restart, never the reverse */
    identity = virt->klass->identify(virt, record->domain_uuid, &cause);
    if (!identity && sinter_job_is_lost(cause)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (!is_process_settled(record, seen)) {
        g_free(record->qemu_identity);
        record->qemu_identity = g_steal_pointer(&identity);
        return TRUE;
    }
    seen->other_qemu =
        !identity || !record->qemu_identity || !g_str_equal(identity, record->qemu_identity);
    withdraw_refused_pivot(run);
    return TRUE;
}

/* --- the guard ------------------------------------------------------------------------------- */

static const SinterLayer *
first_layer(const GPtrArray *layers)
{
    return layers && layers->len > 0 ? layers->pdata[0] : NULL;
}

static gboolean
next_boot_is_same(const SinterDisk *disk)
{
    const SinterLayer *live = first_layer(disk->layers);
    const SinterLayer *next = first_layer(disk->inactive_layers);

    return live && next && sinter_layer_same_file(live, next);
}

/* Only a definition that would start the chain that QEMU leaves needs the guard; libvirt updates
 * that definition after the pivot. */
static gboolean
needs_guard(const SinterJobRun *run)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    const SinterDiskPlan *plan = run->record->plan;
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, plan->disk) : NULL;

    return disk && domain->persistent && sinter_live_pivots(plan) && next_boot_is_same(disk);
}

static gboolean
note_pivot(SinterJobRun *run, GError **error)
{
    SinterJobRecord *record = run->record;
    gboolean was_guarded = record->definition_guarded;
    gboolean good;

    record->definition_guarded = was_guarded || needs_guard(run);
    if (record->phase == SINTER_PHASE_PIVOTING && record->definition_guarded != was_guarded)
        good = sinter_job_run_save(run, error);
    else
        good = sinter_job_run_enter_phase(run, SINTER_PHASE_PIVOTING, error);
    if (!good)
        record->definition_guarded = was_guarded;
    return good;
}

gboolean
sinter_live_announce_pivot(SinterJobRun *run, GError **error)
{
    SinterVirt *virt = run->context.virt;
    const SinterJobRecord *record = run->record;
    g_autofree char *reason = NULL;
    g_autoptr(GError) cause = NULL;

    SINTER_POINT("pivot-noting");
    if (!note_pivot(run, error))
        return FALSE;
    SINTER_POINT("pivot-noted");
    if (!record->definition_guarded)
        return TRUE;
    reason = g_strdup_printf("job %s has not verified which image of disk %s is current, see "
                             "'sinter job %s'",
                             record->id, record->plan->disk, record->id);
    if (virt->klass->guard_disk(virt, record->domain_uuid, record->plan->disk, reason, &cause)) {
        SINTER_POINT("guard-set");
        if (!virt->klass->sync_definition(virt, record->domain_name, &cause))
            sinter_job_run_log(run, G_LOG_LEVEL_WARNING, cause->message);
        SINTER_POINT("guard-synced");
        return TRUE;
    }
    if (sinter_job_is_lost(cause)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    /* without the guard the pivot is as safe, unless the domain is started before the next
     * daemon */
    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, cause->message);
    return TRUE;
}

static gboolean
unguard(SinterJobRun *run, const SinterLayer *current, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;

    SINTER_POINT("guard-removing");
    if (!virt->klass->unguard_disk(virt, record->domain_uuid, record->plan->disk,
                                   current ? current->path : NULL, current ? current->format : NULL,
                                   error))
        return FALSE;
    SINTER_POINT("guard-removed");
    /* saved with the next change: removing a guard that does not exist has no effect */
    record->definition_guarded = FALSE;
    return TRUE;
}

/* Returns whether the job may end although the guard could not be removed. */
static gboolean
note_failure(SinterJobRun *run, const GError *error)
{
    SinterJobRecord *record = run->record;

    sinter_job_run_log(run, G_LOG_LEVEL_WARNING, error->message);
    if (++sinter_live_state(run)->end.n_lift_tries < MAX_LIFT_TRIES) {
        sinter_job_run_wait(run, run->context.retry_usec);
        return FALSE;
    }
    sinter_job_record_warn(record,
                           "domain '%s' does not start until <encryption> is removed from disk %s "
                           "of its definition (virsh edit): %s",
                           record->domain_name, record->plan->disk, error->message);
    return TRUE;
}

gboolean
sinter_live_lift_guard(SinterJobRun *run, const SinterVerdict *verdict)
{
    const SinterDomain *domain = sinter_chain_look(run)->domain;
    const SinterDisk *disk =
        domain ? sinter_domain_find_disk(domain, run->record->plan->disk) : NULL;
    gboolean moved = verdict->next == SINTER_NEXT_VERIFY;
    g_autoptr(GError) error = NULL;

    if (!run->record->definition_guarded || !disk ||
        (!moved && verdict->next != SINTER_NEXT_FAIL && verdict->next != SINTER_NEXT_CANCELLED))
        return TRUE;
    if (!unguard(run, moved ? first_layer(disk->layers) : NULL, &error))
        return note_failure(run, error);
    /* if the definition was not updated before, it is now: the observation is out of date */
    return !moved || next_boot_is_same(disk);
}
