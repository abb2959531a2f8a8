/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "qcow2/layout/qcow2-header.h"

G_BEGIN_DECLS

/* What a header is to say from now on, beyond its root (qcow2-root.h). */
typedef struct {
    guint32 version;
    guint64 incompatible; /* the feature bits are of version 3 */
    guint64 compatible;
    guint64 autoclear;
    const char *backing_name;   /* NULL: none */
    const char *backing_format; /* NULL: not stored */
    const char *data_file_name; /* NULL: not stored */
    guint32 n_bitmaps;          /* 0: no extension for bitmaps */
    guint64 bitmap_directory_bytes;
    guint64 bitmap_directory_offset;
} SinterQcow2HeaderChange;

/* What it says now, but for autoclear bits that are not known and bitmaps that are not valid. */
SinterQcow2HeaderChange sinter_qcow2_header_change_of(const SinterQcow2Header *header);

/*
 * Makes the header of @io, which is @header now, say what @want says. All else that it says stays,
 * extensions that are not known too. Durable at the end, and whole at every moment before: the
 * header says all of the old or all of the new. @header must be read anew afterwards.
 *
 * NO_SPACE where it does not fit into the header's cluster.
 */
gboolean sinter_qcow2_header_change(SinterIo *io, const SinterQcow2Header *header,
                                    const SinterQcow2HeaderChange *want, GError **error);

G_END_DECLS
