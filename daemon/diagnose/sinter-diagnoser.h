/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-examination.h"

G_BEGIN_DECLS

/**
 * SinterDiagnoser:
 *
 * Examines failures in threads of its own, so that storage that does not answer holds up neither
 * the main loop nor the scans. Main context.
 */
typedef struct _SinterDiagnoser SinterDiagnoser;

/**
 * SinterDiagnoserFunc:
 * @id: the incident
 * @symptoms: what was found
 *
 * Called in the main context: once if the examination ends within a second; otherwise after a
 * second with symptoms that say that the storage is silent, and again when the examination ends.
 */
typedef void (*SinterDiagnoserFunc)(const char *id, const SinterSymptoms *symptoms,
                                    gpointer user_data);

SinterDiagnoser *sinter_diagnoser_new(SinterDiagnoserFunc func, gpointer user_data);

/* @func is not called any more. Does not wait for examinations that hang. */
void sinter_diagnoser_free(SinterDiagnoser *self);

/**
 * sinter_diagnoser_ask:
 * @id: the incident; a second request for it while the first is running is dropped
 * @examination: the caller keeps it
 */
void sinter_diagnoser_ask(SinterDiagnoser *self, const char *id,
                          const SinterExamination *examination);

G_END_DECLS
