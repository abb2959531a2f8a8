/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The next step of a snapshot that is being created, from its record and what is seen. */

#include "sinter-snapshot-reconcile.h"

#define OPEN .domain_exists = TRUE, .domain_active = TRUE, .n_disks = 2, .n_open = 2
#define SEALED .domain_exists = TRUE, .domain_active = TRUE, .n_disks = 2, .n_sealed = 2

static const struct {
    const char *name;
    SinterPhase phase;
    gboolean cancel;
    gboolean offline;
    SinterSnapshotSeen seen;
    SinterNext next;
} rows[] = {
    { "new", SINTER_PHASE_QUEUED, FALSE, FALSE, { OPEN }, SINTER_NEXT_START },
    { "cancelled", SINTER_PHASE_QUEUED, TRUE, FALSE, { OPEN }, SINTER_NEXT_CANCELLED },
    { "domain-gone", SINTER_PHASE_QUEUED, FALSE, FALSE, { .n_disks = 2 }, SINTER_NEXT_FAIL },
    { "chain-changed",
      SINTER_PHASE_QUEUED,
      FALSE,
      FALSE,
      { .domain_exists = TRUE, .domain_active = TRUE, .n_disks = 2, .n_open = 1 },
      SINTER_NEXT_FAIL },
    { "started", SINTER_PHASE_QUEUED, FALSE, TRUE, { OPEN }, SINTER_NEXT_FAIL },
    { "busy", SINTER_PHASE_QUEUED, FALSE, FALSE, { OPEN, .busy = TRUE }, SINTER_NEXT_FAIL },
    { "name-taken",
      SINTER_PHASE_QUEUED,
      FALSE,
      FALSE,
      { OPEN, .name_taken = TRUE },
      SINTER_NEXT_FAIL },
    { "file-exists",
      SINTER_PHASE_QUEUED,
      FALSE,
      FALSE,
      { OPEN, .use = SINTER_OVERLAY_FREE },
      SINTER_NEXT_FAIL },
    { "managed-save",
      SINTER_PHASE_QUEUED,
      FALSE,
      TRUE,
      { .domain_exists = TRUE, .n_disks = 1, .n_open = 1, .saved = TRUE },
      SINTER_NEXT_FAIL },
    { "done",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { SEALED, .described = TRUE },
      SINTER_NEXT_VERIFY },
    { "done-although-cancelled",
      SINTER_PHASE_SEALING,
      TRUE,
      FALSE,
      { SEALED, .described = TRUE, .other_qemu = TRUE },
      SINTER_NEXT_VERIFY },
    { "no-metadata", SINTER_PHASE_SEALING, FALSE, FALSE, { SEALED }, SINTER_NEXT_FAIL },
    { "again", SINTER_PHASE_SEALING, FALSE, FALSE, { OPEN }, SINTER_NEXT_START },
    { "again-with-leftover",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { OPEN, .use = SINTER_OVERLAY_FREE },
      SINTER_NEXT_START },
    { "refused", SINTER_PHASE_SEALING, FALSE, FALSE, { OPEN, .refused = TRUE }, SINTER_NEXT_FAIL },
    { "not-again-if-cancelled",
      SINTER_PHASE_SEALING,
      TRUE,
      FALSE,
      { OPEN },
      SINTER_NEXT_CANCELLED },
    { "qemu-moved",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { OPEN, .use = SINTER_OVERLAY_USED, .refused = TRUE },
      SINTER_NEXT_QUARANTINE },
    { "qemu-ended",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { OPEN, .use = SINTER_OVERLAY_FREE, .other_qemu = TRUE },
      SINTER_NEXT_QUARANTINE },
    { "qemu-ended-after-an-error",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { .domain_exists = TRUE,
        .n_disks = 2,
        .n_open = 2,
        .use = SINTER_OVERLAY_FREE,
        .refused = TRUE },
      SINTER_NEXT_QUARANTINE },
    { "shut-off-before-it-was-asked",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { .domain_exists = TRUE, .n_disks = 2, .n_open = 2 },
      SINTER_NEXT_FAIL },
    { "offline-again",
      SINTER_PHASE_SEALING,
      FALSE,
      TRUE,
      { .domain_exists = TRUE, .n_disks = 2, .n_open = 2, .use = SINTER_OVERLAY_FREE },
      SINTER_NEXT_START },
    { "half",
      SINTER_PHASE_SEALING,
      FALSE,
      FALSE,
      { .domain_exists = TRUE, .domain_active = TRUE, .n_disks = 2, .n_open = 1, .n_sealed = 1 },
      SINTER_NEXT_QUARANTINE },
};

static void
test_row(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(SinterJobRecord) record = sinter_job_record_new();
    SinterVerdict verdict;

    record->plan = sinter_disk_plan_new("vda");
    record->plan->offline = rows[i].offline;
    record->phase = rows[i].phase;
    record->cancel_requested = rows[i].cancel;
    verdict = sinter_snapshot_reconcile(record, &rows[i].seen);
    g_assert_cmpint(verdict.next, ==, rows[i].next);
    g_assert_cmpint(verdict.reason != NULL, ==, verdict.next >= SINTER_NEXT_FAIL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/snapshot-reconcile/", rows[i].name, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
    }
    return g_test_run();
}
