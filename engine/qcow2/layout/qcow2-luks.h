/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-header.h"
#include "sinter/image.h"

G_BEGIN_DECLS

/* Fills @ret, which must be zeroed, from the LUKS header that @header refers to. */
gboolean sinter_qcow2_luks_read(SinterIo *io, const SinterQcow2Header *header, SinterLuksInfo *ret,
                                GError **error);

G_END_DECLS
