/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

/*
 * Writes refcounts for all references that the check of @round counted into a new refcount table
 * and new blocks, makes them durable, and switches to them. The new refcounts are wider if the old
 * width cannot hold them. The former table and blocks are no longer counted.
 *
 * @keep: do not lower any refcount, and count clusters with unknown refcounts as used.
 *
 * Fails with UNSUPPORTED if the refcounts cannot be stored; the image is then unchanged.
 */
gboolean sinter_qcow2_structure_build(SinterQcow2Round *round, gboolean keep, GError **error);

G_END_DECLS
