/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The geometry of an image whose header is lost, from its L2 tables. */

#include "io/sinter-io.h"

#include <gio/gio.h>

typedef struct _SinterProgress SinterProgress;

G_BEGIN_DECLS

typedef struct {
    guint32 n_candidates;    /* 0: there are no tables */
    guint32 cluster_bits[8]; /* the candidates, the best first */
    gboolean extended_l2;
} SinterQcow2GuessedGeometry;

/* Reads the file once, without its holes. */
gboolean sinter_qcow2_guess_geometry(SinterIo *io, guint64 file_bytes, GCancellable *cancellable,
                                     SinterProgress *progress, SinterQcow2GuessedGeometry *ret,
                                     GError **error);

/* What a sector of an L2 table tells; for tests. */
typedef struct {
    guint32 n_plain;    /* entries, if each 8 bytes are an entry */
    guint32 n_extended; /* entries, if each 16 bytes are an entry and its bitmap */
    guint32 align_bits; /* all of them are multiples of so many bits */
} SinterQcow2TableSector;

SinterQcow2TableSector sinter_qcow2_examine_sector(const guint8 *sector, guint64 file_bytes);

G_END_DECLS
