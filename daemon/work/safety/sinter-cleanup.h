/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

/**
 * sinter_cleanup_remember_files:
 * @domain: the domain before the start
 *
 * Stores in @record the identity (device and inode) of each file to be removed or marked as merged,
 * so that after the merge no other file with the same name is removed or marked.
 */
void sinter_cleanup_remember_files(SinterJobRecord *record, const SinterDomain *domain);

/**
 * sinter_cleanup_sync:
 * @ret_doubt: (inout): set if an image could not be opened: why the merged files must be kept
 *
 * Makes durable what a block job wrote: the images of the new chain, a copy's destination and its
 * name. Blocking.
 *
 * Returns: %FALSE if the kernel reports a failure: then nothing is cleaned up and nothing may be
 * removed.
 */
gboolean sinter_cleanup_sync(const SinterDiskPlan *plan, char **ret_doubt, GError **error);

/* Returns whether any metadata or file is to be changed or removed; otherwise the record need not
 * be saved before sinter_cleanup_run(). */
gboolean sinter_cleanup_changes_anything(const SinterDiskPlan *plan);

/**
 * sinter_cleanup_run:
 * @record: of a job whose chain was verified and synced; warnings are added to it
 * @may_remove: %FALSE keeps every file: its data may not be durable elsewhere
 *
 * Corrects libvirt's snapshot metadata, and removes the merged files that a new scan of every
 * domain proves unused; any other file is kept, with a warning. May be repeated after a crash.
 * Blocking.
 *
 * Returns: %FALSE with the backend's error if the connection was lost: run it again.
 */
gboolean sinter_cleanup_run(SinterVirt *virt, SinterJobRecord *record, gboolean may_remove,
                            GError **error);

G_END_DECLS
