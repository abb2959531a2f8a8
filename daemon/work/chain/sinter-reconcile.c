/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From record and observation to the next step. One function a question, asked in this order: is
 * the domain there, is our block job there, is the chain changed, and if none of it, what does the
 * record say had begun. What holds: a chain that is neither the old nor the new one is never
 * touched, and "no block job" alone never means success.
 */

#include "sinter-reconcile.h"

#include <sys/stat.h>

static const SinterBlockJobType operation_jobs[] = {
    [SINTER_OPERATION_ACTIVE_COMMIT] = SINTER_BLOCK_JOB_ACTIVE_COMMIT,
    [SINTER_OPERATION_COMMIT] = SINTER_BLOCK_JOB_COMMIT,
    [SINTER_OPERATION_PULL] = SINTER_BLOCK_JOB_PULL,
    [SINTER_OPERATION_COPY] = SINTER_BLOCK_JOB_COPY,
};

SinterBlockJobType
sinter_reconcile_block_job(SinterOperation operation)
{
    g_return_val_if_fail((gsize)operation < G_N_ELEMENTS(operation_jobs), SINTER_BLOCK_JOB_NONE);
    return operation_jobs[operation];
}

static SinterVerdict
verdict(SinterNext next)
{
    return (SinterVerdict){ .next = next };
}

static SinterVerdict
end(SinterNext next, SinterError error, const char *reason)
{
    return (SinterVerdict){ next, error, reason };
}

static SinterVerdict
cancelled(void)
{
    return end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
               "cancelled on request; the chain is as it was");
}

/* A copy that shall not pivot ends with the chain that it began with. */
static gboolean
is_plain_copy(const SinterJobRecord *record)
{
    return record->plan->operation == SINTER_OPERATION_COPY && !record->plan->pivot;
}

/* A block job is on the disk. */
static SinterVerdict
next_with_block_job(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (seen->foreign_mirror ||
        seen->block_job != sinter_reconcile_block_job(record->plan->operation)) {
        if (record->phase <= SINTER_PHASE_STARTING)
            return end(SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
                       "another block job is on the disk; wait for its end or cancel it");
        return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED,
                   "another block job than ours is on the disk; it was started by somebody else");
    }
    if (record->phase == SINTER_PHASE_QUEUED)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_BUSY,
                   "a block job that is not ours is on the disk; wait for its end or cancel it");
    if (seen->mirror == SINTER_MIRROR_PIVOTING || seen->mirror == SINTER_MIRROR_ABORTING)
        return verdict(SINTER_NEXT_WAIT);
    if (record->cancel_requested && record->phase < SINTER_PHASE_PIVOTING)
        return verdict(SINTER_NEXT_CANCEL);
    if (seen->mirror == SINTER_MIRROR_READY)
        return verdict(SINTER_NEXT_PIVOT);
    return verdict(SINTER_NEXT_WAIT);
}

/* The chain is the plan's result and no block job is there. */
static SinterVerdict
next_after(const SinterJobRecord *record)
{
    if (record->phase == SINTER_PHASE_QUEUED)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                   "somebody else has made the change already");
    return verdict(SINTER_NEXT_VERIFY);
}

/* Its end was asked for after READY, and libvirt said that it has ended, to us or to the daemon
 * before us. That it is gone would prove nothing: QEMU may have been killed in between. */
static gboolean
is_copy_whole(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return TRUE;
    return record->phase == SINTER_PHASE_PIVOTING &&
           (seen->seen == SINTER_SEEN_COMPLETED || seen->seen == SINTER_SEEN_CANCELED);
}

/* The chain is as before, no block job is there, and one had been seen to run. */
static SinterVerdict
next_ended_without_change(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (is_plain_copy(record) && is_copy_whole(record, seen))
        return verdict(SINTER_NEXT_VERIFY);
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
                   "the chain had changed as planned and is now the old one again");
    if (seen->seen == SINTER_SEEN_FAILED)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                   "the block job failed; the chain is as it was");
    if (record->cancel_requested)
        return cancelled();
    if (seen->seen == SINTER_SEEN_CANCELED)
        return end(SINTER_NEXT_CANCELLED, SINTER_ERROR_CANCELLED,
                   "the block job was cancelled by somebody else; the chain is as it was");
    /* QEMU may have moved over, and the guest written to the merged image, before libvirt knew */
    if (!seen->domain_active && record->phase == SINTER_PHASE_PIVOTING && !is_plain_copy(record))
        return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED,
                   "the domain stopped while it was moved over; its definition names the old "
                   "chain, which may lack what the guest wrote last: compare the two before it "
                   "is started again");
    if (!seen->domain_active)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                   "the domain stopped in mid-job; the chain is as it was");
    if (is_plain_copy(record) && record->phase == SINTER_PHASE_PIVOTING)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                   "the copy ended while nobody watched, so that nobody can tell whether it is "
                   "whole: make it again; the chain is as it was");
    if (seen->seen == SINTER_SEEN_COMPLETED)
        return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_FAILED,
                   "libvirt says that the block job is complete, but the chain is the old one");
    return end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
               "the block job ended while nobody watched; the chain is as it was");
}

