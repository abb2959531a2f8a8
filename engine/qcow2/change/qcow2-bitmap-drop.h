/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-edit.h"

G_BEGIN_DECLS

/*
 * Removes a dirty bitmap without space for a new generation of the metadata (qcow2-in-place.h). If
 * there is not even room for a directory without it, the bitmap is emptied first. After a crash it
 * either exists, possibly marked as inconsistent, or not, and the others are as before.
 */
gboolean sinter_qcow2_bitmap_drop(SinterQcow2Edit *edit, const char *name, GError **error);

G_END_DECLS
