/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SinterFormat's callbacks that change metadata. */

#include "sinter/format.h"

G_BEGIN_DECLS

gboolean sinter_qcow2_format_snapshot(const SinterFormatFile *file,
                                      const SinterFormatSnapshot *what, GError **error);
gboolean sinter_qcow2_format_resize(const SinterFormatFile *file, const SinterResizeOptions *what,
                                    GError **error);
gboolean sinter_qcow2_format_amend(const SinterFormatFile *file, const SinterAmendOptions *options,
                                   SinterProgress *progress, GError **error);

G_END_DECLS
