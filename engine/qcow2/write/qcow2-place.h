/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whole guest clusters and their place in the file. The caller writes the bytes itself, at any time
 * and in any thread; a new place is mapped only after the bytes are written.
 *
 *   place -> write @length bytes at @host of the data file -> map, or drop if that failed
 */

#include "qcow2-l2-range.h"
#include "sinter/format.h"

G_BEGIN_DECLS

/*
 * Returns the place for the whole clusters at the start of the range, as many as are contiguous.
 * @length 0: the range begins or ends inside its first cluster, or that cluster is owned but only
 * partly allocated.
 *
 * No other call may change these clusters before map(). Commits in between are allowed: a new place
 * counts as used.
 */
gboolean sinter_qcow2_writer_place(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                   SinterFormatPlace *ret, GError **error);

/*
 * Maps the place after its bytes are written: the guest sees them from now on. On failure the place
 * is dropped.
 */
gboolean sinter_qcow2_writer_map(SinterQcow2Writer *self, const SinterFormatPlace *place,
                                 GError **error);

/*
 * Drops the place because its bytes were not written: a new place is freed, and the guest sees the
 * old content.
 */
void sinter_qcow2_writer_drop(SinterQcow2Writer *self, const SinterFormatPlace *place);

/* The same for a range that was begun and stays current until the bytes are written. */
gboolean sinter_qcow2_place(SinterQcow2L2Range *span, SinterFormatPlace *ret, GError **error);
void sinter_qcow2_place_map(SinterQcow2L2Range *span, const SinterFormatPlace *place);

/*
 * Copies the content of @from from @from_offset on into the @n guest clusters at @guests, in this
 * order (qcow2-adopt.c). Not for an external data file.
 */
gboolean sinter_qcow2_writer_adopt(SinterQcow2Writer *self, const guint64 *guests, guint64 n,
                                   SinterIo *from, guint64 from_offset, GError **error);

/* Allocates host clusters for up to @max guest clusters from @guest on; untake() frees them. */
gboolean sinter_qcow2_take_hosts(SinterQcow2Writer *self, guint64 guest, guint64 max,
                                 guint64 *ret_host, guint64 *ret_n, GError **error);
void sinter_qcow2_untake_hosts(SinterQcow2Writer *self, guint64 host, guint64 n);

/*
 * Returns whether all subclusters that @n bytes from @within on touch already hold data of the
 * image.
 */
gboolean sinter_qcow2_is_plain_data(const SinterQcow2Geometry *geo, SinterQcow2L2Entry l2,
                                    guint32 within, guint32 n);

G_END_DECLS
