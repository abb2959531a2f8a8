/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-executor.h"
#include "sinter-policy-memory.h"
#include "sinter-policy-set.h"

G_BEGIN_DECLS

/**
 * SinterPolicyMoment: what disks are judged by at one moment; nothing is owned.
 *
 * @rules, @set: the values and the policies that they are for
 * @memory: what came of earlier work
 * @executor: the present jobs
 * @incidents: (element-type utf8 utf8): domains (UUID) with an open incident → its ID
 * @generation, @now_usec: as in SinterPolicyDisk
 * @zone: the local time zone
 */
typedef struct {
    const SinterPolicyRules *rules;
    const SinterPolicySet *set;
    SinterPolicyMemory *memory;
    SinterExecutor *executor;
    GHashTable *incidents;
    guint64 generation;
    gint64 now_usec;
    GTimeZone *zone;
} SinterPolicyMoment;

/**
 * SinterPolicyVerdict: what policies say about a disk.
 *
 * @disk: a target
 * @policy: (nullable): name of the policy that proposes to merge the chain, %NULL if none does
 * @reason: (nullable): why, as a sentence; also of a policy that only reports
 * @keep, @keep_base: as in SinterProposal
 * @obstacle: (nullable): why this is not done now, as a sentence. The planner has not been asked
 *   yet: it may refuse
 * @until_usec: when the obstacle passes by itself; %G_MAXINT64 if it does not
 * @bandwidth_set, @bandwidth_bytes_per_sec: as in SinterJobOptions
 */
typedef struct {
    char *disk;
    const char *policy;
    char *reason;
    guint keep;
    gboolean keep_base;
    char *obstacle;
    gint64 until_usec;
    gboolean bandwidth_set;
    guint64 bandwidth_bytes_per_sec;
} SinterPolicyVerdict;

void sinter_policy_verdict_free(SinterPolicyVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPolicyVerdict, sinter_policy_verdict_free)

/* (transfer full): asks the policies about @disk, and looks for what speaks against their proposal
 * at present. No I/O. */
SinterPolicyVerdict *sinter_policy_judge(const SinterPolicyMoment *moment, SinterDomain *domain,
                                         const SinterDisk *disk);

G_END_DECLS
