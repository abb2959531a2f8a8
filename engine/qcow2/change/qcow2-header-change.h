/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "qcow2/layout/qcow2-header.h"

G_BEGIN_DECLS

/* The new content of a header, except its root (qcow2-root.h). */
typedef struct {
    guint32 version;
    guint64 incompatible; /* feature bits exist only in version 3 */
    guint64 compatible;
    guint64 autoclear;
    const char *backing_name;   /* NULL: none */
    const char *backing_format; /* NULL: not stored */
    const char *data_file_name; /* NULL: not stored */
    guint32 n_bitmaps;          /* 0: no extension for bitmaps */
    guint64 bitmap_directory_bytes;
    guint64 bitmap_directory_offset;
    gboolean keeps_leaks; /* leaked clusters may hold lost data */
} SinterQcow2HeaderChange;

/* Returns the current content, without unknown autoclear bits and invalid bitmaps. */
SinterQcow2HeaderChange sinter_qcow2_header_change_of(const SinterQcow2Header *header);

/*
 * Changes the header of @io from @header to @want. Everything else in the header is kept, including
 * unknown extensions. Durable at the end, and atomic: at every moment the header is the old or the
 * new one. @header must be read again afterwards.
 *
 * Fails with NO_SPACE if the new header does not fit into the header's cluster.
 */
gboolean sinter_qcow2_header_change(SinterIo *io, const SinterQcow2Header *header,
                                    const SinterQcow2HeaderChange *want, GError **error);

G_END_DECLS
