/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/format.h"

G_BEGIN_DECLS

/* SinterFormat's callback. */
gboolean sinter_qcow2_measure(const SinterFormatMeasure *source,
                              const SinterMeasureOptions *options, SinterMeasure *ret,
                              GError **error);

G_END_DECLS
