/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/finding.h"

G_BEGIN_DECLS

/* Maximum number of formats that define findings of their own. */
#define SINTER_FINDING_MAX_TABLES 32

/*
 * Registers the findings of @format with codes from @first on. Call it from one thread before any
 * check. Fails with INVALID_ARGUMENT if codes or names are already in use or out of range.
 */
gboolean sinter_finding_add_table(const char *format, const SinterFindingKind *kinds, guint n,
                                  guint first, GError **error);

G_END_DECLS
