/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-format.h"

G_BEGIN_DECLS

/*
 * Returns the driver for the image that @options describe. Fails if no driver can create such an
 * image, or if the options contradict each other; nothing is created.
 */
const SinterFormat *sinter_create_find_format(const SinterCreateOptions *options, GError **error);

G_END_DECLS
