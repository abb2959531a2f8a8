/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-header-values.h"

G_BEGIN_DECLS

/* A bounds-checked view of the start of the file; every access is checked against it. */
typedef struct {
    const guint8 *data;
    gsize len;
} SinterQcow2HeaderBytes;

/*
 * Fills @self, whose file_bytes and empty arrays are already set, from the first bytes of the file,
 * at least the length of a version 2 header. Values that are out of bounds become problems and are
 * not followed.
 */
void sinter_qcow2_header_parse(SinterQcow2Header *self, SinterQcow2HeaderBytes in);

G_END_DECLS
