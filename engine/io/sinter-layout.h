/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * Requests a layout for the empty file @fd. Returns FALSE with errno if the file system does not
 * accept the extent size; a failure to disable copy-on-write is not reported.
 */
gboolean sinter_layout_set(int fd, const SinterIoLayout *layout);

G_END_DECLS
