/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copying that is left to the kernel: sharing blocks, where the file system does, and
 * copy_file_range(). What a pair of file systems refuses once is not asked for again.
 */

#include <glib.h>

G_BEGIN_DECLS

/* What was refused, or found out, so far; all zero at first. Any thread. */
typedef struct {
    gint clone; /* atomic */
    gint copy;  /* atomic */
    gint local; /* atomic: the target's file system has no server that could copy */
} SinterOffload;

typedef struct {
    int from_fd;
    int fd;
    guint64 from_offset;
    guint64 offset;
    guint64 len;
} SinterOffloadRange;

/* Whether a copy may get by without any byte being read: by what was refused so far. */
gboolean sinter_offload_may_help(SinterOffload *self, int fd);
/* Whether two files can share blocks. Changes neither, and remembers a no. */
gboolean sinter_offload_can_clone(SinterOffload *self, int from_fd, int fd);

/* Makes both ranges share their blocks. FALSE: nothing changed. */
gboolean sinter_offload_clone(SinterOffload *self, const SinterOffloadRange *range);

/*
 * Copies from the front of the range on as far as the kernel does it; the rest is to be read and
 * written. FALSE: reading or writing failed, errno says why.
 */
gboolean sinter_offload_copy(SinterOffload *self, const SinterOffloadRange *range,
                             guint64 *ret_done);

G_END_DECLS
