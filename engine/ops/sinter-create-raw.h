/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/create.h"

G_BEGIN_DECLS

/* Whether @options are such that a raw image can have them, before anything is made. */
gboolean sinter_raw_create_check(const SinterCreateOptions *options, GError **error);

G_END_DECLS
