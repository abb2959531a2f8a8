/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-image.h"

G_BEGIN_DECLS

/*
 * SinterFormat's is_preallocated(): whether clearly more clusters are referenced than the file
 * takes space for. QEMU then asks the file system which of them are holes.
 */
gboolean sinter_qcow2_is_preallocated(SinterImage *image);

G_END_DECLS
