/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/finding.h"

G_BEGIN_DECLS

/* Of formats that bring findings of their own. */
#define SINTER_FINDING_MAX_TABLES 32

/*
 * Makes the findings of @format known under the codes from @first on. Before anything is checked,
 * from one thread. INVALID_ARGUMENT where codes or names are taken or out of range.
 */
gboolean sinter_finding_add_table(const char *format, const SinterFindingKind *kinds, guint n,
                                  guint first, GError **error);

G_END_DECLS
