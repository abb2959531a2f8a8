/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-patience.h"

G_BEGIN_DECLS

/* Where images of domains grow: a file system, or a block device with one qcow2 image. */
typedef struct {
    char *image;         /* an image there */
    char *name;          /* (nullable): the mount point, or the device; %NULL until it is known */
    guint64 device;      /* as fs_device of SinterLayer */
    guint64 total_bytes; /* that users other than root can have; 0: unknown */
    guint64 free_bytes;
    GPtrArray *users; /* of images there, as lines, the largest first */
} SinterSpacePlace;

/* Pure. (transfer full) (element-type SinterSpacePlace): the places of all active layers of disks
 * that are not read-only; @domains: (element-type SinterDomain) */
GPtrArray *sinter_space_places_collect(GPtrArray *domains);

/* Adds what the file systems answer. One that does not respond stays unknown. Blocking, any
 * thread. */
void sinter_space_places_measure(GPtrArray *places, SinterPatience *storage);

/* Returns how much is in use; 0 if it is unknown. */
guint sinter_space_place_get_percent(const SinterSpacePlace *place);

G_END_DECLS
