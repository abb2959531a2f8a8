/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-header-values.h"

G_BEGIN_DECLS

/* A bound view of the file's start; every access is checked against it. */
typedef struct {
    const guint8 *data;
    gsize len;
} SinterQcow2HeaderBytes;

/*
 * Fills @self, whose file_bytes and empty arrays are set, from the file's first bytes, at least
 * those of a header of version 2. What is out of bounds becomes a problem and is not followed.
 */
void sinter_qcow2_header_parse(SinterQcow2Header *self, SinterQcow2HeaderBytes in);

G_END_DECLS
