/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer.h"

G_BEGIN_DECLS

/*
 * Empties the image: the disk then reads like its backing file. Snapshots and bitmaps stay. Frees
 * the file's space and truncates the file after the last cluster in use. Durable at the end; after
 * a crash, parts of the image may still hold their content.
 */
gboolean sinter_qcow2_empty(SinterQcow2Writer *writer, GError **error);

G_END_DECLS
