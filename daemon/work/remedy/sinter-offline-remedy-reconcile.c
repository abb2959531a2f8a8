/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of a remedy that needs the domain shut off. Invariant: a domain that
 * somebody else uses or has started is left alone; images are repaired only while it is off; it is
 * started once, and only after its images were repaired and are sound.
 */

#include "sinter-offline-remedy-reconcile.h"

static SinterVerdict
decide_off(const SinterJobRecord *record, const SinterOfflineRemedyLook *look)
{
    /* also after a crash of the daemon: whoever shut it off may have had a reason. Not as a
     * failure, after which the remedies are asked again. */
    if (record->phase >= SINTER_PHASE_STARTING)
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "the images are repaired; the domain was to be started, and is "
                                  "shut off");
    if (record->plan->stops && record->phase < SINTER_PHASE_STOPPING)
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "somebody else has shut the domain off; its images were not "
                                  "repaired");
    if (!look->repaired)
        return sinter_verdict(SINTER_NEXT_CHECK);
    return sinter_verdict(record->plan->starts ? SINTER_NEXT_START : SINTER_NEXT_VERIFY);
}

static SinterVerdict
decide_failed(const SinterJobRecord *record)
{
    if (record->plan->stops && record->phase <= SINTER_PHASE_STOPPING)
        return sinter_verdict(SINTER_NEXT_STOP);
    return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                              "the domain is not shut off; its images were not repaired");
}

static SinterVerdict
decide_anew(const SinterJobRecord *record)
{
    if (record->phase >= SINTER_PHASE_STARTING)
        return sinter_verdict(SINTER_NEXT_VERIFY);
    return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                              "somebody has started the domain");
}

SinterVerdict
sinter_offline_remedy_reconcile(const SinterJobRecord *record, const SinterOfflineRemedyLook *look)
{
    if (record->cancel_requested && record->phase < SINTER_PHASE_STARTING)
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "cancelled on request; the domain was not started");
    switch (look->use) {
    case SINTER_DOMAIN_IS_GONE:
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain no longer exists");
    case SINTER_DOMAIN_IS_OFF:
        return decide_off(record, look);
    case SINTER_DOMAIN_HAS_FAILED:
        return decide_failed(record);
    case SINTER_DOMAIN_IS_IN_USE:
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "the guest is not paused by an I/O error any more");
    case SINTER_DOMAIN_RUNS_ANEW:
        return decide_anew(record);
    case SINTER_DOMAIN_IS_DIFFERENT:
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                                  "the chain has changed since the remedy was planned");
    }
    g_return_val_if_reached(sinter_verdict(SINTER_NEXT_WAIT));
}
