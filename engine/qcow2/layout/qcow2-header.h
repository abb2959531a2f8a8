/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a qcow2 image with its extensions, as far as its bytes allow. Reading one opens
 * nothing else and believes nothing: every field is held against its bounds, and what is wrong
 * becomes a problem in a list. Whoever wants to use the image asks
 * sinter_qcow2_header_require_usable(); whoever examines it takes the list as findings.
 */

#include "qcow2-header-values.h"
#include "io/sinter-io.h"

G_BEGIN_DECLS

/*
 * Reads the header of @io. Fails only where reading fails, or where the file does not begin with
 * the magic number; a damaged header is a success with problems.
 */
SinterQcow2Header *sinter_qcow2_header_read(SinterIo *io, GError **error);

void sinter_qcow2_header_free(SinterQcow2Header *header);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Header, sinter_qcow2_header_free)

/*
 * TRUE where nothing keeps the image from being read. Else an error with the text of the first
 * problem that does: CORRUPT or UNSUPPORTED. The caller prefixes the file's name.
 */
gboolean sinter_qcow2_header_require_usable(const SinterQcow2Header *header, GError **error);

/* The first problem that keeps the image from being read, or NULL. */
const SinterQcow2Problem *sinter_qcow2_header_first_fatal(const SinterQcow2Header *header);

G_END_DECLS
