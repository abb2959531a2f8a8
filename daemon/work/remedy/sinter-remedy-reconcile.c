/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of a remedy from its record and an observation. Invariant: only a guest
 * that an I/O error paused is resumed, and one job resumes it at most once: a guest that stops
 * again needs a new decision.
 */

#include "sinter-remedy-reconcile.h"

/* Whether the guest may have been resumed by this job. */
static gboolean
is_resumed(const SinterJobRecord *record)
{
    return record->phase >= SINTER_PHASE_RESUMING;
}

static gboolean
is_time(const SinterJobRecord *record, gint64 now_usec)
{
    const SinterDiskPlan *plan = record->plan;
    gint64 since_usec = MAX(now_usec - record->created_usec, 0);

    return (guint64)since_usec >= plan->delay_usec;
}

static SinterVerdict
decide_failed(const SinterJobRecord *record, const SinterRemedyLook *look, gint64 now_usec)
{
    const SinterDiskPlan *plan = record->plan;
    gboolean enough_space =
        plan->min_free_bytes == 0 || !look->free_known || look->free_bytes >= plan->min_free_bytes;

    if (is_resumed(record))
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the guest was resumed, and stopped with an I/O error again");
    return sinter_verdict(look->cause_passed && enough_space && is_time(record, now_usec)
                              ? SINTER_NEXT_START
                              : SINTER_NEXT_WAIT);
}

SinterVerdict
sinter_remedy_reconcile(const SinterJobRecord *record, const SinterRemedyLook *look,
                        gint64 now_usec)
{
    if (record->cancel_requested && !is_resumed(record))
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "cancelled on request; the guest was not resumed");
    switch (look->guest) {
    case SINTER_GUEST_ENDED:
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain was shut off or started again");
    case SINTER_GUEST_PAUSED:
        return sinter_verdict_end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                                  "the guest is paused for another reason than an I/O error, and "
                                  "is not resumed");
    case SINTER_GUEST_RUNNING:
        return sinter_verdict(look->running_usec >= SINTER_REMEDY_SETTLE_USEC ? SINTER_NEXT_VERIFY
                                                                              : SINTER_NEXT_WAIT);
    case SINTER_GUEST_FAILED:
        return decide_failed(record, look, now_usec);
    }
    g_return_val_if_reached(sinter_verdict(SINTER_NEXT_WAIT));
}
