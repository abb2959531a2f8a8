/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Derives the next step of a job that runs as a QEMU block job from its record and an observation.
 * One function per question, asked in this order: does the domain exist, is our block job running,
 * has the chain changed, and otherwise what had begun according to the record. Invariant: a chain
 * that is neither the old nor the new one is never touched, and the absence of a block job alone
 * never means success.
 */

#include "sinter-live-reconcile.h"

static const SinterBlockJobType operation_jobs[] = {
    [SINTER_OPERATION_ACTIVE_COMMIT] = SINTER_BLOCK_JOB_ACTIVE_COMMIT,
    [SINTER_OPERATION_COMMIT] = SINTER_BLOCK_JOB_COMMIT,
    [SINTER_OPERATION_PULL] = SINTER_BLOCK_JOB_PULL,
    [SINTER_OPERATION_COPY] = SINTER_BLOCK_JOB_COPY,
    [SINTER_OPERATION_CHECK] = SINTER_BLOCK_JOB_ACTIVE_COMMIT, /* of the temporary overlay */
};

SinterBlockJobType
sinter_live_block_job(SinterOperation operation)
{
    g_return_val_if_fail((gsize)operation < G_N_ELEMENTS(operation_jobs), SINTER_BLOCK_JOB_NONE);
    return operation_jobs[operation];
}

gboolean
sinter_live_pivots(const SinterDiskPlan *plan)
{
    return plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
           plan->operation == SINTER_OPERATION_CHECK ||
           (plan->operation == SINTER_OPERATION_COPY && plan->pivot);
}

/* A copy without pivot ends with the chain that it began with. */
static gboolean
is_plain_copy(const SinterJobRecord *record)
{
    return record->plan->operation == SINTER_OPERATION_COPY && !record->plan->pivot;
}

/* Returns whether a pivot was requested and the QEMU process that had to perform it has ended,
 * apparently without it. QEMU may have pivoted, and the guest written to the new image, before
 * libvirt recorded that. Only an end of the block job that libvirt reported while that process
 * still ran proves the opposite. */
static gboolean
may_have_moved(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase != SINTER_PHASE_PIVOTING || !sinter_live_pivots(record->plan))
        return FALSE;
    if (seen->domain_active)
        return seen->other_qemu;
    return seen->seen != SINTER_SEEN_FAILED && seen->seen != SINTER_SEEN_CANCELED;
}

static SinterVerdict
verdict_of_doubt(const SinterObservation *seen)
{
    const char *reason =
        "QEMU ended during the pivot, and the domain is gone; it is not known which image has the "
        "guest's last writes";

    if (seen->domain_active)
        reason = "QEMU ended during the pivot, and the domain was started again on the old chain; "
                 "it is not known which image has the guest's last writes";
    else if (seen->domain_exists)
        reason = "QEMU ended during the pivot, and the domain is shut off; it is not known which "
                 "image has the guest's last writes";
    return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED, reason);
}

/* Returns whether our block job may be READY although libvirt shows no mirror: it loses the mirror
 * if it is killed before it has recorded the job, and then neither shows READY nor reports it. The
 * request is safe: libvirt itself refuses a pivot before READY. */
static gboolean
is_ready_unseen(const SinterJobRecord *record, const SinterObservation *seen)
{
    return seen->mirror == SINTER_MIRROR_NONE && seen->all_copied &&
           (seen->block_job == SINTER_BLOCK_JOB_ACTIVE_COMMIT ||
            seen->block_job == SINTER_BLOCK_JOB_COPY) &&
           record->phase >= SINTER_PHASE_STARTING;
}

/* The disk has a block job that this job has not started. */
static SinterVerdict
next_with_unknown_job(const SinterJobRecord *record)
{
    if (!record->plan->adopt)
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
            "a block job of another program runs on the disk; wait for it to end, or cancel it");
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    return sinter_verdict(SINTER_NEXT_ADOPT);
}

/* The disk has a block job. */
static SinterVerdict
next_with_block_job(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (seen->foreign_mirror || seen->block_job != sinter_live_block_job(record->plan->operation)) {
        if (record->phase <= SINTER_PHASE_STARTING)
            return sinter_verdict_end(
                SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
                "another block job runs on the disk; wait for it to end, or cancel it");
        return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED,
                                  "a block job of another program runs on the disk");
    }
    if (record->phase == SINTER_PHASE_QUEUED)
        return next_with_unknown_job(record);
    if (seen->mirror == SINTER_MIRROR_PIVOTING || seen->mirror == SINTER_MIRROR_ABORTING)
        return sinter_verdict(SINTER_NEXT_WAIT);
    if ((record->cancel_requested || record->plan->abort) && record->phase < SINTER_PHASE_PIVOTING)
        return sinter_verdict(SINTER_NEXT_CANCEL);
    if (seen->mirror == SINTER_MIRROR_READY || is_ready_unseen(record, seen))
        return sinter_verdict(SINTER_NEXT_PIVOT);
    return sinter_verdict(SINTER_NEXT_WAIT);
}

