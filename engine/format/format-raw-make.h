/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The callbacks of SinterFormat that create and resize raw images. */

#include "sinter/format.h"

G_BEGIN_DECLS

gboolean sinter_raw_create_check(const SinterCreateOptions *options, GError **error);
gboolean sinter_raw_create(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                           GError **error);
gboolean sinter_raw_measure(const SinterFormatMeasure *source, const SinterMeasureOptions *options,
                            SinterMeasure *ret, GError **error);
gboolean sinter_raw_resize(const SinterFormatFile *file, const SinterResizeOptions *what,
                           GError **error);

G_END_DECLS
