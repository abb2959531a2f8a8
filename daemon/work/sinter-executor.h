/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-inventory.h"
#include "sinter-job.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/* Limits that an administrator sets (sinter.conf); all have defaults. */
typedef struct {
    guint max_jobs_per_host;         /* running at the same time */
    guint max_jobs_per_storage;      /* running at the same time on one file system */
    guint max_jobs_per_uid;          /* accepted and not ended, for one user other than root */
    guint64 bandwidth_bytes_per_sec; /* if the caller gives none; 0: no limit */
    guint converge_after_sec;        /* time without headway towards READY until the next
                                      * escalation */
    guint max_pause_msec;  /* the maximum time that the last escalation may suspend the guest; 0:
                            * never */
    guint keep_undo_files; /* of repairs; 0: no limit */
    guint keep_undo_days;  /* likewise */
    guint keep_records;    /* ended jobs that are kept for job listings and history */
} SinterJobLimits;

/**
 * SinterExecutor:
 *
 * Turns plans into jobs: validates a plan against the present inventory, keeps jobs off each
 * other's disks and within the budgets, and owns every job, including ended ones until they are
 * trimmed. At the start it takes over the jobs that an earlier run of the daemon left.
 *
 * Signals, on the main context:
 *  - "job-added" (SinterJob *), "job-removed" (SinterJob *).
 */
#define SINTER_TYPE_EXECUTOR (sinter_executor_get_type())
G_DECLARE_FINAL_TYPE(SinterExecutor, sinter_executor, SINTER, EXECUTOR, GObject)

/* @state_dir: job records are in its folder "jobs", undo files in "undo"; they are created if
 * absent. */
SinterExecutor *sinter_executor_new(SinterConnection *connection, SinterInventory *inventory,
                                    const char *state_dir, const SinterJobLimits *limits);

/* Reads the records. Call once, before the main loop runs: blocking. A record that cannot be read
 * is renamed to NAME.bad and logged; that is not an error. */
gboolean sinter_executor_load(SinterExecutor *self, GError **error);

/* Takes over the loaded jobs. Call once, after the signals are connected. */
void sinter_executor_start(SinterExecutor *self);

/* Leaves every job in its present state (QEMU continues; the next start takes over), except that a
 * guest that is suspended or limited is restored. Blocks for some seconds at most: FALSE if threads
 * are still blocked in libvirt; then the process must exit soon. */
gboolean sinter_executor_stop(SinterExecutor *self);

typedef struct {
    gboolean bandwidth_set;
    guint64 bandwidth_bytes_per_sec;
    guint uid; /* the caller's user ID */
} SinterJobOptions;

/**
 * sinter_executor_submit:
 * @plan: as made by the planner
 *
 * Makes a job for each disk of @plan that has no refusal. All or none: nothing is started if any
 * disk is refused (other than for having a single layer), the chain no longer matches the plan
 * (CHAIN_CHANGED), one of our jobs works on the disk (BUSY) or a limit is reached (BUSY).
 *
 * Returns: (transfer container) (element-type SinterJob) (nullable): the jobs; empty if there was
 * nothing to do
 */
GPtrArray *sinter_executor_submit(SinterExecutor *self, const SinterPlan *plan,
                                  const SinterJobOptions *options, GError **error);

/* (transfer none) (nullable): the job on a disk that has not ended */
SinterJob *sinter_executor_find_on_disk(SinterExecutor *self, const char *domain_uuid,
                                        const char *disk);

/* How many more jobs would run at once: free places in the budget of the host, without those that
 * queued jobs will take. */
guint sinter_executor_count_room(SinterExecutor *self);

/* The number of jobs that have not ended. */
guint sinter_executor_count_unended(SinterExecutor *self);

G_END_DECLS
