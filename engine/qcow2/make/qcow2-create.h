/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/*
 * Checks whether @options are compatible, before anything is created. Messages match those of
 * QEMU's tools.
 */
gboolean sinter_qcow2_create_check(const SinterCreateOptions *options, GError **error);

/*
 * Writes an empty image into @io, which is empty or a block device, and sets the size of @data_io
 * (NULL: none), which is empty. Durable at the end; the header is written last.
 */
gboolean sinter_qcow2_create(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                             GError **error);

G_END_DECLS
