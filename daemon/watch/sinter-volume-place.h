/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "sinter-model.h"
#include "sinter-patience.h"

G_BEGIN_DECLS

/* Where the volume of a storage pool is. */
typedef struct {
    SinterSourceType type;    /* OTHER if unknown */
    char *path;               /* absolute; %NULL: on a server, or unknown */
    gint64 silent_since_usec; /* libvirt does not answer questions about storage pools since then
                               * (real time); 0: it does */
} SinterVolumePlace;

typedef struct {
    const char *pool;
    const char *volume;
} SinterVolumeName;

/**
 * sinter_volume_place_find:
 * @patience: storage pools may be on servers that do not respond
 * @ret_place: (out caller-allocates): its path is (transfer full)
 *
 * A pool that is not active, or that does not know the volume, is resolved by its definition.
 * Blocking.
 *
 * Returns: %FALSE with libvirt's error if the place is unknown, or if only its kind is known: then
 * @ret_place has the type BLOCK and no path.
 */
gboolean sinter_volume_place_find(SinterPatience *patience, virConnectPtr connection,
                                  const SinterVolumeName *name, SinterVolumePlace *ret_place,
                                  GError **error);

/* (transfer full) (element-type utf8): the folders of the volumes of all storage pools, active or
 * not, whose volumes are files or logical volumes; empty if libvirt cannot list them or does
 * not answer. Blocking. */
GPtrArray *sinter_volume_place_list_folders(SinterPatience *patience, virConnectPtr connection);

G_END_DECLS
