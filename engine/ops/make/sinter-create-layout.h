/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "sinter/create.h"

G_BEGIN_DECLS

/* Whether the layout of @options can be asked for, before anything is made. */
gboolean sinter_create_layout_check(const SinterCreateOptions *options, GError **error);

/* Asks for it, for a file that is empty; a device has none. What cannot be had is a warning. */
void sinter_create_lay_out(SinterIo *io, const SinterCreateOptions *options);

G_END_DECLS
