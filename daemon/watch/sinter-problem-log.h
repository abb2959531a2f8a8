/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * SinterProblemLog:
 *
 * Logs the problems that scans find with domains and images: each problem once, however many chains
 * and scans it occurs in, and again only if it recurs after it was gone.
 */
typedef struct _SinterProblemLog SinterProblemLog;

SinterProblemLog *sinter_problem_log_new(void);
void sinter_problem_log_free(SinterProblemLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterProblemLog, sinter_problem_log_free)

/* Logs the problems of @domain that are not logged yet. */
void sinter_problem_log_tell(SinterProblemLog *log, const SinterDomain *domain);

/* Begins and ends a scan of every domain: problems that sinter_problem_log_tell() did not get in
 * between are gone. */
void sinter_problem_log_begin_round(SinterProblemLog *log);
void sinter_problem_log_end_round(SinterProblemLog *log);

G_END_DECLS
