/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * sinter_event_name_disk:
 * @event: as libvirt or QEMU told it: @device and @node are set, @disk is not
 * @domain: (nullable): the domain of the event, as it was last read
 *
 * Sets the event's @disk, and its @layer_index where the device's name says it. libvirt calls a
 * disk by its target ("vda"), by one layer of it ("vda[3]"), by the device's alias ("virtio-disk0")
 * or by a path; QEMU by the block job ("commit-vda-libvirt-3-format"), the drive
 * ("drive-virtio-disk0") or the node ("libvirt-3-format").
 *
 * Pure. Any thread.
 *
 * Returns: whether the event is understood: %FALSE when it names a device that is no disk of
 * @domain, or is not yet
 */
gboolean sinter_event_name_disk(SinterEvent *event, const SinterDomain *domain);

G_END_DECLS
