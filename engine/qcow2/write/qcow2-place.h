/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whole clusters of the guest and the place in the file where their bytes belong. To write them is
 * the business of whoever asked, in its own time and thread; the mapping learns of a new place only
 * when the bytes are there.
 *
 *   place -> write @length bytes at @host of the data file -> map, or drop where that failed
 */

#include "qcow2-l2-range.h"
#include "sinter/format.h"

G_BEGIN_DECLS

/*
 * Where the whole clusters at the front of the range go, as many as lie in one run. @length 0: the
 * range begins or ends inside its first cluster, or that one is owned but holds data in part.
 *
 * Between this and map() nobody else may change the same clusters. Commits in between are fine: a
 * new place counts as used.
 */
gboolean sinter_qcow2_writer_place(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                   SinterFormatPlace *ret, GError **error);

/* The bytes are there: they are what the guest sees from now on. Dropped on failure. */
gboolean sinter_qcow2_writer_map(SinterQcow2Writer *self, const SinterFormatPlace *place,
                                 GError **error);

/* The bytes are not there: a new place is given back, and the guest sees what it saw. */
void sinter_qcow2_writer_drop(SinterQcow2Writer *self, const SinterFormatPlace *place);

/* The same for a stretch that was begun, and is not left before the bytes are there. */
gboolean sinter_qcow2_place(SinterQcow2L2Range *span, SinterFormatPlace *ret, GError **error);
void sinter_qcow2_place_map(SinterQcow2L2Range *span, const SinterFormatPlace *place);

/*
 * Gives the @n clusters of the guest that begin at @guests, in this order, what @from holds from
 * @from_offset on (qcow2-adopt.c). Not for an external data file.
 */
gboolean sinter_qcow2_writer_adopt(SinterQcow2Writer *self, const guint64 *guests, guint64 n,
                                   SinterIo *from, guint64 from_offset, GError **error);

/* Host clusters for up to @max guest clusters from @guest on; untake() gives them back. */
gboolean sinter_qcow2_take_hosts(SinterQcow2Writer *self, guint64 guest, guint64 max,
                                 guint64 *ret_host, guint64 *ret_n, GError **error);
void sinter_qcow2_untake_hosts(SinterQcow2Writer *self, guint64 host, guint64 n);

/* Whether all subclusters that @n bytes from @within on touch hold data of the image already. */
gboolean sinter_qcow2_is_plain_data(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2,
                                    guint32 within, guint32 n);

G_END_DECLS
