/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of a check or a repair from its record and an observation. Invariant: a job
 * that was interrupted starts again or ends, and never continues: what it had read may have changed
 * since.
 */

#include "sinter-check-reconcile.h"

SinterVerdict
sinter_check_reconcile(const SinterJobRecord *record, const SinterObservation *seen)
{
    gboolean of_file = record->domain_uuid[0] == '\0';

    if (record->cancel_requested)
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "cancelled on request");
    if (of_file)
        return sinter_verdict(SINTER_NEXT_START);
    if (!seen->domain_exists)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain no longer exists");
    if (seen->chain == SINTER_CHAIN_OTHER)
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
            "the chain has changed since the check was requested; check again");
    if (seen->block_job != SINTER_BLOCK_JOB_NONE)
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
            "a block job runs on the disk; wait for it to end, or cancel it, and check again");
    if (record->plan && record->plan->operation == SINTER_OPERATION_REPAIR && seen->domain_active)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
                                  "the domain was started; shut it off, and repair again");
    return sinter_verdict(SINTER_NEXT_START);
}
