/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/format.h"

G_BEGIN_DECLS

/* SinterFormat's patch(). */
gboolean sinter_qcow2_patch(SinterIo *io, const SinterPatch *patch, SinterPatchChange *ret,
                            GError **error);

G_END_DECLS
