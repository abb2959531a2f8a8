/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copying by the kernel: block sharing, if the file system supports it, and copy_file_range().
 * After a pair of file systems refuses once, the call is not tried again.
 */

#include <glib.h>

G_BEGIN_DECLS

/* The refusals and results so far; zero-initialized. Any thread. */
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

/* Returns whether a copy may avoid reading data, judging by the refusals so far. */
gboolean sinter_offload_may_help(SinterOffload *self, int fd);
/* Returns whether two files can share blocks. Changes neither; remembers a refusal. */
gboolean sinter_offload_can_clone(SinterOffload *self, int from_fd, int fd);

/* Makes both ranges share their blocks. FALSE: nothing changed. */
gboolean sinter_offload_clone(SinterOffload *self, const SinterOffloadRange *range);

/*
 * Copies the start of the range as far as the kernel supports it; the caller must read and write
 * the rest. FALSE: reading or writing failed; errno is set.
 */
gboolean sinter_offload_copy(SinterOffload *self, const SinterOffloadRange *range,
                             guint64 *ret_done);

G_END_DECLS
