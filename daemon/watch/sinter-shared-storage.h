/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-storage-probe.h"

G_BEGIN_DECLS

/**
 * sinter_shared_storage_mark:
 * @domain: while it is filled in; of a running domain nothing is marked
 * @probe: for questions to the file systems
 * @exclusive: shell patterns of the paths of images that only this host uses
 *
 * Sets the beyond_locks of each image that another host may use without noticing the locks of this
 * one. Blocking.
 */
void sinter_shared_storage_mark(SinterDomain *domain, SinterStorageProbe *probe,
                                const char *const *exclusive);

/* (transfer full) (nullable): why locks on a file on that mount may be invisible to other hosts:
 * "on an ocfs2 file system" */
char *sinter_shared_storage_describe_mount(const char *fs_type, gboolean locks_are_local);

G_END_DECLS
