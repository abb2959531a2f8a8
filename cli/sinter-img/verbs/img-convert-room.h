/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/chain.h>
#include <sinter/create.h>

G_BEGIN_DECLS

/*
 * After a conversion into a new file at @path failed for lack of space: if a file of that name
 * exists, prints that it is kept until the copy is complete, and how much space is missing, as far
 * as that is known.
 */
void sinter_img_convert_tell_room(GPtrArray *chains, const char *path,
                                  const SinterCreateOptions *image, gboolean compressed);

G_END_DECLS
