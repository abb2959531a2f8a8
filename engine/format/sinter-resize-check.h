/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/resize.h"

G_BEGIN_DECLS

/* For drivers: whether a disk of @old bytes, by the file that is locked, may get smaller. */
gboolean sinter_resize_check_direction(guint64 old, const SinterResizeOptions *options,
                                       GError **error);

G_END_DECLS
