/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a job does next, as a table; and that no corner of the whole space is answered rashly. */

#include "sinter-chain-compare.h"
#include "sinter-live-reconcile.h"
#include "sinter-offline-reconcile.h"

typedef struct {
    const char *what;
    SinterOperation operation;
    SinterPhase phase;
    gboolean cancel;
    gboolean pivot; /* of copies */
    SinterObservation seen;
    SinterNext next;
} Case;

#define BEFORE .domain_exists = TRUE, .domain_active = TRUE, .chain = SINTER_CHAIN_BEFORE
#define AFTER .domain_exists = TRUE, .domain_active = TRUE, .chain = SINTER_CHAIN_AFTER
#define OTHER .domain_exists = TRUE, .domain_active = TRUE, .chain = SINTER_CHAIN_OTHER
#define OFF_BEFORE .domain_exists = TRUE, .chain = SINTER_CHAIN_BEFORE
#define OFF_AFTER .domain_exists = TRUE, .chain = SINTER_CHAIN_AFTER
#define ACTIVE SINTER_OPERATION_ACTIVE_COMMIT
#define COMMIT SINTER_OPERATION_COMMIT
#define COPY SINTER_OPERATION_COPY
#define JOB(type) .block_job = SINTER_BLOCK_JOB_##type
#define OTHER_QEMU .other_qemu = TRUE
#define P(phase) SINTER_PHASE_##phase
#define N(next) SINTER_NEXT_##next

