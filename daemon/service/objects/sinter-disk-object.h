/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDiskObject:
 *
 * One disk of a domain on the bus, with its chain. Owned by the domain's object.
 */
#define SINTER_TYPE_DISK_OBJECT (sinter_disk_object_get_type())
G_DECLARE_FINAL_TYPE(SinterDiskObject, sinter_disk_object, SINTER, DISK_OBJECT,
                     SinterDBusDiskSkeleton)

SinterDiskObject *sinter_disk_object_new(SinterServiceContext *context, SinterPublisher *publisher,
                                         const char *domain_uuid, const char *target);

/* Shows @disk of @domain; keeps a reference to neither. */
void sinter_disk_object_update(SinterDiskObject *self, const SinterDomain *domain,
                               const SinterDisk *disk, const SinterReferenceGraph *graph);

/* Updates the properties that name our job on the disk. */
void sinter_disk_object_show_job(SinterDiskObject *self);

G_END_DECLS
