/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

/* Returns whether refcounts and something else are in the cluster of the finding. */
gboolean sinter_qcow2_finding_is_on_refcounts(const SinterFinding *finding);

/*
 * Returns whether leaked clusters may hold what users of shared clusters lost, so that they must be
 * kept when these are separated.
 */
gboolean sinter_qcow2_round_must_keep_leaks(const SinterQcow2Round *self);

/* Returns why clusters must not be separated, NULL if they may. */
const char *sinter_qcow2_round_reason_to_keep(const SinterQcow2Round *self);

/*
 * Records in the header that leaked clusters are kept, or removes the record. The header of the
 * check is out of date afterwards. UNSUPPORTED if there is no room for it.
 */
gboolean sinter_qcow2_round_record_leaks(SinterQcow2Round *self, gboolean are_kept, GError **error);

G_END_DECLS
