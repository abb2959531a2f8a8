/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-examination.h"

G_BEGIN_DECLS

/**
 * SinterExaminer:
 *
 * Examinations for a thread that must not wait for silent storage. One thread asks at a time. If
 * the storage does not answer, at most one thread hangs for each examiner; it may outlive it.
 */
typedef struct _SinterExaminer SinterExaminer;

/* sinter_examine(), or what a test puts in its place */
typedef SinterSymptoms *(*SinterExamineFunc)(const SinterExamination *examination);

SinterExaminer *sinter_examiner_new(SinterExamineFunc func);
void sinter_examiner_free(SinterExaminer *self);

/**
 * sinter_examiner_ask:
 * @patience_usec: how long to wait at most
 *
 * Returns: (transfer full): the symptoms of now; if the storage does not answer, those of
 * sinter_examine_nothing(), as silent
 */
SinterSymptoms *sinter_examiner_ask(SinterExaminer *self, const SinterExamination *examination,
                                    guint64 patience_usec);

G_END_DECLS