/* The chain is as before and no block job is there. */
static SinterVerdict
next_before(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (record->phase > SINTER_PHASE_STARTING ||
        (record->phase == SINTER_PHASE_STARTING && seen->seen != SINTER_SEEN_NOTHING))
        return next_ended_without_change(record, seen);
    if (record->cancel_requested)
        return cancelled();
    if (!seen->domain_active)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_FAILED,
                   "the domain is not running; the chain is as it was");
    /* asked for or not, nothing has come of it, and asking again harms nothing */
    return verdict(SINTER_NEXT_START);
}

/*
 * Offline there is no block job, and a merge that was cut off is begun anew: the old chain reads as
 * it did, whatever the merge has done, for as long as it is the chain.
 */
static SinterVerdict
next_offline(const SinterJobRecord *record, const SinterObservation *seen)
{
    if (seen->block_job != SINTER_BLOCK_JOB_NONE)
        return verdict(SINTER_NEXT_WAIT); /* somebody else's: what it leaves is seen then */
    if (seen->chain == SINTER_CHAIN_AFTER) {
        if (record->started_usec == 0)
            return end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                       "somebody else has made the change already");
        return verdict(SINTER_NEXT_VERIFY);
    }
    if (record->phase >= SINTER_PHASE_VERIFYING)
        return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
                   "the chain had changed as planned and is now another one");
    if (seen->chain == SINTER_CHAIN_OTHER)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                   "the chain is no longer the one that was planned for; make a new plan");
    if (record->cancel_requested)
        return cancelled();
    return verdict(seen->domain_active ? SINTER_NEXT_WAIT : SINTER_NEXT_START);
}

SinterVerdict
sinter_reconcile(const SinterJobRecord *record, const SinterObservation *observation)
{
    if (!observation->domain_exists)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_NOT_FOUND,
                   "the domain is gone; its files are left as they are");
    if (record->plan->offline)
        return next_offline(record, observation);
    if (observation->block_job != SINTER_BLOCK_JOB_NONE)
        return next_with_block_job(record, observation);
    /* a plain copy's chain is the same before and after: the old one decides */
    if (observation->chain == SINTER_CHAIN_AFTER && !is_plain_copy(record))
        return next_after(record);
    if (observation->chain != SINTER_CHAIN_OTHER)
        return next_before(record, observation);
    if (record->phase <= SINTER_PHASE_STARTING && observation->seen == SINTER_SEEN_NOTHING)
        return end(SINTER_NEXT_FAIL, SINTER_ERROR_CHAIN_CHANGED,
                   "the chain is no longer the one that was planned for; nothing was done");
    return end(SINTER_NEXT_QUARANTINE, SINTER_ERROR_CHAIN_CHANGED,
               "the chain is neither the old one nor the planned one; nothing more is done to it");
}

static gboolean
same_file(const char *a, const char *b)
{
    struct stat one;
    struct stat two;

    if (g_str_equal(a, b))
        return TRUE;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static gboolean
same_chain(char *const *a, char *const *b)
{
    if (!a || !b)
        return FALSE;
    for (; *a && *b; a++, b++) {
        if (!same_file(*a, *b))
            return FALSE;
    }
    return !*a && !*b;
}

gboolean
sinter_reconcile_is_our_mirror(const SinterDiskPlan *plan, const SinterDisk *disk)
{
    const char *expected =
        plan->operation == SINTER_OPERATION_COPY ? plan->destination : plan->base_path;
    const SinterLayer *target =
        disk->mirror_layers && disk->mirror_layers->len > 0 ? disk->mirror_layers->pdata[0] : NULL;

    if (!target || !expected)
        return TRUE;
    return target->path && same_file(target->path, expected);
}

SinterChainState
sinter_reconcile_chain(const SinterDiskPlan *plan, char *const *chain)
{
    if (same_chain(plan->chain_before, chain))
        return SINTER_CHAIN_BEFORE;
    if (same_chain(plan->chain_after, chain))
        return SINTER_CHAIN_AFTER;
    return SINTER_CHAIN_OTHER;
}
