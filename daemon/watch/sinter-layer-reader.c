/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns names into layers: stat() and statvfs() for identity, free space and allocation, the engine
 * for the header, and the headers' backing file names if the XML does not contain the chain.
 *
 * A stored format, in the XML or in the image above, is trusted and never probed: a raw image may
 * contain anything, including what looks like a header. If the image above stores none, the layer
 * has no format and a problem, and is probed only to find the users of the images below it: for the
 * reference graph one user too many is better than one too few.
 */

#include "sinter-layer-reader.h"
#include "sinter-connection-error.h"
#include "sinter-identity.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <sinter/image.h>
#include <string.h>
#include <sys/statvfs.h>

/* What was found at one path, read as one format. */
typedef struct {
    int stat_errno; /* 0: the three members below are set */
    struct stat st;
    SinterIdentity identity;
    SinterImageInfo *info; /* NULL if the image could not be read */
    char *problem;
} Sighting;

struct _SinterLayerReader {
    virConnectPtr connection;
    SinterFs *fs;
    GHashTable *sightings; /* "FORMAT\nPATH" → Sighting; an empty format is a probe */
    GHashTable *free_room; /* st_dev → free bytes, both guint64 */
};

static void
sighting_free(gpointer data)
{
    Sighting *sighting = data;

    sinter_image_info_free(sighting->info);
    g_free(sighting->problem);
    g_free(sighting);
}

SinterLayerReader *
sinter_layer_reader_new(virConnectPtr connection)
{
    SinterLayerReader *reader = g_new0(SinterLayerReader, 1);

    reader->connection = connection;
    reader->fs = sinter_fs_new_host(NULL, NULL);
    reader->sightings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sighting_free);
    reader->free_room = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return reader;
}

void
sinter_layer_reader_free(SinterLayerReader *reader)
{
    if (!reader)
        return;
    sinter_fs_unref(reader->fs);
    g_hash_table_unref(reader->sightings);
    g_hash_table_unref(reader->free_room);
    g_free(reader);
}

/* The first reason why the image cannot be used for operations, or NULL. */
static char *
describe_trouble(const char *path, const SinterImageInfo *info)
{
    if (info->trouble)
        return g_strdup_printf("'%s': %s", path, info->trouble);
    if (info->corrupt)
        return g_strdup_printf(
            "'%s' is marked as corrupt: check and repair it first (sinter-img check)", path);
    if (info->data_file_name)
        return g_strdup_printf("'%s' has an external data file, '%s', which is not supported", path,
                               info->data_file_name);
    return NULL;
}

static Sighting *
look_at(SinterLayerReader *reader, const char *path, const char *format)
{
    Sighting *sighting = g_new0(Sighting, 1);
    g_autoptr(GError) error = NULL;

    sighting->stat_errno = sinter_identity_read(path, &sighting->identity, &sighting->st);
    if (sighting->stat_errno != 0) {
        sighting->problem = g_strdup_printf("'%s': %s", path, g_strerror(sighting->stat_errno));
        return sighting;
    }
    sighting->info = sinter_image_info_new(reader->fs, path, format, &error);
    if (!sighting->info)
        sighting->problem = g_strdup(error->message);
    else
        sighting->problem = describe_trouble(path, sighting->info);
    return sighting;
}

/* @format: NULL to probe */
static const Sighting *
see(SinterLayerReader *reader, const char *path, const char *format)
{
    g_autofree char *key = g_strconcat(format ? format : "", "\n", path, NULL);
    Sighting *sighting = g_hash_table_lookup(reader->sightings, key);

    if (!sighting) {
        sighting = look_at(reader, path, format);
        g_hash_table_insert(reader->sightings, g_steal_pointer(&key), sighting);
    }
    return sighting;
}

static guint64
find_free_room(SinterLayerReader *reader, const char *path, guint64 device)
{
    guint64 *known = g_hash_table_lookup(reader->free_room, &device);
    struct statvfs vfs;
    guint64 bytes = 0;

    if (known)
        return *known;
    if (statvfs(path, &vfs) == 0 && __builtin_mul_overflow(vfs.f_bavail, vfs.f_frsize, &bytes))
        bytes = G_MAXUINT64;
    g_hash_table_insert(reader->free_room, g_memdup2(&device, sizeof device),
                        g_memdup2(&bytes, sizeof bytes));
    return bytes;
}

static void
add_problem(SinterLayer *layer, char *problem)
{
    if (!layer->problem)
        layer->problem = problem;
    else
        g_free(problem);
}

