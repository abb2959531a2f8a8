/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/resize.h"

G_BEGIN_DECLS

/* For drivers: checks whether a disk of @old bytes, as read from the locked file, may shrink. */
gboolean sinter_resize_check_direction(guint64 old, const SinterResizeOptions *options,
                                       GError **error);

G_END_DECLS
