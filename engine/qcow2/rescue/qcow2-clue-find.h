/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-clue.h"

G_BEGIN_DECLS

/* Adds the clues in the cluster @data of @len bytes, which is @host_cluster of the file. */
void sinter_qcow2_clues_find(SinterQcow2Clues *self, guint64 host_cluster, const guint8 *data,
                             gsize len);

G_END_DECLS
