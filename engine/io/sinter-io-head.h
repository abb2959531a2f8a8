/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An open file whose first bytes are replaced in memory: what it would be after a write that was
 * not made yet. All else is that of the file.
 */

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * Wraps @inner, of which a reference is taken; it must have at least @n bytes. Reads see @head in
 * place of the first @n bytes. The first write that touches them writes all of them to the file; so
 * an operation that ends with a write of the header brings @head into effect.
 */
SinterIo *sinter_io_head_new(SinterIo *inner, const guint8 *head, gsize n);

G_END_DECLS
