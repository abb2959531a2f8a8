/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of an offline merge from its record and an observation. Invariant: none of
 * the block jobs is ours, and an interrupted merge is restarted: as long as the domain has the old
 * chain, the chain reads as before, however far the merge got.
 */

#include "sinter-offline-reconcile.h"

SinterVerdict
sinter_offline_reconcile(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (!seen->domain_exists)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain no longer exists; its files are not changed");
    if (seen->block_job != SINTER_BLOCK_JOB_NONE)
        return sinter_verdict(SINTER_NEXT_WAIT); /* another user's: its result is observed
                                                  * afterwards */
    if (seen->chain == SINTER_CHAIN_AFTER) {
        if (record->started_usec == 0)
            return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                                      "another program has already made the change");
        return sinter_verdict(SINTER_NEXT_VERIFY);
    }
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
                                  "the chain changed as planned, and then changed again");
    if (seen->chain == SINTER_CHAIN_OTHER)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                                  "the chain has changed since the plan was made; make a new plan");
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    return sinter_verdict(seen->domain_active ? SINTER_NEXT_WAIT : SINTER_NEXT_START);
}
