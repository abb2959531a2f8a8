/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-record.h"
#include "sinter-virt.h"

G_BEGIN_DECLS

/**
 * sinter_cleanup_remember_files:
 * @domain: the domain as it is before the start
 *
 * Notes in @record the identity (device and inode) of each file that is to be removed, so that
 * after the merge no other file that then has the name is.
 */
void sinter_cleanup_remember_files(SinterJobRecord *record, const SinterDomain *domain);

/**
 * sinter_cleanup_sync:
 * @ret_doubt: (inout): set where an image could not be opened: why its files must stay
 *
 * Makes durable what a block job wrote: the images of the new chain, a copy's destination and its
 * name. Blocking.
 *
 * Returns: %FALSE when the kernel says that it is not: then nothing is done, and nothing may go.
 */
gboolean sinter_cleanup_sync(const SinterDiskPlan *plan, char **ret_doubt, GError **error);

/* Whether there is metadata or a file that is to go or to change; else nothing has to be written
 * down before sinter_cleanup_run(). */
gboolean sinter_cleanup_changes_anything(const SinterDiskPlan *plan);

/**
 * sinter_cleanup_run:
 * @record: of a job whose chain was verified and synced; warnings are added to it
 * @may_remove: %FALSE keeps every file: what they held may not be durable elsewhere
 *
 * Makes libvirt's snapshot metadata true again, and removes the merged files that a fresh look at
 * every domain proves unused; what cannot be proved stays, with a warning. May be run again after
 * a crash. Blocking.
 *
 * Returns: %FALSE with the backend's error when the connection was lost: run it again.
 */
gboolean sinter_cleanup_run(SinterVirt *virt, SinterJobRecord *record, gboolean may_remove,
                            GError **error);

G_END_DECLS
