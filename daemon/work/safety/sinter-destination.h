/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/**
 * sinter_destination_find_root:
 * @destination: as the caller said it
 * @disk: whose copy it is to be
 * @folders: (nullable): where copies may lie beside the folders of the disk's own images, joined
 *   by ':'; %NULL: anywhere
 * @ret_root: (out) (nullable): the folder that lets it be, %NULL for anywhere
 *
 * Whether a copy may lie at @destination, by its name alone: a daemon that runs as root must not
 * let whoever may consolidate a disk write wherever root can.
 *
 * Returns: %FALSE with INVALID_ARGUMENT for what is no plain absolute path, NOT_AUTHORIZED for
 * another folder.
 */
gboolean sinter_destination_find_root(const char *destination, const SinterDisk *disk,
                                      const char *folders, char **ret_root, GError **error);

/**
 * sinter_destination_check:
 * @plan: of a copy; others pass
 *
 * Looks at the place itself, before libvirt is asked to write there: below its root no part of it
 * is a symbolic link; a new file's name is free, an existing one (reuse_external) is a regular file
 * or a block device. Blocking.
 *
 * Between this look and QEMU's opening of the name lies a moment, and libvirt takes names only: so
 * folders that others can write to are no place for copies of a system's daemon.
 */
gboolean sinter_destination_check(const SinterDiskPlan *plan, GError **error);

G_END_DECLS
