/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/format.h"

G_BEGIN_DECLS

/* SinterFormat's repair(). */
gboolean sinter_qcow2_repair(const SinterFormatFile *file, const SinterRepairOptions *options,
                             SinterRepairResult *result, GError **error);

G_END_DECLS
