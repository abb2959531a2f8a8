/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-patience.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/**
 * sinter_destination_find_root:
 * @destination: as given by the caller
 * @disk: the disk to be copied
 * @folders: (nullable): where copies may be created besides the folders of the disk's own images,
 *   joined by ':'; %NULL: anywhere
 * @ret_root: (out) (nullable): the folder that permits the destination, %NULL for anywhere
 *
 * Checks whether a copy may be created at @destination, by its name alone: a daemon that runs as
 * root must not let a user who may consolidate a disk write wherever root can.
 *
 * Returns: %FALSE with INVALID_ARGUMENT if @destination is not a plain absolute path,
 * NOT_AUTHORIZED if it is in another folder.
 */
gboolean sinter_destination_find_root(const char *destination, const SinterDisk *disk,
                                      const char *folders, char **ret_root, GError **error);

/**
 * sinter_destination_check:
 * @plan: of a copy; other plans pass
 * @storage: (nullable): asks the file system with a limit
 *
 * Checks the destination in the file system before libvirt is asked to write there: below its root
 * no path component is a symbolic link; the name of a new file does not exist, and an existing one
 * (reuse_external) is a regular file or a block device. Blocking, but not for long: BUSY if the
 * file system of the destination does not respond.
 *
 * There is a race between this check and QEMU opening the name, and libvirt accepts only names: so
 * folders that other users can write to are not suitable for copies of a system daemon.
 */
gboolean sinter_destination_check(const SinterDiskPlan *plan, SinterPatience *storage,
                                  GError **error);

G_END_DECLS
