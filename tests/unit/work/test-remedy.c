/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decisions of the job that resumes a guest: a table of records and observations. */

#include "sinter-remedy-reconcile.h"

#define NOW_USEC (G_GINT64_CONSTANT(1000) * G_USEC_PER_SEC)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define SETTLED SINTER_REMEDY_SETTLE_USEC

typedef struct {
    const char *what;
    SinterPhase phase;
    gboolean cancel;
    guint64 min_free_bytes;
    guint64 delay_usec; /* the job was made ten seconds ago */
    SinterRemedyLook look;
    SinterNext next;
} Row;

static const Row rows[] = {
    { "the cause is still there",
      SINTER_PHASE_QUEUED,
      FALSE,
      0,
      0,
      { SINTER_GUEST_FAILED },
      SINTER_NEXT_WAIT },
    { "the cause has passed",
      SINTER_PHASE_WAITING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE },
      SINTER_NEXT_START },
    { "too little space",
      SINTER_PHASE_WAITING,
      FALSE,
      8 * MIB,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE, TRUE, 8 * MIB - 1 },
      SINTER_NEXT_WAIT },
    { "enough space",
      SINTER_PHASE_WAITING,
      FALSE,
      8 * MIB,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE, TRUE, 8 * MIB },
      SINTER_NEXT_START },
    { "enough space, the cause is still there",
      SINTER_PHASE_WAITING,
      FALSE,
      8 * MIB,
      0,
      { SINTER_GUEST_FAILED, 0, FALSE, TRUE, 9 * MIB },
      SINTER_NEXT_WAIT },
    { "a device has no free space",
      SINTER_PHASE_WAITING,
      FALSE,
      8 * MIB,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE, FALSE, 0 },
      SINTER_NEXT_START },
    { "too early",
      SINTER_PHASE_WAITING,
      FALSE,
      0,
      11 * G_USEC_PER_SEC,
      { SINTER_GUEST_FAILED, 0, TRUE },
      SINTER_NEXT_WAIT },
    { "not too early",
      SINTER_PHASE_WAITING,
      FALSE,
      0,
      10 * G_USEC_PER_SEC,
      { SINTER_GUEST_FAILED, 0, TRUE },
      SINTER_NEXT_START },
    { "cancelled",
      SINTER_PHASE_WAITING,
      TRUE,
      0,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE },
      SINTER_NEXT_CANCELLED },
    { "resumed, stopped again",
      SINTER_PHASE_RESUMING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_FAILED, 0, TRUE },
      SINTER_NEXT_FAIL },
    { "watched, stopped again",
      SINTER_PHASE_VERIFYING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_FAILED },
      SINTER_NEXT_FAIL },
    { "cancelled too late, stopped again",
      SINTER_PHASE_RESUMING,
      TRUE,
      0,
      0,
      { SINTER_GUEST_FAILED },
      SINTER_NEXT_FAIL },
    { "runs for a moment",
      SINTER_PHASE_RESUMING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_RUNNING, 1 },
      SINTER_NEXT_WAIT },
    { "runs",
      SINTER_PHASE_VERIFYING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_RUNNING, SETTLED },
      SINTER_NEXT_VERIFY },
    { "resumed by a user",
      SINTER_PHASE_WAITING,
      FALSE,
      8 * MIB,
      0,
      { SINTER_GUEST_RUNNING, SETTLED },
      SINTER_NEXT_VERIFY },
    { "suspended by a user",
      SINTER_PHASE_WAITING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_PAUSED, 0, TRUE },
      SINTER_NEXT_CANCELLED },
    { "resumed, suspended by a user",
      SINTER_PHASE_VERIFYING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_PAUSED },
      SINTER_NEXT_CANCELLED },
    { "shut off",
      SINTER_PHASE_WAITING,
      FALSE,
      0,
      0,
      { SINTER_GUEST_ENDED, 0, TRUE },
      SINTER_NEXT_FAIL },
};

static void
test_decisions(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_autoptr(SinterJobRecord) record = sinter_job_record_new();
        SinterVerdict verdict;

        record->plan = sinter_disk_plan_new("vda");
        record->plan->min_free_bytes = row->min_free_bytes;
        record->plan->delay_usec = row->delay_usec;
        record->phase = row->phase;
        record->cancel_requested = row->cancel;
        record->created_usec = NOW_USEC - 10 * G_USEC_PER_SEC;
        verdict = sinter_remedy_reconcile(record, &row->look, NOW_USEC);
        g_test_message("%s", row->what);
        g_assert_cmpint(verdict.next, ==, row->next);
    }
}

/* A clock that was set back must not make the job wait for ever, nor act too early. */
static void
test_clock(void)
{
    const SinterRemedyLook look = { SINTER_GUEST_FAILED, 0, TRUE, FALSE, 0 };
    g_autoptr(SinterJobRecord) record = sinter_job_record_new();

    record->plan = sinter_disk_plan_new("vda");
    record->created_usec = NOW_USEC;
    g_assert_cmpint(sinter_remedy_reconcile(record, &look, NOW_USEC - 5).next, ==,
                    SINTER_NEXT_START);
    record->plan->delay_usec = 1;
    g_assert_cmpint(sinter_remedy_reconcile(record, &look, NOW_USEC - 5).next, ==,
                    SINTER_NEXT_WAIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remedy/decisions", test_decisions);
    g_test_add_func("/remedy/clock", test_clock);
    return g_test_run();
}
