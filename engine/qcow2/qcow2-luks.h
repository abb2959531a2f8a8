/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-header.h"
#include "sinter/image.h"

G_BEGIN_DECLS

/* The LUKS header inside the image, which must say that it has one. */
SinterLuksInfo *sinter_qcow2_luks_read(SinterIo *io, const SinterQcow2Header *header,
                                       GError **error);

G_END_DECLS
