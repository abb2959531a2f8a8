/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-edit.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/*
 * As sinter_image_resize(), of a qcow2 image that is open. Afterwards its writer is good for
 * nothing but to be freed.
 */
gboolean sinter_resize_edit(SinterEdit *edit, guint64 size, SinterPreallocation preallocation,
                            gboolean shrink, GError **error);

G_END_DECLS
