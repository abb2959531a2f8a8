/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-refcount-map.h"
#include "sinter/check.h"

G_BEGIN_DECLS

/* SinterFormat's check(). */
gboolean sinter_qcow2_check(SinterIo *io, const SinterCheckOptions *options,
                            SinterCheckResult *result, GError **error);

/*
 * The same, and what was counted: for each of the clusters its references beside what the file
 * stores. NULL in @ret_map where nothing behind the header could be understood.
 */
gboolean sinter_qcow2_check_count_all(SinterIo *io, const SinterCheckOptions *options,
                                      SinterCheckResult *result, SinterQcow2RefcountMap **ret_map,
                                      guint64 *ret_n_clusters, GError **error);

G_END_DECLS