static const Case cases[] = {
    { "fresh", ACTIVE, P(QUEUED), 0, 0, { BEFORE }, N(START) },
    { "fresh, cancelled in the queue", ACTIVE, P(QUEUED), 1, 0, { BEFORE }, N(CANCELLED) },
    { "fresh, shut off", ACTIVE, P(QUEUED), 0, 0, { OFF_BEFORE }, N(FAIL) },
    { "fresh, domain gone", ACTIVE, P(QUEUED), 0, 0, { 0 }, N(FAIL) },
    { "fresh, chain changed", ACTIVE, P(QUEUED), 0, 0, { OTHER }, N(FAIL) },
    { "fresh, already merged", ACTIVE, P(QUEUED), 0, 0, { AFTER }, N(FAIL) },
    { "fresh, foreign job of our kind",
      ACTIVE,
      P(QUEUED),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT) },
      N(FAIL) },
    { "fresh, foreign job", ACTIVE, P(QUEUED), 0, 0, { BEFORE, JOB(PULL) }, N(FAIL) },
    { "killed before or in the start", ACTIVE, P(STARTING), 0, 0, { BEFORE }, N(START) },
    { "killed in the start, job runs",
      ACTIVE,
      P(STARTING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT) },
      N(WAIT) },
    { "started and failed at once",
      ACTIVE,
      P(STARTING),
      0,
      0,
      { BEFORE, .seen = SINTER_SEEN_FAILED },
      N(FAIL) },
    { "killed in the start, commit done", COMMIT, P(STARTING), 0, 0, { AFTER }, N(VERIFY) },
    { "copying",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_COPYING },
      N(WAIT) },
    { "ready missed",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY },
      N(PIVOT) },
    { "everything copied, but libvirt lost the mirror",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .all_copied = TRUE },
      N(PIVOT) },
    { "everything copied, not yet ready",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .all_copied = TRUE, .mirror = SINTER_MIRROR_COPYING },
      N(WAIT) },
    { "everything copied by a job without READY",
      COMMIT,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(COMMIT), .all_copied = TRUE },
      N(WAIT) },
    { "ready and cancelled",
      ACTIVE,
      P(COPYING),
      1,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY },
      N(CANCEL) },
    { "cancelled too late",
      ACTIVE,
      P(PIVOTING),
      1,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY },
      N(PIVOT) },
    { "killed in the pivot, not yet asked",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY },
      N(PIVOT) },
    { "killed in the pivot, under way",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_PIVOTING },
      N(WAIT) },
    { "being aborted",
      ACTIVE,
      P(COPYING),
      1,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_ABORTING },
      N(WAIT) },
    { "pivoted", ACTIVE, P(PIVOTING), 0, 0, { AFTER, .seen = SINTER_SEEN_COMPLETED }, N(VERIFY) },
    { "pivoted while nobody watched", ACTIVE, P(PIVOTING), 0, 0, { AFTER }, N(VERIFY) },
    { "pivoted, then shut off", ACTIVE, P(PIVOTING), 0, 0, { OFF_AFTER }, N(VERIFY) },
    { "pulled", SINTER_OPERATION_PULL, P(COPYING), 0, 0, { AFTER }, N(VERIFY) },
    { "pulled, QEMU ended before the flush",
      SINTER_OPERATION_PULL,
      P(COPYING),
      0,
      0,
      { OFF_AFTER },
      N(RESTORE) },
    { "pulled, QEMU ended and was started again",
      SINTER_OPERATION_PULL,
      P(WAITING),
      1,
      0,
      { AFTER, OTHER_QEMU },
      N(RESTORE) },
    { "pulled and flushed, then shut off",
      SINTER_OPERATION_PULL,
      P(VERIFYING),
      0,
      0,
      { OFF_AFTER },
      N(VERIFY) },
    { "pulled, host crashed, undone",
      SINTER_OPERATION_PULL,
      P(VERIFYING),
      0,
      0,
      { BEFORE },
      N(FAIL) },
    { "pivoted, and the old chain again", ACTIVE, P(VERIFYING), 0, 0, { BEFORE }, N(QUARANTINE) },
    { "killed in the verification", ACTIVE, P(VERIFYING), 0, 0, { AFTER }, N(VERIFY) },
    { "killed in the cleaning", ACTIVE, P(CLEANING), 0, 0, { AFTER }, N(VERIFY) },
    { "killed in the cleaning, new snapshot", ACTIVE, P(CLEANING), 0, 0, { OTHER }, N(QUARANTINE) },
    { "old chain after verification", ACTIVE, P(CLEANING), 0, 0, { BEFORE }, N(QUARANTINE) },
    { "failed", ACTIVE, P(COPYING), 0, 0, { BEFORE, .seen = SINTER_SEEN_FAILED }, N(FAIL) },
    { "no job, no event", ACTIVE, P(COPYING), 0, 0, { BEFORE }, N(FAIL) },
    { "completed, but not merged",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, .seen = SINTER_SEEN_COMPLETED },
      N(QUARANTINE) },
    { "cancelled on request",
      ACTIVE,
      P(COPYING),
      1,
      0,
      { BEFORE, .seen = SINTER_SEEN_CANCELED },
      N(CANCELLED) },
    { "cancelled by another",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, .seen = SINTER_SEEN_CANCELED },
      N(CANCELLED) },
    { "cancel asked, crash, gone", ACTIVE, P(COPYING), 1, 0, { BEFORE }, N(CANCELLED) },
    { "destroyed in mid-job", ACTIVE, P(COPYING), 0, 0, { OFF_BEFORE }, N(FAIL) },
    { "another's job in mid-job",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(BACKUP) },
      N(QUARANTINE) },
    { "chain is strange", ACTIVE, P(COPYING), 0, 0, { OTHER }, N(QUARANTINE) },
    { "commit done",
      COMMIT,
      P(COPYING),
      0,
      0,
      { AFTER, .seen = SINTER_SEEN_COMPLETED },
      N(VERIFY) },
    { "commit cancelled too late", COMMIT, P(COPYING), 1, 0, { AFTER }, N(VERIFY) },
    { "copy ready",
      COPY,
      P(COPYING),
      0,
      1,
      { BEFORE, JOB(COPY), .mirror = SINTER_MIRROR_READY },
      N(PIVOT) },
    { "plain copy ready",
      COPY,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(COPY), .mirror = SINTER_MIRROR_READY },
      N(PIVOT) },
    { "plain copy ended",
      COPY,
      P(PIVOTING),
      0,
      0,
      { BEFORE, .seen = SINTER_SEEN_COMPLETED },
      N(VERIFY) },
    { "plain copy ended unseen", COPY, P(PIVOTING), 0, 0, { BEFORE }, N(FAIL) },
    { "plain copy verified already", COPY, P(CLEANING), 0, 0, { BEFORE }, N(VERIFY) },
    { "plain copy, then shut off", COPY, P(PIVOTING), 0, 0, { OFF_BEFORE }, N(FAIL) },
    { "shut off in the pivot", ACTIVE, P(PIVOTING), 0, 0, { OFF_BEFORE }, N(QUARANTINE) },
    { "shut off in the pivot, cancel heard",
      ACTIVE,
      P(PIVOTING),
      1,
      0,
      { OFF_BEFORE },
      N(QUARANTINE) },
    { "shut off in the pivot, completed",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { OFF_BEFORE, .seen = SINTER_SEEN_COMPLETED },
      N(QUARANTINE) },
    { "pivot failed, then shut off",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { OFF_BEFORE, .seen = SINTER_SEEN_FAILED },
      N(FAIL) },
    { "pivot did not happen", ACTIVE, P(PIVOTING), 0, 0, { BEFORE }, N(FAIL) },
    { "started again in the pivot",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { BEFORE, OTHER_QEMU },
      N(QUARANTINE) },
    { "started again, cancel heard",
      ACTIVE,
      P(PIVOTING),
      1,
      0,
      { BEFORE, OTHER_QEMU },
      N(QUARANTINE) },
    { "started again, a failure heard",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { BEFORE, OTHER_QEMU, .seen = SINTER_SEEN_FAILED },
      N(QUARANTINE) },
    { "started again, another commit is ready",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { BEFORE, OTHER_QEMU, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY },
      N(QUARANTINE) },
    { "started again on the new chain",
      ACTIVE,
      P(PIVOTING),
      0,
      0,
      { AFTER, OTHER_QEMU },
      N(VERIFY) },
    { "started again, copy that pivots",
      COPY,
      P(PIVOTING),
      0,
      1,
      { BEFORE, OTHER_QEMU },
      N(QUARANTINE) },
    { "started again, plain copy", COPY, P(PIVOTING), 0, 0, { BEFORE, OTHER_QEMU }, N(FAIL) },
    { "gone in the pivot", ACTIVE, P(PIVOTING), 0, 0, { 0 }, N(QUARANTINE) },
    { "gone in mid-job", ACTIVE, P(COPYING), 0, 0, { 0 }, N(FAIL) },
    { "another's mirror of our kind",
      ACTIVE,
      P(COPYING),
      0,
      0,
      { BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY, .foreign_mirror = TRUE },
      N(QUARANTINE) },
    { "plain copy failed at the end",
      COPY,
      P(PIVOTING),
      0,
      0,
      { BEFORE, .seen = SINTER_SEEN_FAILED },
      N(FAIL) },
    { "plain copy cancelled",
      COPY,
      P(COPYING),
      1,
      0,
      { BEFORE, .seen = SINTER_SEEN_CANCELED },
      N(CANCELLED) },
    { "pivoting copy is gone", COPY, P(PIVOTING), 0, 1, { BEFORE }, N(FAIL) },
};

