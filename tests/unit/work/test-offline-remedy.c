/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decisions of the job that repairs the images of a domain: a table of records and
 * observations. */

#include "sinter-offline-remedy-reconcile.h"

typedef struct {
    const char *what;
    SinterPhase phase;
    gboolean stops;
    gboolean starts;
    gboolean cancel;
    SinterDomainUse use;
    gboolean repaired;
    SinterNext next;
} Row;

#define P(name) SINTER_PHASE_##name
#define N(name) SINTER_NEXT_##name
#define OFF SINTER_DOMAIN_IS_OFF
#define FAILED SINTER_DOMAIN_HAS_FAILED
#define ANEW SINTER_DOMAIN_RUNS_ANEW
#define IN_USE SINTER_DOMAIN_IS_IN_USE

static const Row rows[] = {
    { "crashed", P(QUEUED), FALSE, FALSE, FALSE, OFF, FALSE, N(CHECK) },
    { "killed while it repaired", P(REPAIRING), FALSE, FALSE, FALSE, OFF, FALSE, N(CHECK) },
    { "repaired", P(REPAIRING), FALSE, FALSE, FALSE, OFF, TRUE, N(VERIFY) },
    { "repaired, to be started", P(REPAIRING), FALSE, TRUE, FALSE, OFF, TRUE, N(START) },
    { "started", P(STARTING), FALSE, TRUE, FALSE, ANEW, TRUE, N(VERIFY) },
    { "killed after the start", P(STARTING), FALSE, TRUE, FALSE, ANEW, FALSE, N(VERIFY) },
    { "killed before the start", P(STARTING), FALSE, TRUE, FALSE, OFF, FALSE, N(CANCELLED) },
    { "started, off again", P(STARTING), FALSE, TRUE, FALSE, OFF, TRUE, N(CANCELLED) },
    { "cancelled", P(QUEUED), FALSE, TRUE, TRUE, OFF, FALSE, N(CANCELLED) },
    { "cancelled after the repair", P(REPAIRING), FALSE, TRUE, TRUE, OFF, TRUE, N(CANCELLED) },
    { "cancelled too late", P(STARTING), FALSE, TRUE, TRUE, ANEW, TRUE, N(VERIFY) },
    { "a user has started it", P(QUEUED), FALSE, TRUE, FALSE, ANEW, FALSE, N(CANCELLED) },
    { "a user has started it, repaired", P(REPAIRING), FALSE, TRUE, FALSE, ANEW, TRUE,
      N(CANCELLED) },
    { "must be stopped", P(QUEUED), TRUE, TRUE, FALSE, FAILED, FALSE, N(STOP) },
    { "somebody else shut it off", P(QUEUED), TRUE, TRUE, FALSE, OFF, FALSE, N(CANCELLED) },
    { "killed before it was stopped", P(STOPPING), TRUE, TRUE, FALSE, FAILED, FALSE, N(STOP) },
    { "stopped", P(STOPPING), TRUE, TRUE, FALSE, OFF, FALSE, N(CHECK) },
    { "must not be stopped", P(QUEUED), FALSE, TRUE, FALSE, FAILED, FALSE, N(CANCELLED) },
    { "a user has resumed it", P(QUEUED), TRUE, TRUE, FALSE, IN_USE, FALSE, N(CANCELLED) },
    { "a user has resumed it, too late", P(STOPPING), TRUE, TRUE, FALSE, IN_USE, FALSE,
      N(CANCELLED) },
    { "a user has restarted it", P(STOPPING), TRUE, TRUE, FALSE, ANEW, FALSE, N(CANCELLED) },
    { "cancelled before it was stopped", P(STOPPING), TRUE, TRUE, TRUE, FAILED, FALSE,
      N(CANCELLED) },
    { "undefined", P(REPAIRING), TRUE, TRUE, FALSE, SINTER_DOMAIN_IS_GONE, FALSE, N(FAIL) },
    { "another chain", P(STOPPING), TRUE, TRUE, FALSE, SINTER_DOMAIN_IS_DIFFERENT, FALSE, N(FAIL) },
};

static void
test_decisions(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        const SinterOfflineRemedyLook look = { row->use, row->repaired };
        g_autoptr(SinterJobRecord) record = sinter_job_record_new();
        SinterVerdict verdict;

        record->plan = sinter_disk_plan_new("vda");
        record->plan->repairs = TRUE;
        record->plan->stops = row->stops;
        record->plan->starts = row->starts;
        record->phase = row->phase;
        record->cancel_requested = row->cancel;
        verdict = sinter_offline_remedy_reconcile(record, &look);
        g_test_message("%s", row->what);
        g_assert_cmpint(verdict.next, ==, row->next);
        g_assert_true((verdict.reason != NULL) == (verdict.next >= SINTER_NEXT_FAIL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/offline-remedy/decisions", test_decisions);
    return g_test_run();
}
