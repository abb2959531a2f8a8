/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Writes new L2 tables, a new L1 table and new refcounts behind the end of the file, makes them
 * durable, and switches to them with a write of the first sector. Steps below the confidence in
 * @options are left out.
 */
gboolean sinter_qcow2_rescue_write(SinterQcow2Rescue *self, const SinterRescueOptions *options,
                                   GError **error);

G_END_DECLS