/* Returns whether a pull is complete by its names only: QEMU may have ended with the tables of the
 * image in its memory. */
static gboolean
may_lack_pulled(const SinterJobRecord *record, const SinterObservation *seen)
{
    return record->plan->operation == SINTER_OPERATION_PULL &&
           record->phase < SINTER_PHASE_VERIFYING && (!seen->domain_active || seen->other_qemu);
}

/* The chain is the plan's result and the disk has no block job. */
static SinterVerdict
next_after(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase == SINTER_PHASE_QUEUED)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                                  "another program has already made the change");
    if (may_lack_pulled(record, seen))
        return sinter_verdict(SINTER_NEXT_RESTORE);
    return sinter_verdict(SINTER_NEXT_VERIFY);
}

/* Returns whether the end was requested after READY and libvirt reported it, to us or to the daemon
 * before us. The absence of the block job would prove nothing: QEMU may have been killed in
 * between. */
static gboolean
is_copy_whole(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return TRUE;
    return record->phase == SINTER_PHASE_PIVOTING &&
           (seen->seen == SINTER_SEEN_COMPLETED || seen->seen == SINTER_SEEN_CANCELED);
}

/* The chain is unchanged, the disk has no block job, and one had been seen running. */
static SinterVerdict
next_ended_without_change(const SinterJobRecord *record, const SinterObservation *seen)
{
    if ((is_plain_copy(record) && is_copy_whole(record, seen)) || record->plan->abort)
        return sinter_verdict(SINTER_NEXT_VERIFY);
    if (record->phase == SINTER_PHASE_VERIFYING && !sinter_live_pivots(record->plan))
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the host crashed before the new chain was durable; the old "
                                  "chain is back and complete, "
                                  "and no file was removed: start the job again");
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return sinter_verdict_end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
                                  "the chain changed as planned, but is now the old chain again");
    if (seen->seen == SINTER_SEEN_FAILED)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the block job failed; the chain is unchanged");
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    if (seen->seen == SINTER_SEEN_CANCELED)
        return sinter_verdict_end(
            SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
            "the block job was cancelled by another program; the chain is unchanged");
    if (!seen->domain_active)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the domain stopped during the job; the chain is unchanged");
    if (is_plain_copy(record) && record->phase == SINTER_PHASE_PIVOTING)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the copy ended while sinterd was not running, so it is unknown "
                                  "whether it is complete: start it again; the chain is unchanged");
    if (seen->seen == SINTER_SEEN_COMPLETED)
        return sinter_verdict_end(
            SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED,
            "libvirt reports that the block job completed, but the chain is unchanged");
    return sinter_verdict_end(
        SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
        "the block job ended while sinterd was not running; the chain is unchanged");
}

/* The chain is unchanged and the disk has no block job. */
static SinterVerdict
next_before(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase > SINTER_PHASE_STARTING ||
        (record->phase == SINTER_PHASE_STARTING && seen->seen != SINTER_SEEN_NOTHING))
        return next_ended_without_change(record, seen);
    if (record->cancel_requested)
        return sinter_verdict_cancelled();
    if (!seen->domain_active)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                                  "the domain is not running; the chain is unchanged");
    if (record->plan->adopt)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the block job has ended; the chain is unchanged");
    /* whether it was requested or not, it had no effect, and requesting it again is harmless */
    return sinter_verdict(SINTER_NEXT_START);
}

SinterVerdict
sinter_live_reconcile(const SinterJobRecord *record, const SinterObservation *observation)
{
    /* only the new chain in libvirt's own definition proves the pivot */
    if (observation->chain != SINTER_CHAIN_AFTER && may_have_moved(record, observation))
        return verdict_of_doubt(observation);
    if (!observation->domain_exists)
        return sinter_verdict_end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                                  "the domain no longer exists; its files are not changed");
    if (observation->block_job != SINTER_BLOCK_JOB_NONE)
        return next_with_block_job(record, observation);
    /* a copy without pivot has the same chain before and after: the old chain decides */
    if (observation->chain == SINTER_CHAIN_AFTER && !is_plain_copy(record))
        return next_after(record, observation);
    if (observation->chain != SINTER_CHAIN_OTHER)
        return next_before(record, observation);
    if (record->phase <= SINTER_PHASE_STARTING && observation->seen == SINTER_SEEN_NOTHING)
        return sinter_verdict_end(
            SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
            "the chain has changed since the plan was made; nothing was done");
    return sinter_verdict_end(
        SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
        "the chain is neither the old nor the planned one; the job stops here");
}
