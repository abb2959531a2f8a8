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
 * sinter_cleanup_run:
 * @record: of a job whose chain was verified; warnings are added to it
 * @may_remove: %FALSE keeps every file: QEMU may not have written all that they held
 *
 * Makes libvirt's snapshot metadata true again, and removes the merged files that a fresh look at
 * every domain proves unused; what cannot be proved stays, with a warning. Everything that the
 * files held is durable before the first is removed. May be run again after a crash. Blocking.
 *
 * Returns: %FALSE with the backend's error when the connection was lost: run it again.
 */
gboolean sinter_cleanup_run(SinterVirt *virt, SinterJobRecord *record, gboolean may_remove,
                            GError **error);

G_END_DECLS
