/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that an operation creates. It gets its name only when it is complete and durable; until
 * then it is a draft (sinter-draft.h). The file that it replaces stays locked during that time, and
 * its owner, permissions and label are copied to the new file.
 *
 * If a file cannot be replaced without a loss (a block device, a file with several names, one that
 * is a mount point, one whose owner cannot be copied, a folder in which no file can be created), it
 * is written in place.
 */

#include "io/sinter-io.h"
#include "sinter-error.h"

G_BEGIN_DECLS

typedef struct _SinterOutput SinterOutput;

typedef enum {
    SINTER_OUTPUT_DEFAULT = 0,
    SINTER_OUTPUT_EXISTING = 1 << 0, /* the file exists and keeps the ranges that are not written */
    SINTER_OUTPUT_DIRECT = 1 << 1,   /* bypass the page cache if the file system supports it */
    SINTER_OUTPUT_REPLACE = 1 << 2,  /* the file exists; fail if it would be written in place */
} SinterOutputFlags;

/*
 * Opens the output for @path. A file that is in use is a LOCKED error. A new file is accessible
 * only to its owner; with @readable everybody may read it, as far as the umask allows.
 */
SinterOutput *sinter_output_open(SinterFs *fs, const char *path, SinterOutputFlags flags,
                                 gboolean readable, GError **error);

/* (transfer none): for writing. Until commit(), flushing a file without a name does nothing. */
SinterIo *sinter_output_get_io(SinterOutput *self);

/* (transfer none): a name by which the file can be opened again before commit(). */
const char *sinter_output_get_name(SinterOutput *self, GError **error);

/* Returns whether all ranges that were not written read as zeros, which is the case for an empty
 * file. */
gboolean sinter_output_is_zero(SinterOutput *self);

/*
 * Durably removes the name of the existing file before commit(), for a file that must not be
 * visible together with others that change. A file that is written in place is not affected.
 */
gboolean sinter_output_remove_former(SinterOutput *self, GError **error);

/* Makes all written data durable and gives the file its name. */
gboolean sinter_output_commit(SinterOutput *self, GError **error);

/* Removes a file that was not committed; a file that was written in place keeps its current
 * content. Accepts NULL. */
void sinter_output_free(SinterOutput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterOutput, sinter_output_free)

G_END_DECLS
