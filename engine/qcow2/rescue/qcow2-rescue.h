/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/rescue.h"

G_BEGIN_DECLS

/* SinterFormat's rescue(). */
gboolean sinter_qcow2_rescue(SinterIo *io, const SinterRescueOptions *options,
                             SinterRescueResult *result, GError **error);

G_END_DECLS
