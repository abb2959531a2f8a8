/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/* Reads the file once: the use of clusters, orphaned tables, clues. */
gboolean sinter_qcow2_rescue_scan(SinterQcow2Rescue *self, GError **error);

G_END_DECLS
