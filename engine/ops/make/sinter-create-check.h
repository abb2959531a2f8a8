/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-format.h"

G_BEGIN_DECLS

/*
 * The driver of the image that @options describe. NULL with an error where there is none that makes
 * images, or where the options do not go together; nothing is made.
 */
const SinterFormat *sinter_create_find_format(const SinterCreateOptions *options, GError **error);

G_END_DECLS
