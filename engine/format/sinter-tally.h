/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a check puts what it finds: counts of everything, and of each code as many findings as
 * the caller wants to see. Memory is bounded whatever the image is like.
 */

#include "sinter/check.h"

G_BEGIN_DECLS

typedef struct {
    SinterCheckResult *result; /* borrowed */
    guint max_per_code;
    GMutex mutex; /* guards the findings and counts, in the result and below */
    guint kept[SINTER_FINDING_N_CODES]; /* of codes that the formats share */
} SinterTally;

SinterCheckResult *sinter_check_result_new(const char *path, const char *format);

void sinter_tally_init(SinterTally *tally, SinterCheckResult *result,
                       const SinterCheckOptions *options);

void sinter_tally_clear(SinterTally *tally);

/* Whether the next finding of @code would be kept, not only counted. For one thread. */
gboolean sinter_tally_wants(const SinterTally *tally, SinterFindingCode code);

/* Counts @finding (as one where its @times are 0) and takes what it owns. Any thread. */
void sinter_tally_add(SinterTally *tally, SinterFinding *finding);

/* As sinter_tally_add(), where it depends on more than the code whether QEMU counts it. */
void sinter_tally_add_as(SinterTally *tally, SinterFinding *finding, gboolean qemu_counts);

/* Counts @n findings of @code without keeping any. Any thread. */
void sinter_tally_count(SinterTally *tally, SinterFindingCode code, guint64 n);

/* Brings the findings in their final order: by code, then by place. */
void sinter_tally_finish(SinterTally *tally);

G_END_DECLS
