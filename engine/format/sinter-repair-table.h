/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/repair.h"

G_BEGIN_DECLS

/* Returns whether the table of repairs has a row for @code. */
gboolean sinter_repair_is_listed(SinterFindingCode code);

G_END_DECLS
