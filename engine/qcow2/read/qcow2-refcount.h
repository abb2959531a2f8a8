/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/*
 * SinterFormat's is_preallocated(): returns whether clearly more clusters are referenced than the
 * file has allocated. QEMU then queries the file system for holes among them.
 */
gboolean sinter_qcow2_is_preallocated(SinterImage *image);

/* SinterFormat's count_used(): counts the clusters that have references. */
gboolean sinter_qcow2_count_used(SinterImage *image, guint64 *ret_bytes, GError **error);

G_END_DECLS
