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
#include "sinter-time-text.h"

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
        *ret_place = (SinterVolumePlace){ SINTER_SOURCE_FILE, g_strdup(found), 0 };
    else if (found)
        *ret_place = (SinterVolumePlace){ SINTER_SOURCE_NETWORK, NULL, 0 };
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

/* --- questions -------------------------------------------------------------------------------- */

/* A pool on a server that does not respond can hold libvirt's list of pools: all questions have one
 * key. */
#define KEY "storage pools"

typedef struct {
    virConnectPtr connection; /* (nullable) */
    char *pool;               /* of the wanted volume; NULL: the folders are wanted */
    char *volume;
    gboolean found;
    SinterVolumePlace place;
    GError *error;
    GPtrArray *folders;
} PoolQuestion;

static void
pool_question_free(gpointer data)
{
    PoolQuestion *question = data;

    if (question->connection)
        virConnectClose(question->connection);
    g_free(question->pool);
    g_free(question->volume);
    g_free(question->place.path);
    g_clear_error(&question->error);
    g_ptr_array_unref(question->folders);
    g_free(question);
}

static void
list_folders(PoolQuestion *question)
{
    virStoragePoolPtr *pools = NULL;
    int n_pools = virConnectListAllStoragePools(question->connection, &pools, 0);

    for (int i = 0; i < n_pools; i++) {
        add_folder(question->folders, pools[i]);
        virStoragePoolFree(pools[i]);
    }
    free(pools);
}

static gboolean
find_place(PoolQuestion *question)
{
    virStoragePoolPtr handle = virStoragePoolLookupByName(question->connection, question->pool);
    g_autoptr(SinterXmlPool) xml = NULL;
    gboolean good;

    if (!handle) {
        sinter_connection_set_error(&question->error, "finding volume '%s' of storage pool '%s'",
                                    question->volume, question->pool);
        return FALSE;
    }
    good = place_by_libvirt(handle, question->volume, &question->place);
    if (!good) {
        xml = read_definition(handle, question->pool, &question->error);
        good = xml && place_by_definition(xml, question->pool, question->volume, &question->place,
                                          &question->error);
    }
    virStoragePoolFree(handle);
    return good;
}

static void
pool_question_run(gpointer data)
{
    PoolQuestion *question = data;

    if (question->volume)
        question->found = find_place(question);
    else if (question->connection)
        list_folders(question);
}

/* (transfer full) (nullable): the answer; NULL: there is none since *ret_since_usec */
static PoolQuestion *
ask(SinterPatience *patience, virConnectPtr connection, const SinterVolumeName *name,
    gint64 *ret_since_usec)
{
    PoolQuestion *data = g_new0(PoolQuestion, 1);
    const SinterQuestion question = { pool_question_run, data, pool_question_free, NULL };

    if (connection && virConnectRef(connection) == 0)
        data->connection = connection;
    data->place.type = SINTER_SOURCE_OTHER;
    data->folders = g_ptr_array_new_with_free_func(g_free);
    data->pool = name ? g_strdup(name->pool) : NULL;
    data->volume = name ? g_strdup(name->volume) : NULL;
    if (sinter_patience_ask(patience, KEY, &question, ret_since_usec))
        return data;
    if (*ret_since_usec == 0)
        *ret_since_usec = g_get_real_time();
    return NULL;
}

GPtrArray *
sinter_volume_place_list_folders(SinterPatience *patience, virConnectPtr connection)
{
    gint64 since_usec;
    PoolQuestion *answer = ask(patience, connection, NULL, &since_usec);
    GPtrArray *folders;

    if (!answer)
        return g_ptr_array_new_with_free_func(g_free);
    folders = g_ptr_array_ref(answer->folders);
    pool_question_free(answer);
    return folders;
}

gboolean
sinter_volume_place_find(SinterPatience *patience, virConnectPtr connection,
                         const SinterVolumeName *name, SinterVolumePlace *ret_place, GError **error)
{
    gint64 since_usec;
    PoolQuestion *answer = ask(patience, connection, name, &since_usec);
    g_autofree char *since = NULL;
    gboolean found;

    *ret_place = (SinterVolumePlace){ SINTER_SOURCE_OTHER, NULL, 0 };
    if (!answer) {
        since = sinter_time_text_since(since_usec);
        ret_place->silent_since_usec = since_usec;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT,
                    "finding volume '%s' of storage pool '%s': libvirt has not answered since %s",
                    name->volume, name->pool, since);
        return FALSE;
    }
    found = answer->found;
    *ret_place = answer->place;
    answer->place.path = NULL;
    if (answer->error)
        g_propagate_error(error, g_steal_pointer(&answer->error));
    pool_question_free(answer);
    return found;
}
