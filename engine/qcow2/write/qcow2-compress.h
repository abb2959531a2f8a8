/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/layout/qcow2-layout.h"

G_BEGIN_DECLS

/*
 * Compresses one cluster like QEMU. Returns the length of the stream in @out; 0 if it would not be
 * shorter than @out_room, which must be less than a cluster. Any thread.
 */
gsize sinter_qcow2_compress(guint8 compression_type, const guint8 *in, gsize in_bytes, guint8 *out,
                            gsize out_room);

G_END_DECLS