#define OFF_OTHER .domain_exists = TRUE, .chain = SINTER_CHAIN_OTHER

/* Offline, of any operation. */
static const struct {
    const char *what;
    SinterPhase phase;
    gboolean cancel;
    gboolean started;
    SinterObservation seen;
    SinterNext next;
} offline_cases[] = {
    { "fresh", P(QUEUED), 0, 0, { OFF_BEFORE }, N(START) },
    { "started in the queue", P(QUEUED), 0, 0, { BEFORE }, N(WAIT) },
    { "cancelled in the queue", P(QUEUED), 1, 0, { OFF_BEFORE }, N(CANCELLED) },
    { "cancelled while it waits", P(WAITING), 1, 0, { BEFORE }, N(CANCELLED) },
    { "shut off again", P(WAITING), 0, 1, { OFF_BEFORE }, N(START) },
    { "killed in mid-merge", P(COPYING), 0, 1, { OFF_BEFORE }, N(START) },
    { "killed in mid-merge, runs now", P(COPYING), 0, 1, { BEFORE }, N(WAIT) },
    { "cancelled in mid-merge", P(COPYING), 1, 1, { OFF_BEFORE }, N(CANCELLED) },
    { "merged, killed before the definition", P(PIVOTING), 0, 1, { OFF_BEFORE }, N(START) },
    { "merged, killed, runs on the old chain", P(PIVOTING), 0, 1, { BEFORE }, N(WAIT) },
    { "defined", P(PIVOTING), 0, 1, { OFF_AFTER }, N(VERIFY) },
    { "defined, and started", P(PIVOTING), 0, 1, { AFTER }, N(VERIFY) },
    { "relinked in the last moment", P(COPYING), 1, 1, { OFF_AFTER }, N(VERIFY) },
    { "killed while it cleaned", P(CLEANING), 0, 1, { OFF_AFTER }, N(VERIFY) },
    { "somebody else merged", P(QUEUED), 0, 0, { OFF_AFTER }, N(FAIL) },
    { "somebody else merged while it waited", P(WAITING), 0, 0, { AFTER }, N(FAIL) },
    { "somebody else's block job", P(WAITING), 0, 0, { BEFORE, JOB(COPY) }, N(WAIT) },
    { "a new snapshot while it waited", P(WAITING), 0, 1, { OFF_OTHER }, N(FAIL) },
    { "a new snapshot, fresh", P(QUEUED), 0, 0, { OTHER }, N(FAIL) },
    { "verified, and the old chain again", P(CLEANING), 0, 1, { OFF_BEFORE }, N(QUARANTINE) },
    { "verified, and another chain", P(VERIFYING), 0, 1, { OFF_OTHER }, N(QUARANTINE) },
    { "domain gone", P(COPYING), 0, 1, { 0 }, N(FAIL) },
};

