/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"

G_BEGIN_DECLS

/*
 * Changes the backing file of the qcow2 image @io, open for writing and locked: its name (NULL:
 * none) and format (NULL: not stored), as stored. Everything else in the header is kept, including
 * unknown extensions. Durable at the end, and atomic: at every moment the header names the old or
 * the new file.
 *
 * Fails with NO_SPACE if the name does not fit into the header's cluster.
 */
gboolean sinter_qcow2_relink(SinterIo *io, const char *backing_name, const char *backing_format,
                             GError **error);

G_END_DECLS
