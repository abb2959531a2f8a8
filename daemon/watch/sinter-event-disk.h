/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * sinter_event_name_disk:
 * @event: as received from libvirt or QEMU: @device and @node are set, @disk is not
 * @domain: (nullable): the event's domain, as last scanned
 *
 * Sets the event's @disk, and its @layer_index if the device's name contains it. libvirt names a
 * disk by its target ("vda"), by one of its layers ("vda[3]"), by the device's alias
 * ("virtio-disk0") or by a path; QEMU by the block job ("commit-vda-libvirt-3-format"), the drive
 * ("drive-virtio-disk0") or the node ("libvirt-3-format").
 *
 * Pure. Any thread.
 *
 * Returns: whether the name was resolved: %FALSE if it names a device that is not, or not yet, a
 * disk of @domain
 */
gboolean sinter_event_name_disk(SinterEvent *event, const SinterDomain *domain);

G_END_DECLS
