/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is being written and does not stand under its name yet. Where the file system can, it
 * has no name at all: who is killed leaves nothing. Elsewhere, and for a moment before it takes its
 * own, it has a hidden one beside it, ".NAME.HEX.part". What a process that is gone has left under
 * such a name goes when the next draft of that file is made.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct _SinterDraft SinterDraft;

/* Its owner's alone; locked against every other user. @io_flags: SINTER_IO_DIRECT or nothing. */
SinterDraft *sinter_draft_new(SinterFs *fs, const char *path, SinterIoFlags io_flags,
                              GError **error);

/* (transfer none): to write to. Until commit(), flushing it does nothing. */
SinterIo *sinter_draft_get_io(SinterDraft *self);

/* (transfer none): a name by which it can be opened once more, given to it where it has none. */
const char *sinter_draft_get_name(SinterDraft *self, GError **error);

/*
 * Makes all that was written durable and gives it its name, in place of @former (nullable). A file
 * that somebody has put there meanwhile is an error, and stays.
 */
gboolean sinter_draft_commit(SinterDraft *self, SinterIo *former, GError **error);

/* What was not committed is gone. Accepts NULL. */
void sinter_draft_free(SinterDraft *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDraft, sinter_draft_free)

G_END_DECLS
