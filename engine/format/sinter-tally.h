/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Collects the findings of a check: counts everything, and keeps findings of each code up to the
 * caller's limit. Memory is bounded, whatever the image contains.
 */

#include "sinter/check.h"

G_BEGIN_DECLS

typedef struct {
    SinterCheckResult *result; /* borrowed */
    guint max_per_code;
    GMutex mutex; /* guards the findings and counts, in the result and below */
    guint kept[SINTER_FINDING_N_CODES]; /* of common codes */
} SinterTally;

SinterCheckResult *sinter_check_result_new(const char *path, const char *format);

void sinter_tally_init(SinterTally *tally, SinterCheckResult *result,
                       const SinterCheckOptions *options);

void sinter_tally_clear(SinterTally *tally);

/* Returns whether the next finding of @code would be kept, not only counted. For one thread. */
gboolean sinter_tally_wants(const SinterTally *tally, SinterFindingCode code);

/* Counts @finding (once if its @times is 0) and takes ownership of its content. Any thread. */
void sinter_tally_add(SinterTally *tally, SinterFinding *finding);

/* Like sinter_tally_add(), if whether QEMU counts the finding depends on more than its code. */
void sinter_tally_add_as(SinterTally *tally, SinterFinding *finding, gboolean qemu_counts);

/* Counts @n findings of @code without keeping any. Any thread. */
void sinter_tally_count(SinterTally *tally, SinterFindingCode code, guint64 n);

/* Sorts the findings into their final order: by code, then by offset. */
void sinter_tally_finish(SinterTally *tally);

G_END_DECLS
