/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/* SinterFormat's salvage_open() and salvage_map(). */
gboolean sinter_qcow2_salvage_open(SinterImage *image, const SinterFormatOpen *how, GError **error);
void sinter_qcow2_salvage_map(SinterImage *image, guint64 offset, guint64 len,
                              SinterFormatSalvage *ret);

G_END_DECLS
