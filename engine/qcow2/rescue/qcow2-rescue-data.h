/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/* Places data clusters whose table is lost, by the clues in them. The tables must have a place. */
void sinter_qcow2_rescue_place_data(SinterQcow2Rescue *self);

/* Sorts the placed data clusters by place; of those that contest a place, at most one keeps it. */
void sinter_qcow2_rescue_settle_data(SinterQcow2Rescue *self);

/*
 * Infers broken entries of tables that have a place from the entries around them, if these are in a
 * run of the file and the clusters between are orphans.
 */
gboolean sinter_qcow2_rescue_infer_entries(SinterQcow2Rescue *self, GError **error);

G_END_DECLS