static void
fill_from_stat(SinterLayerReader *reader, SinterLayer *layer, const Sighting *sighting)
{
    const struct stat *st = &sighting->st;

    layer->device = sighting->identity.device;
    layer->inode = sighting->identity.inode;
    if (S_ISBLK(st->st_mode)) {
        layer->type = SINTER_SOURCE_BLOCK;
        return;
    }
    layer->type = SINTER_SOURCE_FILE;
    layer->allocated_bytes = (guint64)st->st_blocks * 512;
    layer->fs_device = st->st_dev;
    layer->fs_free_bytes = find_free_room(reader, layer->path, st->st_dev);
}

/* Fills in what @sighting contains about the layer at its path. */
static void
fill(SinterLayerReader *reader, SinterLayer *layer, const Sighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (sighting->problem)
        add_problem(layer, g_strdup(sighting->problem));
    if (sighting->stat_errno != 0) {
        layer->missing = sighting->stat_errno == ENOENT || sighting->stat_errno == ENOTDIR;
        return;
    }
    fill_from_stat(reader, layer, sighting);
    if (!info)
        return;
    layer->virtual_size_bytes = info->virtual_size;
    layer->has_internal_snapshots = info->n_snapshots > 0;
    layer->backing_name = g_strdup(info->backing_name);
    layer->looks_like = g_strdup(info->looks_like);
    if (layer->type == SINTER_SOURCE_BLOCK)
        layer->allocated_bytes = info->file_size; /* a device counts with its full size */
}

static SinterLayer *
layer_new_at(SinterSourceType type, const char *path, const char *format)
{
    SinterLayer *layer = sinter_layer_new();

    layer->type = type;
    layer->path = g_strdup(path);
    layer->description = g_strdup(path);
    layer->format = g_strdup(format);
    return layer;
}

/* (nullable): where storage volume @source lies, as libvirt tells */
static char *
find_volume_path(SinterLayerReader *reader, const SinterXmlSource *source, GError **error)
{
    virStoragePoolPtr pool = virStoragePoolLookupByName(reader->connection, source->pool);
    virStorageVolPtr volume = pool ? virStorageVolLookupByName(pool, source->volume) : NULL;
    char *found = volume ? virStorageVolGetPath(volume) : NULL;
    char *path = g_strdup(found);

    if (!found)
        sinter_connection_set_error(error, "finding volume '%s' of storage pool '%s'",
                                    source->volume, source->pool);
    free(found);
    if (volume)
        virStorageVolFree(volume);
    if (pool)
        virStoragePoolFree(pool);
    return path;
}

static SinterLayer *
layer_new_from_volume(SinterLayerReader *reader, const SinterXmlSource *source)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = find_volume_path(reader, source, &error);
    SinterLayer *layer;

    if (path && g_path_is_absolute(path))
        return layer_new_at(SINTER_SOURCE_FILE, path, source->format);
    layer = layer_new_at(path ? SINTER_SOURCE_NETWORK : SINTER_SOURCE_OTHER, NULL, source->format);
    layer->description = g_strdup(source->description);
    layer->problem = error ? g_strdup(error->message) : NULL;
    return layer;
}

static SinterLayer *
layer_new_from_source(SinterLayerReader *reader, const SinterXmlSource *source)
{
    static const SinterSourceType types[] = {
        [SINTER_XML_SOURCE_FILE] = SINTER_SOURCE_FILE,
        [SINTER_XML_SOURCE_BLOCK] = SINTER_SOURCE_BLOCK,
        [SINTER_XML_SOURCE_NETWORK] = SINTER_SOURCE_NETWORK,
        [SINTER_XML_SOURCE_OTHER] = SINTER_SOURCE_OTHER,
    };
    SinterLayer *layer;

    if (source->type == SINTER_XML_SOURCE_VOLUME)
        return layer_new_from_volume(reader, source);
    if (source->path && g_path_is_absolute(source->path))
        return layer_new_at(types[source->type], source->path, source->format);
    layer = layer_new_at(source->path ? SINTER_SOURCE_OTHER : types[source->type], NULL,
                         source->format);
    layer->description = g_strdup(source->description);
    if (source->path)
        layer->problem = g_strdup_printf("'%s' is not an absolute path", source->path);
    return layer;
}

/* The layer that the XML names. libvirt treats a disk without a format as raw. */
static SinterLayer *
read_source(SinterLayerReader *reader, const SinterXmlSource *source)
{
    SinterLayer *layer = layer_new_from_source(reader, source);

    layer->index = source->index;
    if (layer->path)
        fill(reader, layer, see(reader, layer->path, layer->format ? layer->format : "raw"));
    return layer;
}

/* The file in QEMU's long form of a name ("json:{…}"), or NULL: the "filename" is in the object
 * itself or in its "file" member, written as an object or with a dot. */
