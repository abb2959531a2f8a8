/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-refcount-map.h"
#include "sinter/check.h"

G_BEGIN_DECLS

/* SinterFormat's check(). */
gboolean sinter_qcow2_check(SinterIo *io, const SinterCheckOptions *options,
                            SinterCheckResult *result, GError **error);

/*
 * The same; also returns in @ret_map the references and the stored refcount of each cluster.
 * @ret_map is NULL if nothing after the header could be interpreted.
 */
gboolean sinter_qcow2_check_count_all(SinterIo *io, const SinterCheckOptions *options,
                                      SinterCheckResult *result, SinterQcow2RefcountMap **ret_map,
                                      guint64 *ret_n_clusters, GError **error);

G_END_DECLS
