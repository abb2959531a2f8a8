/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of a check under a temporary overlay from its record and an observation.
 * The chain "before" has the overlay, the chain "after" has not: before the overlay is put on, and
 * after it is merged back. Three functions for three parts of the job: until the overlay is on, the
 * check, and the way back, which is the merge of the overlay by the live job, or by the offline job
 * if the domain is shut off. Invariant: once the overlay may hold a guest's writes, the job does
 * not end before it is merged back, except with both images named; a cancellation ends the check
 * only.
 */

#include "sinter-live-check-reconcile.h"

#include "sinter-live-reconcile.h"

static SinterVerdict
quarantine(const char *reason)
{
    return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED, reason);
}

/* The chain has no overlay, as far as libvirt knows, and the record says that it was requested.
 * libvirt may have been killed after QEMU had moved to it. */
static SinterVerdict
next_of_lost_request(const SinterJobRecord *record, const SinterObservation *seen,
                     const SinterOverlaySeen *overlay)
{
    if (overlay->use == SINTER_OVERLAY_USED)
        return quarantine("a process uses the temporary overlay, but libvirt does not know of it");
    if (overlay->refused)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "libvirt did not accept the temporary overlay");
    if (overlay->use == SINTER_OVERLAY_FREE && (overlay->other_qemu || !seen->domain_active))
        return quarantine("QEMU ended while it was being moved to the temporary overlay; it is not "
                          "known which image has the guest's last writes");
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    return sinter_verdict(SINTER_NEXT_SEAL);
}

/* The overlay is not on the disk, or it is not known. */
static SinterVerdict
next_unsealed(const SinterJobRecord *record, const SinterObservation *seen,
              const SinterOverlaySeen *overlay)
{
    gboolean requested = record->phase == SINTER_PHASE_SEALING;

    if (seen->chain == SINTER_CHAIN_OTHER && requested && overlay->use != SINTER_OVERLAY_ABSENT)
        return quarantine("the chain changed while the temporary overlay was being put on it");
    if (seen->chain == SINTER_CHAIN_OTHER || (seen->chain == SINTER_CHAIN_BEFORE && !requested))
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
            "the chain has changed since the check was requested; check again");
    if (seen->chain == SINTER_CHAIN_BEFORE)
        return sinter_verdict(SINTER_NEXT_CHECK);
    if (requested)
        return next_of_lost_request(record, seen, overlay);
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    if (seen->block_job != SINTER_BLOCK_JOB_NONE)
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
            "another block job runs on the disk; wait for it to end, or cancel it");
    if (!seen->domain_active)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the domain is not running; check again");
    return sinter_verdict(SINTER_NEXT_SEAL);
}

/* The overlay is on the disk, and the check has not ended. */
static SinterVerdict
next_check(const SinterObservation *seen)
{
    if (seen->chain == SINTER_CHAIN_AFTER)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                                  "another program has merged the temporary overlay; check again");
    if (seen->chain == SINTER_CHAIN_OTHER)
        return quarantine("the chain changed during the check, and has the temporary overlay");
    if (seen->block_job != SINTER_BLOCK_JOB_NONE)
        return quarantine("a block job of another program runs on the temporary overlay");
    return sinter_verdict(SINTER_NEXT_CHECK);
}

/* The overlay is to be merged back. */
static SinterVerdict
next_back(const SinterJobRecord *record, const SinterObservation *seen)
{
    SinterJobRecord copy = *record;
    gboolean offline = record->plan->offline;

    if (offline && seen->chain == SINTER_CHAIN_AFTER)
        return sinter_verdict(SINTER_NEXT_VERIFY);
    /* the domain was shut off, or started while an offline merge was interrupted: begins again */
    if (seen->chain == SINTER_CHAIN_BEFORE && seen->block_job == SINTER_BLOCK_JOB_NONE &&
        (offline || (!seen->domain_active && record->phase < SINTER_PHASE_PIVOTING)))
        return sinter_verdict(SINTER_NEXT_START);
    copy.cancel_requested = FALSE;
    return sinter_live_reconcile(&copy, seen);
}

SinterVerdict
sinter_live_check_reconcile(const SinterJobRecord *record, const SinterObservation *seen,
                            const SinterOverlaySeen *overlay)
{
    if (!seen->domain_exists && record->phase == SINTER_PHASE_QUEUED)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain no longer exists");
    if (!seen->domain_exists)
        return quarantine("the domain no longer exists");
    if (record->phase <= SINTER_PHASE_SEALING)
        return next_unsealed(record, seen, overlay);
    if (record->phase == SINTER_PHASE_CHECKING && !record->reports && !record->error_message &&
        !record->cancel_requested)
        return next_check(seen);
    return next_back(record, seen);
}