static char *
find_json_path(const char *name)
{
    g_autoptr(JsonNode) root = json_from_string(name + strlen("json:"), NULL);
    JsonObject *object = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    const char *path = NULL;

    for (int level = 0; object && !path && level < 4; level++) {
        JsonNode *file = json_object_get_member(object, "file");

        path = json_object_get_string_member_with_default(object, "filename", NULL);
        if (!path)
            path = json_object_get_string_member_with_default(object, "file.filename", NULL);
        object = file && JSON_NODE_HOLDS_OBJECT(file) ? json_node_get_object(file) : NULL;
    }
    return path && g_path_is_absolute(path) ? g_strdup(path) : NULL;
}

/* A backing name that is no plain path: shown, and for its file's sake looked into. */
static SinterLayer *
layer_new_from_long_name(const char *name)
{
    gboolean is_json = g_str_has_prefix(name, "json:");
    g_autofree char *path = is_json ? find_json_path(name) : NULL;
    SinterLayer *layer;

    if (path) {
        layer = layer_new_at(SINTER_SOURCE_FILE, path, NULL);
    } else {
        layer = layer_new_at(is_json ? SINTER_SOURCE_OTHER : SINTER_SOURCE_NETWORK, NULL, NULL);
        layer->description = g_strdup(name);
    }
    layer->problem =
        g_strdup_printf("'%s' is not a plain path; other names are not supported", name);
    return layer;
}

/* A layer for a name that is not valid UTF-8, which XML, D-Bus and job records cannot hold: the
 * file is shown, distinguished by its identity, and not supported by any operation. */
static SinterLayer *
layer_new_from_odd_name(const SinterImageInfo *info)
{
    SinterLayer *layer = layer_new_at(SINTER_SOURCE_OTHER, NULL, NULL);
    SinterIdentity identity;
    struct stat st;

    layer->description = g_utf8_make_valid(info->backing_name, -1);
    layer->problem = g_strdup_printf("the name '%s' is not valid UTF-8: rename the file and store "
                                     "its new name with sinter-img rebase -u",
                                     layer->description);
    if (info->backing_path && sinter_identity_read(info->backing_path, &identity, &st) == 0) {
        layer->device = identity.device;
        layer->inode = identity.inode;
    }
    return layer;
}

/* The layer that the header of @above names. */
static SinterLayer *
read_backing(SinterLayerReader *reader, const SinterLayer *above, const SinterImageInfo *info)
{
    SinterLayer *layer;

    if (!g_utf8_validate(info->backing_name, -1, NULL))
        return layer_new_from_odd_name(info);
    if (info->backing_path)
        layer = layer_new_at(SINTER_SOURCE_FILE, info->backing_path, info->backing_format);
    else
        layer = layer_new_from_long_name(info->backing_name);
    if (!layer->path)
        return layer;
    if (!layer->format && !layer->problem)
        layer->problem = g_strdup_printf("'%s' does not store the format of its backing file '%s': "
                                         "store it with sinter-img rebase -u -b NAME -F FORMAT",
                                         above->path, layer->path);
    fill(reader, layer, see(reader, layer->path, layer->format));
    return layer;
}

static const SinterLayer *
find_same_file(const GPtrArray *layers, const SinterLayer *layer)
{
    for (guint i = 0; i < layers->len; i++) {
        if (sinter_layer_same_file(g_ptr_array_index(layers, i), layer))
            return g_ptr_array_index(layers, i);
    }
    return NULL;
}

/* Goes on below the last of @layers by what the headers say. @format: how to read the last; NULL
 * to probe it */
static void
follow_headers(SinterLayerReader *reader, GPtrArray *layers, const char *format)
{
    for (;;) {
        SinterLayer *last = g_ptr_array_index(layers, layers->len - 1);
        const Sighting *sighting = last->path ? see(reader, last->path, format) : NULL;
        SinterLayer *next;

        if (!sighting || !sighting->info || !sighting->info->backing_name)
            return;
        if (layers->len >= SINTER_LAYER_READER_MAX_DEPTH) {
            add_problem(
                last,
                g_strdup_printf(
                    "'%s' is layer %d of its chain and has a backing file: the chain is too long",
                    last->path, SINTER_LAYER_READER_MAX_DEPTH));
            return;
        }
        next = read_backing(reader, last, sighting->info);
        if (find_same_file(layers, next)) {
            add_problem(last,
                        g_strdup_printf("the backing chain loops: the backing file of '%s' is '%s'",
                                        last->path, next->description));
            sinter_layer_free(next);
            return;
        }
        g_ptr_array_add(layers, next);
        format = next->format;
    }
}

GPtrArray *
sinter_layer_reader_read_chain(SinterLayerReader *reader, const GPtrArray *sources,
                               gboolean is_whole)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    const SinterLayer *last;

    for (guint i = 0; i < sources->len; i++)
        g_ptr_array_add(layers, read_source(reader, g_ptr_array_index(sources, i)));
    if (is_whole || layers->len == 0)
        return layers;
    last = g_ptr_array_index(layers, layers->len - 1);
    follow_headers(reader, layers, last->format ? last->format : "raw");
    return layers;
}
