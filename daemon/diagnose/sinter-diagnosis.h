/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-symptoms.h"

G_BEGIN_DECLS

/**
 * SinterCause:
 * @name: stable: "file-system-full"
 * @summary: one line; %s is the image
 * @advice: what to do, one line
 * @passed: nothing is wrong any more: the guest can be resumed
 */
typedef struct {
    const char *name;
    const char *summary;
    const char *advice;
    gboolean passed;
} SinterCause;

/**
 * SinterDiagnosis:
 * @cause: row of the table of causes
 * @layer: (nullable): path or description of the image that it is about
 * @summary: @cause's summary with the image
 * @evidence: (element-type utf8): what the diagnosis follows from, a line each
 */
typedef struct {
    const SinterCause *cause;
    char *layer;
    char *summary;
    GPtrArray *evidence;
} SinterDiagnosis;

/**
 * sinter_diagnose:
 *
 * Pure: finds the first cause of the table whose conditions @symptoms meet. There is always one:
 * the last rows of the table have no conditions.
 *
 * Returns: (transfer full)
 */
SinterDiagnosis *sinter_diagnose(const SinterSymptoms *symptoms);

void sinter_diagnosis_free(SinterDiagnosis *diagnosis);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDiagnosis, sinter_diagnosis_free)

/* (transfer none): the rows of the table, for tests and documentation */
const SinterCause *sinter_cause_get(guint index, guint *ret_n);

G_END_DECLS
