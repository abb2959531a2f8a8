/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes of single entries, in place. */

#include "qcow2/layout/qcow2-layout.h"
#include "io/sinter-io.h"

G_BEGIN_DECLS

/* A change of an entry, at @at in the file. */
typedef struct {
    guint64 at;
    SinterQcow2L2Entry old;
    SinterQcow2L2Entry changed;
    guint8 bytes; /* 8, or 16 with a bitmap */
} SinterQcow2EntryEdit;

/* Applies @edits and makes them durable. An entry that has not its old value is skipped. */
gboolean sinter_qcow2_edits_apply(GArray *edits, SinterIo *io, GError **error);

G_END_DECLS
