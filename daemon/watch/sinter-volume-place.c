/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the name of a volume to its path. Invariant: a path is either libvirt's own answer or the
 * volume's name in the folder of the pool's definition, and then it contains no other slash.
 *
 * libvirt answers only for active pools. A shut-off domain may use a volume of an inactive one.
 */

#include "sinter-volume-place.h"

#include <stdlib.h>
#include <string.h>

#include "sinter-connection-error.h"
#include "sinter-error.h"
#include "sinter-pool-xml.h"

typedef struct {
    const char *type;
    SinterSourceType source;
    gboolean by_name; /* the volume's path is its name in the target folder */
} PoolKind;

/* Source: https://libvirt.org/storage.html */
static const PoolKind pool_kinds[] = {
    { "dir", SINTER_SOURCE_FILE, TRUE },          { "fs", SINTER_SOURCE_FILE, TRUE },
    { "netfs", SINTER_SOURCE_FILE, TRUE },        { "vstorage", SINTER_SOURCE_FILE, TRUE },
    { "logical", SINTER_SOURCE_BLOCK, TRUE },     { "disk", SINTER_SOURCE_BLOCK, TRUE },
    { "zfs", SINTER_SOURCE_BLOCK, TRUE },         { "iscsi", SINTER_SOURCE_BLOCK, FALSE },
    { "scsi", SINTER_SOURCE_BLOCK, FALSE },       { "mpath", SINTER_SOURCE_BLOCK, FALSE },
    { "rbd", SINTER_SOURCE_NETWORK, FALSE },      { "gluster", SINTER_SOURCE_NETWORK, FALSE },
    { "sheepdog", SINTER_SOURCE_NETWORK, FALSE }, { "iscsi-direct", SINTER_SOURCE_NETWORK, FALSE },
};

static const PoolKind *
find_kind(const char *type)
{
    for (gsize i = 0; i < G_N_ELEMENTS(pool_kinds); i++) {
        if (strcmp(pool_kinds[i].type, type) == 0)
            return &pool_kinds[i];
    }
    return NULL;
}

static SinterXmlPool *
read_definition(virStoragePoolPtr pool, const char *name, GError **error)
{
    g_autofree char *what = g_strdup_printf("storage pool '%s'", name);
    char *text = virStoragePoolGetXMLDesc(pool, 0);
    SinterXmlPool *xml;

    if (!text) {
        sinter_connection_set_error(error, "%s: reading its XML", what);
        return NULL;
    }
    xml = sinter_xml_pool_new(text, what, error);
    free(text);
    return xml;
}

static gboolean
place_by_definition(const SinterXmlPool *xml, const char *name, const char *volume,
                    SinterVolumePlace *ret_place, GError **error)
{
    const PoolKind *kind = find_kind(xml->type);

    if (kind)
        ret_place->type = kind->source;
    if (kind && kind->source == SINTER_SOURCE_NETWORK)
        return TRUE;
    if (kind && kind->by_name && xml->target && g_path_is_absolute(xml->target) &&
        !strchr(volume, '/')) {
        ret_place->path = g_build_filename(xml->target, volume, NULL);
        return TRUE;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "the path of volume '%s' is unknown while storage pool '%s' of type '%s' is "
                "inactive or does not list it",
                volume, name, xml->type);
    return FALSE;
}

/* libvirt's answer. A path that is not absolute is a name on a server. */
static gboolean
place_by_libvirt(virStoragePoolPtr pool, const char *volume, SinterVolumePlace *ret_place)
{
    virStorageVolPtr handle = virStorageVolLookupByName(pool, volume);
    char *found = handle ? virStorageVolGetPath(handle) : NULL;

    if (found && g_path_is_absolute(found))
        *ret_place = (SinterVolumePlace){ SINTER_SOURCE_FILE, g_strdup(found) };
    else if (found)
        *ret_place = (SinterVolumePlace){ SINTER_SOURCE_NETWORK, NULL };
    if (handle)
        virStorageVolFree(handle);
    free(found);
    return found != NULL;
}

static void
add_folder(GPtrArray *folders, virStoragePoolPtr pool)
{
    g_autoptr(SinterXmlPool) xml = read_definition(pool, virStoragePoolGetName(pool), NULL);
    const PoolKind *kind = xml ? find_kind(xml->type) : NULL;

    if (kind && kind->by_name && xml->target && g_path_is_absolute(xml->target))
        g_ptr_array_add(folders, g_strdup(xml->target));
}

GPtrArray *
sinter_volume_place_list_folders(virConnectPtr connection)
{
    GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);
    virStoragePoolPtr *pools = NULL;
    int n_pools = connection ? virConnectListAllStoragePools(connection, &pools, 0) : 0;

    for (int i = 0; i < n_pools; i++) {
        add_folder(folders, pools[i]);
        virStoragePoolFree(pools[i]);
    }
    free(pools);
    return folders;
}

gboolean
sinter_volume_place_find(virConnectPtr connection, const char *pool, const char *volume,
                         SinterVolumePlace *ret_place, GError **error)
{
    virStoragePoolPtr handle = virStoragePoolLookupByName(connection, pool);
    g_autoptr(SinterXmlPool) xml = NULL;
    gboolean good;

    *ret_place = (SinterVolumePlace){ SINTER_SOURCE_OTHER, NULL };
    if (!handle) {
        sinter_connection_set_error(error, "finding volume '%s' of storage pool '%s'", volume,
                                    pool);
        return FALSE;
    }
    good = place_by_libvirt(handle, volume, ret_place);
    if (!good) {
        xml = read_definition(handle, pool, error);
        good = xml && place_by_definition(xml, pool, volume, ret_place, error);
    }
    virStoragePoolFree(handle);
    return good;
}
