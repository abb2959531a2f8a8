/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a qcow2 image with its extensions. Reading a header opens no other file and trusts
 * nothing: every field is checked against its bounds, and errors become problems in a list. A
 * caller that uses the image calls sinter_qcow2_header_require_usable(); a check converts the list
 * into findings.
 */

#include "qcow2-header-values.h"
#include "io/sinter-io.h"

G_BEGIN_DECLS

/*
 * Reads the header of @io. Fails only if reading fails, or if the file does not begin with the
 * magic number; for a damaged header it succeeds with problems.
 */
SinterQcow2Header *sinter_qcow2_header_read(SinterIo *io, GError **error);

void sinter_qcow2_header_free(SinterQcow2Header *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Header, sinter_qcow2_header_free)

/*
 * Returns TRUE if no problem prevents reading the image. Otherwise sets CORRUPT or UNSUPPORTED with
 * the text of the first such problem. The caller prefixes the file's name.
 */
gboolean sinter_qcow2_header_require_usable(const SinterQcow2Header *header, GError **error);

/* Returns the first problem that prevents reading the image, or NULL. */
const SinterQcow2Problem *sinter_qcow2_header_first_fatal(const SinterQcow2Header *header);

G_END_DECLS
