/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision of a check under a temporary overlay: every phase with every chain, and what is
 * known of the overlay. */

#include "sinter-live-check-reconcile.h"

/* What has happened to the job. */
typedef enum {
    NOTHING,
    REPORTED = 1 << 0, /* it has the reports */
    FAILED = 1 << 1,   /* the check could not run */
    CANCEL = 1 << 2,   /* to be cancelled */
    SHUT_OFF = 1 << 3, /* the domain does not run */
    OFFLINE = 1 << 4,  /* the overlay was being merged offline */
    OTHER_QEMU = 1 << 5,
    REFUSED = 1 << 6,
    GONE = 1 << 7, /* the domain does not exist */
    FOREIGN_JOB = 1 << 8,
    OUR_JOB = 1 << 9,
} What;

typedef struct {
    SinterPhase phase;
    SinterChainState chain;
    SinterOverlayUse use;
    guint what;
    SinterNext next;
} Row;

#define BEFORE SINTER_CHAIN_BEFORE /* with the overlay */
#define AFTER SINTER_CHAIN_AFTER   /* without */
#define OTHER SINTER_CHAIN_OTHER
#define ABSENT SINTER_OVERLAY_ABSENT
#define FREE SINTER_OVERLAY_FREE
#define USED SINTER_OVERLAY_USED
#define P(name) SINTER_PHASE_##name
#define N(name) SINTER_NEXT_##name

static const Row rows[] = {
    /* nothing was asked for yet */
    { P(QUEUED), AFTER, ABSENT, NOTHING, N(SEAL) },
    { P(QUEUED), AFTER, ABSENT, CANCEL, N(CANCELLED) },
    { P(QUEUED), AFTER, ABSENT, SHUT_OFF, N(FAIL) },
    { P(QUEUED), AFTER, ABSENT, FOREIGN_JOB, N(FAIL) },
    { P(QUEUED), AFTER, ABSENT, GONE, N(FAIL) },
    { P(QUEUED), BEFORE, ABSENT, NOTHING, N(FAIL) },
    { P(QUEUED), OTHER, ABSENT, NOTHING, N(FAIL) },
    /* the overlay was asked for, and is not in the chain */
    { P(SEALING), AFTER, ABSENT, NOTHING, N(SEAL) },
    { P(SEALING), AFTER, ABSENT, OTHER_QEMU, N(SEAL) },
    { P(SEALING), AFTER, ABSENT, CANCEL, N(CANCELLED) },
    { P(SEALING), AFTER, ABSENT, REFUSED, N(FAIL) },
    { P(SEALING), AFTER, FREE, NOTHING, N(SEAL) },
    { P(SEALING), AFTER, FREE, REFUSED, N(FAIL) },
    { P(SEALING), AFTER, FREE, OTHER_QEMU, N(QUARANTINE) },
    { P(SEALING), AFTER, FREE, SHUT_OFF, N(QUARANTINE) },
    { P(SEALING), AFTER, FREE, CANCEL | SHUT_OFF, N(QUARANTINE) },
    { P(SEALING), AFTER, USED, NOTHING, N(QUARANTINE) },
    { P(SEALING), AFTER, USED, CANCEL, N(QUARANTINE) },
    { P(SEALING), AFTER, USED, REFUSED, N(QUARANTINE) },
    { P(SEALING), OTHER, ABSENT, NOTHING, N(FAIL) },
    { P(SEALING), OTHER, FREE, NOTHING, N(QUARANTINE) },
    { P(SEALING), OTHER, USED, NOTHING, N(QUARANTINE) },
    { P(SEALING), AFTER, USED, GONE, N(QUARANTINE) },
    /* the overlay is on the disk */
    { P(SEALING), BEFORE, USED, NOTHING, N(CHECK) },
    { P(SEALING), BEFORE, USED, CANCEL, N(CHECK) }, /* ends at once, then the way back */
    { P(SEALING), BEFORE, FREE, SHUT_OFF, N(CHECK) },
    { P(CHECKING), BEFORE, USED, NOTHING, N(CHECK) },
    { P(CHECKING), BEFORE, FREE, SHUT_OFF, N(CHECK) },
    { P(CHECKING), AFTER, ABSENT, NOTHING, N(FAIL) },
    { P(CHECKING), OTHER, USED, NOTHING, N(QUARANTINE) },
    { P(CHECKING), BEFORE, USED, FOREIGN_JOB, N(QUARANTINE) },
    { P(CHECKING), BEFORE, USED, GONE, N(QUARANTINE) },
    /* the way back, live */
    { P(CHECKING), BEFORE, USED, REPORTED, N(START) },
    { P(CHECKING), BEFORE, USED, FAILED, N(START) },
    { P(CHECKING), BEFORE, USED, CANCEL, N(START) },
    { P(STARTING), BEFORE, USED, REPORTED, N(START) },
    { P(STARTING), BEFORE, USED, REPORTED | OUR_JOB, N(WAIT) },
    { P(COPYING), BEFORE, USED, REPORTED | OUR_JOB | CANCEL, N(WAIT) }, /* too late to cancel */
    { P(COPYING), BEFORE, USED, CANCEL | OUR_JOB, N(WAIT) },
    { P(PIVOTING), AFTER, ABSENT, REPORTED, N(VERIFY) },
    { P(COPYING), AFTER, ABSENT, CANCEL, N(VERIFY) },
    { P(COPYING), OTHER, USED, REPORTED, N(QUARANTINE) },
    { P(CHECKING), OTHER, USED, REPORTED, N(FAIL) },
    { P(COPYING), BEFORE, USED, REPORTED, N(FAIL) }, /* the block job ended unseen */
    { P(PIVOTING), BEFORE, USED, REPORTED | SHUT_OFF, N(QUARANTINE) },
    { P(PIVOTING), BEFORE, USED, REPORTED | OTHER_QEMU, N(QUARANTINE) },
    { P(PIVOTING), BEFORE, USED, GONE, N(QUARANTINE) },
    /* the way back, offline */
    { P(CHECKING), BEFORE, FREE, REPORTED | SHUT_OFF, N(START) },
    { P(STARTING), BEFORE, FREE, REPORTED | SHUT_OFF, N(START) },
    { P(COPYING), BEFORE, FREE, REPORTED | SHUT_OFF, N(START) },
    { P(COPYING), BEFORE, FREE, CANCEL | SHUT_OFF | OFFLINE, N(START) },
    { P(WAITING), BEFORE, USED, REPORTED | OFFLINE, N(START) }, /* it was started: live again */
    { P(PIVOTING), BEFORE, FREE, REPORTED | SHUT_OFF | OFFLINE, N(START) },
    { P(PIVOTING), BEFORE, USED, REPORTED | OFFLINE, N(START) },
    { P(PIVOTING), AFTER, ABSENT, REPORTED | SHUT_OFF | OFFLINE, N(VERIFY) },
    { P(VERIFYING), AFTER, ABSENT, REPORTED | OFFLINE, N(VERIFY) },
};