/* Jobs that take over a block job of another program. */
#define LEFT BEFORE, JOB(ACTIVE_COMMIT), .mirror = SINTER_MIRROR_READY
static const struct {
    const char *what;
    SinterPhase phase;
    gboolean cancel;
    gboolean abort;
    SinterObservation seen;
    SinterNext next;
} adopt_cases[] = {
    { "left behind", P(QUEUED), 0, 0, { LEFT }, N(ADOPT) },
    { "left behind, to abort", P(QUEUED), 0, 1, { LEFT }, N(ADOPT) },
    { "cancelled in the queue", P(QUEUED), 1, 0, { LEFT }, N(CANCELLED) },
    { "another mirror", P(QUEUED), 0, 0, { LEFT, .foreign_mirror = TRUE }, N(FAIL) },
    { "ended in the queue", P(QUEUED), 0, 0, { BEFORE }, N(FAIL) },
    { "ended in the queue, to abort", P(QUEUED), 0, 1, { BEFORE }, N(FAIL) },
    { "pivoted in the queue", P(QUEUED), 0, 0, { AFTER }, N(FAIL) },
    { "taken over", P(READY), 0, 0, { LEFT }, N(PIVOT) },
    { "taken over, to abort", P(READY), 0, 1, { LEFT }, N(CANCEL) },
    { "taken over, cancelled", P(READY), 1, 0, { LEFT }, N(CANCEL) },
    { "aborted", P(READY), 0, 1, { BEFORE, .seen = SINTER_SEEN_CANCELED }, N(VERIFY) },
    { "aborted while we were dead", P(READY), 0, 1, { BEFORE }, N(VERIFY) },
    { "domain stopped, to abort", P(READY), 0, 1, { OFF_BEFORE }, N(VERIFY) },
    { "aborted by somebody else", P(READY), 0, 0, { BEFORE }, N(FAIL) },
    { "pivoted", P(PIVOTING), 0, 0, { AFTER }, N(VERIFY) },
    { "host crashed in the pivot", P(PIVOTING), 0, 0, { OFF_BEFORE }, N(QUARANTINE) },
};

/* As the record's kind of job decides it. */
static SinterVerdict
decide(const SinterJobRecord *record, const SinterObservation *seen)
{
    return record->plan->offline ? sinter_offline_reconcile(record, seen)
                                 : sinter_live_reconcile(record, seen);
}

static SinterJobRecord *
record_of(SinterOperation operation, SinterPhase phase, gboolean cancel, gboolean pivot)
{
    SinterJobRecord *record = sinter_job_record_new();

    record->plan = sinter_disk_plan_new("vda");
    record->plan->operation = operation;
    record->plan->pivot = pivot;
    record->phase = phase;
    record->cancel_requested = cancel;
    return record;
}

