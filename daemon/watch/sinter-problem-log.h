/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterProblemLog:
 *
 * Logs what scans find wrong with domains and images: each problem once, however many chains and
 * scans it shows up in, and again only after it had gone.
 */
typedef struct _SinterProblemLog SinterProblemLog;

SinterProblemLog *sinter_problem_log_new(void);
void sinter_problem_log_free(SinterProblemLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterProblemLog, sinter_problem_log_free)

/* Logs the problems of @domain that were not logged yet. */
void sinter_problem_log_tell(SinterProblemLog *log, const SinterDomain *domain);

/* Begins and ends a look at every domain: problems that sinter_problem_log_tell() did not meet
 * between the two are gone. */
void sinter_problem_log_begin_round(SinterProblemLog *log);
void sinter_problem_log_end_round(SinterProblemLog *log);

G_END_DECLS