static SinterJobRecord *
make_record(const Row *row)
{
    SinterJobRecord *record = sinter_job_record_new();

    record->plan = sinter_disk_plan_new("vda");
    record->plan->operation = SINTER_OPERATION_CHECK;
    record->plan->seal = TRUE;
    record->plan->offline = (row->what & OFFLINE) != 0;
    record->phase = row->phase;
    record->cancel_requested = (row->what & CANCEL) != 0;
    if (row->what & REPORTED)
        record->reports = sinter_image_reports_new();
    if (row->what & FAILED)
        record->error_message = g_strdup("failed");
    return record;
}

static SinterObservation
make_observation(const Row *row)
{
    SinterObservation seen = { .domain_exists = !(row->what & GONE),
                               .domain_active = !(row->what & (GONE | SHUT_OFF)),
                               .chain = row->chain,
                               .other_qemu = (row->what & OTHER_QEMU) != 0 };

    if (row->what & FOREIGN_JOB)
        seen.block_job = SINTER_BLOCK_JOB_PULL;
    if (row->what & OUR_JOB) {
        seen.block_job = SINTER_BLOCK_JOB_ACTIVE_COMMIT;
        seen.mirror = SINTER_MIRROR_COPYING;
    }
    return seen;
}

static void
test_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_autoptr(SinterJobRecord) record = make_record(row);
        const SinterObservation seen = make_observation(row);
        const SinterOverlaySeen overlay = { .use = row->use,
                                            .other_qemu = (row->what & OTHER_QEMU) != 0,
                                            .refused = (row->what & REFUSED) != 0 };
        SinterVerdict verdict = sinter_live_check_reconcile(record, &seen, &overlay);

        if (verdict.next != row->next)
            g_test_message("row %" G_GSIZE_FORMAT ", phase %s", i, sinter_phase_name(row->phase));
        g_assert_cmpint(verdict.next, ==, row->next);
        g_assert_true(verdict.next < SINTER_NEXT_FAIL || verdict.reason);
        g_assert_cmpint(record->cancel_requested, ==, (row->what & CANCEL) != 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/live-check/table", test_table);
    return g_test_run();
}
