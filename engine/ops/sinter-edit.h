/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-format.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/*
 * An image that is open, and locked, for one change of its metadata. Its bitmaps do not record
 * what is written meanwhile.
 */
typedef struct {
    SinterFs *fs;
    SinterIo *io;
    const SinterFormat *format;
    SinterQcow2Writer *writer; /* NULL: raw */
    SinterHandleFlags flags;
    gboolean no_backing; /* set before it is opened: the change needs no backing file */
    SinterIo *data_io;   /* the same, nullable, the caller's: in place of the named data file */
} SinterEdit;

/*
 * @fs: (nullable); @format: (nullable): probed. Errors tell what could not be opened. A qcow2 image
 * is in a state that can be worked on.
 */
gboolean sinter_edit_open(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                          SinterHandleFlags flags, GError **error);
/* The writer anew, where a change has left it good for nothing else. */
gboolean sinter_edit_reopen(SinterEdit *self, GError **error);
void sinter_edit_clear(SinterEdit *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterEdit, sinter_edit_clear)

G_END_DECLS
