/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"

G_BEGIN_DECLS

/*
 * Makes the qcow2 image @io, open for writing and locked, stand on another backing file: its name
 * (NULL: none) and format (NULL: not stored), as they are to be stored. All else that the header
 * says stays, extensions that are not known too. Durable at the end, and whole at every moment
 * before: the header names the former file or the new one.
 *
 * NO_SPACE where the name does not fit into the header's cluster.
 */
gboolean sinter_qcow2_relink(SinterIo *io, const char *backing_name, const char *backing_format,
                             GError **error);

G_END_DECLS
