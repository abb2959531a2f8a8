/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "format/sinter-format.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/* An image that is open for writing and locked, so that its driver can make one change to its
 * metadata. */
typedef struct {
    const SinterFormat *format;
    SinterFormatFile file; /* owns its references, except data_io */
} SinterEdit;

/*
 * @fs: (nullable); @format: (nullable): probed. The caller may set self->file.data_io before the
 * call; all other members must be zero. Errors name the file that could not be opened.
 */
gboolean sinter_edit_open(SinterEdit *self, SinterFs *fs, const char *path, const char *format,
                          SinterHandleFlags flags, GError **error);
/* The same for reading, with a lock against writers. */
gboolean sinter_edit_open_for_reading(SinterEdit *self, SinterFs *fs, const char *path,
                                      const char *format, GError **error);
void sinter_edit_clear(SinterEdit *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterEdit, sinter_edit_clear)

G_END_DECLS
