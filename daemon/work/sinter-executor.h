/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-inventory.h"
#include "sinter-job.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/* Bounds that an administrator sets (sinter.conf); all have defaults. */
typedef struct {
    guint max_jobs_per_host;         /* working at once */
    guint max_jobs_per_storage;      /* working at once on one file system */
    guint max_jobs_per_uid;          /* accepted and not ended, for one user other than root */
    guint64 bandwidth_bytes_per_sec; /* where the caller says nothing; 0: no limit */
    guint converge_after_sec;        /* no headway towards READY for so long: the next escalation */
    guint max_pause_msec; /* the longest that the last escalation may hold the guest; 0: never */
    guint keep_records;   /* ended jobs that are kept for jobs and history */
} SinterJobLimits;

/**
 * SinterExecutor:
 *
 * Turns plans into jobs: validates a plan against the inventory of the moment, keeps jobs off each
 * other's disks and within the budgets, and holds every job, ended ones too until they are
 * trimmed. On start it takes over the jobs that an earlier run of the daemon left.
 *
 * Signals, on the main context:
 *  - "job-added" (SinterJob *), "job-removed" (SinterJob *).
 */
#define SINTER_TYPE_EXECUTOR (sinter_executor_get_type())
G_DECLARE_FINAL_TYPE(SinterExecutor, sinter_executor, SINTER, EXECUTOR, GObject)

/* @state_dir: jobs lie in its folder "jobs", which is made when absent. */
SinterExecutor *sinter_executor_new(SinterConnection *connection, SinterInventory *inventory,
                                    const char *state_dir, const SinterJobLimits *limits);

/* Reads the records; to be called once, before the main loop runs: blocking. A record that cannot
 * be read is set aside as NAME.bad and logged; it is no error. */
gboolean sinter_executor_load(SinterExecutor *self, GError **error);

/* Takes over what was loaded; to be called once, after the signals are connected. */
void sinter_executor_start(SinterExecutor *self);

/* Leaves every job where it is (QEMU goes on; the next start takes over), but for a guest that is
 * held or slowed, which is let go. Blocks for some seconds at most: FALSE when threads had to be
 * left in libvirt, which does not answer; then the process must end soon. */
gboolean sinter_executor_stop(SinterExecutor *self);

typedef struct {
    gboolean bandwidth_set;
    guint64 bandwidth_bytes_per_sec;
    guint uid; /* of the caller */
} SinterJobOptions;

/**
 * sinter_executor_submit:
 * @plan: as the planner made it
 *
 * Makes a job of each disk of @plan that has no refusal. All or none: where any disk is refused
 * (other than for want of a chain), the chain is no longer the plan's (CHAIN_CHANGED), a job of
 * ours works on the disk (BUSY) or a bound is reached (BUSY), nothing is started.
 *
 * Returns: (transfer container) (element-type SinterJob) (nullable): the jobs; empty when there
 * was nothing to do
 */
GPtrArray *sinter_executor_submit(SinterExecutor *self, const SinterPlan *plan,
                                  const SinterJobOptions *options, GError **error);

/* (transfer none) (nullable): the unended job on a disk */
SinterJob *sinter_executor_find_on_disk(SinterExecutor *self, const char *domain_uuid,
                                        const char *disk);

/* How many jobs have not ended. */
guint sinter_executor_count_unended(SinterExecutor *self);

G_END_DECLS
