/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-edit.h"
#include "sinter/resize.h"

G_BEGIN_DECLS

/* Resizes the disk and its bitmaps. Afterwards the writer must be reopened. */
gboolean sinter_qcow2_resize_disk(SinterQcow2Edit *edit, const SinterResizeOptions *options,
                                  GError **error);

G_END_DECLS