static void
test_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i];
        g_autoptr(SinterJobRecord) record = record_of(c->operation, c->phase, c->cancel, c->pivot);
        SinterVerdict verdict = decide(record, &c->seen);

        if (verdict.next != c->next)
            g_error("%s: got %d, expected %d", c->what, verdict.next, c->next);
        if (verdict.next >= SINTER_NEXT_FAIL)
            g_assert_nonnull(verdict.reason);
    }
}

static void
test_offline_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(offline_cases); i++) {
        g_autoptr(SinterJobRecord) record =
            record_of(ACTIVE, offline_cases[i].phase, offline_cases[i].cancel, FALSE);
        SinterVerdict verdict;

        record->plan->offline = TRUE;
        record->started_usec = offline_cases[i].started;
        verdict = decide(record, &offline_cases[i].seen);
        if (verdict.next != offline_cases[i].next)
            g_error("%s: got %d, expected %d", offline_cases[i].what, verdict.next,
                    offline_cases[i].next);
    }
}

static void
test_adopt_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(adopt_cases); i++) {
        g_autoptr(SinterJobRecord) record =
            record_of(ACTIVE, adopt_cases[i].phase, adopt_cases[i].cancel, FALSE);
        SinterVerdict verdict;

        record->plan->adopt = TRUE;
        record->plan->abort = adopt_cases[i].abort;
        verdict = decide(record, &adopt_cases[i].seen);
        if (verdict.next != adopt_cases[i].next)
            g_error("%s: got %d, expected %d", adopt_cases[i].what, verdict.next,
                    adopt_cases[i].next);
    }
}

/* For every combination: what must hold offline. */
static void
check_offline_rules(const SinterJobRecord *record, const SinterObservation *o)
{
    SinterVerdict v = decide(record, o);

    g_assert_cmpint(v.next, !=, SINTER_NEXT_PIVOT);
    g_assert_cmpint(v.next, !=, SINTER_NEXT_CANCEL);
    /* nothing is cleaned up that this job has not merged */
    if (v.next == SINTER_NEXT_VERIFY)
        g_assert_true(o->chain == SINTER_CHAIN_AFTER && record->started_usec > 0 &&
                      o->block_job == SINTER_BLOCK_JOB_NONE);
    /* nothing is merged under a guest that runs, or twice */
    if (v.next == SINTER_NEXT_START)
        g_assert_true(o->chain == SINTER_CHAIN_BEFORE && o->domain_exists && !o->domain_active &&
                      o->block_job == SINTER_BLOCK_JOB_NONE && !record->cancel_requested &&
                      record->phase < SINTER_PHASE_VERIFYING);
    /* something has to end that an event tells of */
    if (v.next == SINTER_NEXT_WAIT)
        g_assert_true(o->domain_exists &&
                      (o->domain_active || o->block_job != SINTER_BLOCK_JOB_NONE));
    /* a merge that is cut off leaves nothing that would need a person */
    if (v.next == SINTER_NEXT_QUARANTINE)
        g_assert_true(record->phase >= SINTER_PHASE_VERIFYING);
}

/* For every combination: what must hold whatever the table says. */
static void
check_rules(const SinterJobRecord *record, const SinterObservation *o)
{
    SinterVerdict v = decide(record, o);
    gboolean plain_copy = record->plan->operation == COPY && !record->plan->pivot;

    /* nothing is cleaned up unless the chain is the planned one and no block job is there */
    if (v.next == SINTER_NEXT_VERIFY)
        g_assert_true(o->block_job == SINTER_BLOCK_JOB_NONE &&
                      (o->chain == SINTER_CHAIN_AFTER || plain_copy));
    /* a pivot only on our own kind of job, seen ready, or whose readiness cannot be seen */
    if (v.next == SINTER_NEXT_PIVOT)
        g_assert_true(o->block_job == sinter_live_block_job(record->plan->operation) &&
                      (o->mirror == SINTER_MIRROR_READY ||
                       (o->mirror == SINTER_MIRROR_NONE && o->all_copied)) &&
                      !o->foreign_mirror && record->phase != SINTER_PHASE_QUEUED);
    /* nothing is started over a job, on a strange chain or after the end of one */
    if (v.next == SINTER_NEXT_START)
        g_assert_true(o->block_job == SINTER_BLOCK_JOB_NONE && o->chain != SINTER_CHAIN_OTHER &&
                      o->domain_active && record->phase <= SINTER_PHASE_STARTING &&
                      !record->cancel_requested);
    /* where QEMU may have moved, only libvirt's word or its definition ends the doubt */
    if (record->phase == SINTER_PHASE_PIVOTING && sinter_live_pivots(record->plan) &&
        o->chain != SINTER_CHAIN_AFTER && (!o->domain_active || o->other_qemu)) {
        if (o->domain_active || (o->seen != SINTER_SEEN_FAILED && o->seen != SINTER_SEEN_CANCELED))
            g_assert_cmpint(v.next, ==, SINTER_NEXT_QUARANTINE);
    }
    /* to wait for an event that cannot come would be for ever */
    if (v.next == SINTER_NEXT_WAIT || v.next == SINTER_NEXT_CANCEL)
        g_assert_true(o->block_job != SINTER_BLOCK_JOB_NONE);
}

