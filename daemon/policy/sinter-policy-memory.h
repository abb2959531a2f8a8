/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterPolicyMemory:
 *
 * What came of automatic work on each disk before: until when, or until what has changed, it is
 * left alone. Main context.
 */
typedef struct _SinterPolicyMemory SinterPolicyMemory;

SinterPolicyMemory *sinter_policy_memory_new(void);
void sinter_policy_memory_free(SinterPolicyMemory *self);

/**
 * SinterPolicyDisk: a disk at a moment.
 *
 * @generation: differs from that of another moment if anything on the host has changed in between
 */
typedef struct {
    SinterDomain *domain;
    const SinterDisk *disk;
    guint64 generation;
    gint64 now_usec;
} SinterPolicyDisk;

/**
 * sinter_policy_memory_refuse:
 *
 * Notes that the planner or the executor refused work on @disk. It is asked again when something on
 * the host has changed and some time has passed: each refusal of the same chain doubles the time.
 * What the guest writes is no change.
 *
 * Returns: whether the last refusal had another code, so that @error is worth a message
 */
gboolean sinter_policy_memory_refuse(SinterPolicyMemory *self, const SinterPolicyDisk *disk,
                                     const GError *error);

/* Takes the end of any job into account: after a failure the disk is left alone for a time that
 * doubles, after a cancellation for a day, after a quarantine until another merge, copy or repair
 * succeeds. */
void sinter_policy_memory_take_job(SinterPolicyMemory *self, const SinterJobRecord *record);

/**
 * sinter_policy_memory_find_obstacle:
 * @ret_until_usec: when the obstacle passes by itself, or a refused disk is asked about again;
 *   %G_MAXINT64 if nothing has changed meanwhile
 *
 * Returns: (transfer none) (nullable): why the disk is left alone, as a sentence; %NULL if it is
 *   not
 */
const char *sinter_policy_memory_find_obstacle(SinterPolicyMemory *self,
                                               const SinterPolicyDisk *disk,
                                               gint64 *ret_until_usec);

/* Returns whether the obstacle is a refusal, which may well be repeated when the disk is asked
 * about again. */
gboolean sinter_policy_memory_is_refused(SinterPolicyMemory *self, const SinterPolicyDisk *disk);

/* Takes note of since when @domain is shut off; call for each state of it. */
void sinter_policy_memory_see(SinterPolicyMemory *self, const SinterDomain *domain,
                              gint64 now_usec);

/* Since when a domain has been seen to be shut off; @now_usec if it has not. */
gint64 sinter_policy_memory_find_shut_off(SinterPolicyMemory *self, const char *uuid,
                                          gint64 now_usec);

/* Forgets a domain that no longer exists, except for quarantines and cancellations. */
void sinter_policy_memory_forget(SinterPolicyMemory *self, const char *uuid);

G_END_DECLS
