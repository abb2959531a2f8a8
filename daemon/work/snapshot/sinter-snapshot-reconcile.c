/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of the creation of a snapshot from its record and an observation.
 * Invariant: it ends as done only if all disks are on their overlays and libvirt knows the
 * snapshot; it is requested again only while all disks are on the images of the plan, and no
 * process may use an overlay.
 */

#include "sinter-snapshot-reconcile.h"

static SinterVerdict
fail(SinterError error, const char *reason)
{
    return sinter_verdict_end(SINTER_NEXT_FAIL, error, reason);
}

static SinterVerdict
quarantine(const char *reason)
{
    return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED, reason);
}

/* Nothing was requested yet. */
static SinterVerdict
next_queued(const SinterJobRecord *record, const SinterSnapshotSeen *seen)
{
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    if (seen->n_open < seen->n_disks)
        return fail(SINTER_ERROR_CHAIN_CHANGED,
                    "the chain of a disk has changed since the snapshot was requested");
    if (seen->domain_active == record->plan->offline)
        return fail(SINTER_ERROR_CHAIN_CHANGED,
                    "the domain was started or shut off since the snapshot was requested");
    if (seen->described || seen->name_taken)
        return fail(SINTER_ERROR_INVALID_ARGUMENT, "the domain has a snapshot of this name");
    if (seen->busy)
        return fail(SINTER_ERROR_BUSY,
                    "a block job runs on a disk; wait for it to end, or cancel it");
    if (seen->saved && !seen->domain_active)
        return fail(SINTER_ERROR_BUSY,
                    "the domain has a managed save image, which needs the present chain");
    if (seen->use != SINTER_OVERLAY_ABSENT)
        return fail(SINTER_ERROR_FAILED, "the file of a new overlay exists; use another name");
    return sinter_verdict(SINTER_NEXT_START);
}

/* All disks are on the images of the plan, as far as libvirt knows, and the snapshot was requested.
 * libvirt may have been killed after QEMU had moved to the overlays. */
static SinterVerdict
next_unsealed(const SinterJobRecord *record, const SinterSnapshotSeen *seen)
{
    gboolean ended = !seen->domain_active || seen->other_qemu;

    if (seen->use == SINTER_OVERLAY_USED)
        return quarantine("a process uses a new overlay, but libvirt does not know of it");
    /* also after an error: QEMU may have moved before it ended, and libvirt not have heard of it */
    if (seen->use == SINTER_OVERLAY_FREE && !record->plan->offline && ended)
        return quarantine(
            "QEMU ended while it was being moved to the new overlays; it is not known "
            "which images have the guest's last writes");
    if (seen->refused)
        return fail(SINTER_ERROR_FAILED, "libvirt did not accept the snapshot");
    if (seen->domain_active == record->plan->offline)
        return fail(SINTER_ERROR_CHAIN_CHANGED,
                    "the domain was started or shut off while the snapshot was being created");
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    return sinter_verdict(SINTER_NEXT_START);
}

SinterVerdict
sinter_snapshot_reconcile(const SinterJobRecord *record, const SinterSnapshotSeen *seen)
{
    if (!seen->domain_exists)
        return fail(SINTER_ERROR_NOT_FOUND, "the domain no longer exists");
    if (record->phase < SINTER_PHASE_SEALING)
        return next_queued(record, seen);
    if (seen->n_sealed == seen->n_disks && seen->described)
        return sinter_verdict(SINTER_NEXT_VERIFY);
    if (seen->n_sealed == seen->n_disks)
        return fail(SINTER_ERROR_FAILED,
                    "the disks are on their new overlays, but libvirt was interrupted before it "
                    "knew the snapshot: no state is lost, but the snapshot has no metadata; "
                    "consolidate the domain, and create the snapshot again");
    if (seen->n_open == seen->n_disks)
        return next_unsealed(record, seen);
    return quarantine("the chain of a disk changed while the snapshot was being created");
}
