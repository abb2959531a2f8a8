/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer.h"

G_BEGIN_DECLS

/*
 * Makes the image hold nothing: the disk becomes what it stands on. Snapshots and bitmaps stay.
 * The file gives its space back and ends with the last cluster that is still in use. Durable at the
 * end; a cut leaves an image of which some parts still hold what they did.
 */
gboolean sinter_qcow2_empty(SinterQcow2Writer *writer, GError **error);

G_END_DECLS