static void
test_whole_space(void)
{
    guint n = 0;

    for (guint bits = 0; bits < 4 * 8 * 2 * 2 * 2 * 2 * 3 * 6 * 5 * 4 * 2 * 2; bits++) {
        guint b = bits;
#define TAKE(radix)                                                                                \
    (b % (radix));                                                                                 \
    b /= (radix)
        guint operation = TAKE(4);
        guint phase = TAKE(8);
        guint cancel = TAKE(2);
        guint pivot = TAKE(2);
        guint exists = TAKE(2);
        guint active = TAKE(2);
        guint chain = TAKE(3);
        guint job = TAKE(6);
        guint mirror = TAKE(5);
        guint seen = TAKE(4);
        guint copied = TAKE(2);
        guint foreign = TAKE(2);
        guint other_qemu = TAKE(2);
#undef TAKE
        SinterObservation o = { (gboolean)exists,        (gboolean)(active && exists),
                                (SinterChainState)chain, (SinterBlockJobType)job,
                                (SinterMirror)mirror,    (SinterSeenEvent)seen,
                                (gboolean)copied,        (gboolean)foreign,
                                (gboolean)other_qemu };
        g_autoptr(SinterJobRecord) record = record_of(
            (SinterOperation)operation, (SinterPhase)phase, (gboolean)cancel, (gboolean)pivot);

        check_rules(record, &o);
        record->plan->offline = operation != COPY;
        record->started_usec = pivot;
        if (record->plan->offline)
            check_offline_rules(record, &o);
        n++;
    }
    g_test_message("%u combinations", n);
}

static void
test_chain_compare(void)
{
    g_autoptr(SinterDiskPlan) plan = sinter_disk_plan_new("vda");
    const char *before[] = { "/nowhere/b", "/nowhere/a", NULL };
    const char *after[] = { "/nowhere/a", NULL };
    const char *other[] = { "/nowhere/c", "/nowhere/b", "/nowhere/a", NULL };
    const char *empty[] = { NULL };
    const char *aliased[] = { "/usr/../usr", NULL };
    const char *plain[] = { "/usr", NULL };

    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    plan->chain_before = g_strdupv((char **)before);
    plan->chain_after = g_strdupv((char **)after);
    g_assert_cmpint(sinter_chain_compare(plan, (char **)before), ==, SINTER_CHAIN_BEFORE);
    g_assert_cmpint(sinter_chain_compare(plan, (char **)after), ==, SINTER_CHAIN_AFTER);
    g_assert_cmpint(sinter_chain_compare(plan, (char **)other), ==, SINTER_CHAIN_OTHER);
    g_assert_cmpint(sinter_chain_compare(plan, (char **)empty), ==, SINTER_CHAIN_OTHER);
    g_strfreev(plan->chain_after);
    plan->chain_after = g_strdupv((char **)aliased);
    g_assert_cmpint(sinter_chain_compare(plan, (char **)plain), ==, SINTER_CHAIN_AFTER);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reconcile/table", test_table);
    g_test_add_func("/reconcile/offline-table", test_offline_table);
    g_test_add_func("/reconcile/adopt-table", test_adopt_table);
    g_test_add_func("/reconcile/whole-space", test_whole_space);
    g_test_add_func("/reconcile/chain-compare", test_chain_compare);
    return g_test_run();
}
