/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The mark of an image whose data was merged into its backing file and that was kept: its content
 * is no longer a valid state of any disk, so it does not count as a user of its backing file. The
 * mark is an extended attribute. A file system without extended attributes keeps none. Any thread.
 */

/* Marks the open file @fd; @job: the ID of the job. Returns whether it is marked. */
gboolean sinter_merged_mark_set(int fd, const char *job);

gboolean sinter_merged_mark_is_set(int fd);

G_END_DECLS
