/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-domain-reading.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/* Fills in the checkpoints of @domain. @texts: (element-type SinterSnapshotText): parents first */
gboolean sinter_scan_read_checkpoints(SinterDomain *domain, const GPtrArray *texts, GError **error);

G_END_DECLS
