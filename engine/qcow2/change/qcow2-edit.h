/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/write/qcow2-writer.h"
#include "sinter/format.h"

G_BEGIN_DECLS

/*
 * An image with a writer for one change of its metadata. Its bitmaps do not record writes
 * meanwhile.
 */
typedef struct {
    const SinterFormatFile *file;
    gboolean no_backing; /* set before opening: the change needs no backing file */
    SinterQcow2Writer *writer;
} SinterQcow2Edit;

/* Opens the image described by @self. Errors name what could not be opened. */
gboolean sinter_qcow2_edit_open(SinterQcow2Edit *self, GError **error);
/* Reopens the writer after a change that left it unusable. */
gboolean sinter_qcow2_edit_reopen(SinterQcow2Edit *self, GError **error);
void sinter_qcow2_edit_clear(SinterQcow2Edit *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2Edit, sinter_qcow2_edit_clear)

G_END_DECLS
