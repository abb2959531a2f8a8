/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The backing file as evidence: a cluster that the guest wrote in part holds the rest of the
 * backing file's cluster at the same place of the disk.
 */

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/* The list of SinterQcow2Rescue.samples. */
GArray *sinter_qcow2_rescue_samples_new(void);

/*
 * Remembers the cluster for the comparison. Call it for each cluster that is scanned and that
 * nothing intact refers to.
 */
void sinter_qcow2_rescue_remember(SinterQcow2Rescue *self, guint64 cluster, const guint8 *data);

/*
 * Reads the backing file once, and adds a clue to each remembered cluster that agrees with one
 * place of it in part. Does nothing without a backing file.
 */
gboolean sinter_qcow2_rescue_compare_backing(SinterQcow2Rescue *self, GError **error);

G_END_DECLS
