/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-format.h"

G_BEGIN_DECLS

/*
 * Creates the raw driver's writer over @io, for a disk whose size is not that of the file: a
 * stream, or a device that is larger. Fills @ret like write_open().
 */
gpointer sinter_raw_writer_new(SinterIo *io, guint64 virtual_size, SinterFormatTraits *ret);

G_END_DECLS
