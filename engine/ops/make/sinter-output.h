/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that an operation makes. It stands under its name only when it is whole and durable:
 * until then it is a draft (sinter-draft.h). What it replaces is locked as long as that takes, and
 * hands down its owner, permissions and label.
 *
 * Where replacing cannot be done without a loss (a block device, a file with several names, one
 * that is mounted where it stands, one whose owner cannot be handed down, a folder that takes no
 * new file) the file is written in place.
 */

#include "io/sinter-io.h"
#include "sinter-error.h"

G_BEGIN_DECLS

typedef struct _SinterOutput SinterOutput;

typedef enum {
    SINTER_OUTPUT_DEFAULT = 0,
    SINTER_OUTPUT_EXISTING = 1 << 0, /* the file is there and keeps what is not written */
    SINTER_OUTPUT_DIRECT = 1 << 1,   /* pass by the page cache where the file system can */
} SinterOutputFlags;

/*
 * Opens what will become @path. A file that somebody uses is a LOCKED error. One that is not
 * there yet is its owner's alone, and with @readable everybody's to read, as the umask allows.
 */
SinterOutput *sinter_output_open(SinterFs *fs, const char *path, SinterOutputFlags flags,
                                 gboolean readable, GError **error);

/* (transfer none): to write to. Until commit(), flushing a file without a name does nothing. */
SinterIo *sinter_output_get_io(SinterOutput *self);

/* (transfer none): a name by which it can be opened once more before commit(). */
const char *sinter_output_get_name(SinterOutput *self, GError **error);

/* Whether all that was not written reads as zeros: it is a file without content. */
gboolean sinter_output_is_zero(SinterOutput *self);

/*
 * Takes the name away from what stands under it, durably, ahead of commit(): for a file that must
 * not be seen beside others that change. What is written in place has no former.
 */
gboolean sinter_output_remove_former(SinterOutput *self, GError **error);

/* Makes all that was written durable, and gives it its name. */
gboolean sinter_output_commit(SinterOutput *self, GError **error);

/* What was not committed goes away; what was written in place stays as it is. Accepts NULL. */
void sinter_output_free(SinterOutput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterOutput, sinter_output_free)

G_END_DECLS
