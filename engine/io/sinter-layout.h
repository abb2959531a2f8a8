/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * Asks the file system to lay out the empty file @fd so. FALSE with errno where it does not take
 * the size of extents; that it always copies on write is not told.
 */
gboolean sinter_layout_set(int fd, const SinterIoLayout *layout);

G_END_DECLS
