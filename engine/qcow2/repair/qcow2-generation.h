/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Another state of a damaged image: other tables at its root. All references of the new state are
 * counted anew, into a new refcount structure; one write of the header's first sector brings root
 * and refcounts into effect. No refcount becomes lower, so what only the former state used leaks,
 * and is freed by a later repair if nothing else can have referred to it.
 */

#include "qcow2-repair-round.h"
#include "qcow2/layout/qcow2-root.h"

G_BEGIN_DECLS

typedef struct {
    SinterQcow2Round before; /* of the file as it is */
    SinterQcow2Root root;    /* of the new state; the caller sets its part */
} SinterQcow2Generation;

/* Checks @io. FALSE with CORRUPT if the header cannot be interpreted. */
gboolean sinter_qcow2_generation_begin(SinterQcow2Generation *self, SinterIo *io,
                                       const SinterRepairOptions *options, GError **error);
void sinter_qcow2_generation_clear(SinterQcow2Generation *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2Generation, sinter_qcow2_generation_clear)

/* Writes a table of the new state to clusters that nothing uses; @ret: its offset, 0 if empty. */
gboolean sinter_qcow2_generation_place(SinterQcow2Generation *self, const guint8 *table, gsize len,
                                       guint64 *ret, GError **error);

/*
 * Sets @ret to whether the active state that the root describes, without any snapshot, can be read
 * completely: no entry of its tables is damaged.
 */
gboolean sinter_qcow2_generation_is_sound(SinterQcow2Generation *self, gboolean *ret,
                                          GError **error);

/* Brings the new state into effect; durable. FALSE: the image is unchanged. */
gboolean sinter_qcow2_generation_commit(SinterQcow2Generation *self, GError **error);

G_END_DECLS
