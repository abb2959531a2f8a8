/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is being written and does not have its final name yet. If the file system supports
 * it, the file has no name at all, so that a killed process leaves nothing behind. On other file
 * systems, and for a short time before it gets its final name, it has a hidden name in the same
 * folder, ".NAME.HEX.part". Creating the next draft of the same file removes such files of
 * processes that no longer exist.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct _SinterDraft SinterDraft;

/* Only its owner may access the file, and it is locked against all other users. @io_flags:
 * SINTER_IO_DIRECT or 0. */
SinterDraft *sinter_draft_new(SinterFs *fs, const char *path, SinterIoFlags io_flags,
                              GError **error);

/* (transfer none): for writing. Until commit(), flushing it does nothing. */
SinterIo *sinter_draft_get_io(SinterDraft *self);

/* (transfer none): a name by which the file can be opened again; it gets one if it has none. */
const char *sinter_draft_get_name(SinterDraft *self, GError **error);

/*
 * Makes all written data durable and gives the file its name, replacing @former (nullable). If
 * another process has created a file with that name in the meantime, this is an error and that file
 * is kept.
 */
gboolean sinter_draft_commit(SinterDraft *self, SinterIo *former, GError **error);

/* Removes a file that was not committed. Accepts NULL. */
void sinter_draft_free(SinterDraft *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDraft, sinter_draft_free)

G_END_DECLS
