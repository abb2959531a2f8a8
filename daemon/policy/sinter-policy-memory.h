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
 * Notes that the planner or the executor refused work on @disk. It is asked again when the domain
 * has changed, or when anything on the host has changed and some time has passed: each refusal
 * doubles the time.
 *
 * Returns: whether @why is new, so that it is worth a message
 */
gboolean sinter_policy_memory_refuse(SinterPolicyMemory *self, const SinterPolicyDisk *disk,
                                     const char *why);

/* Takes the end of any job into account: after a failure the disk is left alone for a time that
 * doubles, after a cancellation for a day, after a quarantine until another job succeeds. */
void sinter_policy_memory_take_job(SinterPolicyMemory *self, const SinterJobRecord *record);

/**
 * sinter_policy_memory_find_obstacle:
 * @ret_until_usec: when the obstacle passes by itself; %G_MAXINT64 if it does not
 *
 * Returns: (transfer none) (nullable): why the disk is left alone, as a sentence; %NULL if it is
 *   not
 */
const char *sinter_policy_memory_find_obstacle(SinterPolicyMemory *self,
                                               const SinterPolicyDisk *disk,
                                               gint64 *ret_until_usec);

/* Forgets a domain that no longer exists. */
void sinter_policy_memory_forget(SinterPolicyMemory *self, const char *uuid);

G_END_DECLS
