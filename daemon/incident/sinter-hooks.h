/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-incident-log.h"

G_BEGIN_DECLS

/**
 * SinterHooks:
 *
 * Runs the programs of the hook folders when an incident has a new diagnosis, pauses a guest, or is
 * resolved. Main context.
 */
typedef struct _SinterHooks SinterHooks;

/**
 * sinter_hooks_new:
 * @incidents: loaded; what it knows already is not reported again. Referenced
 * @folders: absolute paths joined by ':'; need not exist
 * @time_limit_sec: for one program
 */
SinterHooks *sinter_hooks_new(SinterIncidentLog *incidents, const char *folders,
                              guint time_limit_sec);

/* Does not wait for programs that run. */
void sinter_hooks_free(SinterHooks *hooks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterHooks, sinter_hooks_free)

G_END_DECLS
