/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/* Returns whether the layout in @options is valid, before anything is created. */
gboolean sinter_create_layout_check(const SinterCreateOptions *options, GError **error);

/* Requests the layout for an empty file; a block device has no layout. A request that fails is only
 * a warning. */
void sinter_create_lay_out(SinterIo *io, const SinterCreateOptions *options);

G_END_DECLS
