/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-model.h"

G_BEGIN_DECLS

/* Where the volume of a storage pool is. */
typedef struct {
    SinterSourceType type; /* OTHER if unknown */
    char *path;            /* absolute; %NULL: on a server, or unknown */
} SinterVolumePlace;

/**
 * sinter_volume_place_find:
 * @ret_place: (out caller-allocates): its path is (transfer full)
 *
 * A pool that is not active, or that does not know the volume, is resolved by its definition.
 * Blocking.
 *
 * Returns: %FALSE with libvirt's error if the place is unknown, or if only its kind is known: then
 * @ret_place has the type BLOCK and no path.
 */
gboolean sinter_volume_place_find(virConnectPtr connection, const char *pool, const char *volume,
                                  SinterVolumePlace *ret_place, GError **error);

/* (transfer full) (element-type utf8): the folders of the volumes of all storage pools, active or
 * not, whose volumes are files or logical volumes; empty if libvirt cannot list them. Blocking. */
GPtrArray *sinter_volume_place_list_folders(virConnectPtr connection);

G_END_DECLS
