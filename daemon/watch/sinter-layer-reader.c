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
#include "sinter-backing-doubt.h"
#include "sinter-identity.h"
#include "sinter-long-name.h"
#include "sinter-quota.h"
#include "sinter-volume-place.h"

#include <errno.h>
#include <sinter/image.h>
#include <string.h>
#include <sys/statvfs.h>

/* What was found at one path, read as one format. */
typedef struct {
    int stat_errno; /* 0: the three members below are set */
    struct stat st;
    SinterIdentity identity;
    SinterImageInfo *info; /* NULL if the image could not be read */
    gboolean backing_unknown;
    char *problem;
} Sighting;

struct _SinterLayerReader {
    virConnectPtr connection;
    SinterFs *fs;
    GHashTable *sightings; /* "FORMAT\nPATH" → Sighting; an empty format is a probe */
    GHashTable *free_room; /* "DEVICE UID GID" → free bytes, guint64 */
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
    reader->free_room = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
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

static gboolean
is_absent(int stat_errno)
{
    return stat_errno == ENOENT || stat_errno == ENOTDIR;
}

/* Whether the image may be backed by one that its sighting does not name. */
static gboolean
is_backing_unknown(const char *path, const char *format, const Sighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (sighting->stat_errno != 0)
        return !is_absent(sighting->stat_errno) && sinter_backing_doubt_format(format);
    if (!info)
        return sinter_backing_doubt_image(path, format, &sighting->st);
    return info->trouble && !info->backing_name && sinter_backing_doubt_format(info->format);
}

static void
read_header(SinterLayerReader *reader, const char *path, const char *format, Sighting *sighting)
{
    g_autoptr(GError) error = NULL;

    sighting->info = sinter_image_info_new(reader->fs, path, format, &error);
    if (!sighting->info)
        sighting->problem = g_strdup(error->message);
    else
        sighting->problem = describe_trouble(path, sighting->info);
}

static Sighting *
look_at(SinterLayerReader *reader, const char *path, const char *format)
{
    Sighting *sighting = g_new0(Sighting, 1);

    sighting->stat_errno = sinter_identity_read(path, &sighting->identity, &sighting->st);
    if (sighting->stat_errno != 0)
        sighting->problem = g_strdup_printf("'%s': %s", path, g_strerror(sighting->stat_errno));
    else
        read_header(reader, path, format, sighting);
    sighting->backing_unknown = is_backing_unknown(path, format, sighting);
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
find_free_room(SinterLayerReader *reader, const char *path, const struct stat *st)
{
    g_autofree char *key =
        g_strdup_printf("%" G_GUINT64_FORMAT " %u %u", (guint64)st->st_dev, st->st_uid, st->st_gid);
    guint64 *known = g_hash_table_lookup(reader->free_room, key);
    struct statvfs vfs;
    guint64 bytes = 0;

    if (known)
        return *known;
    if (statvfs(path, &vfs) == 0 && __builtin_mul_overflow(vfs.f_bavail, vfs.f_frsize, &bytes))
        bytes = G_MAXUINT64;
    bytes = MIN(bytes, sinter_quota_find_room(path, st));
    g_hash_table_insert(reader->free_room, g_steal_pointer(&key), g_memdup2(&bytes, sizeof bytes));
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
    layer->fs_free_bytes = find_free_room(reader, layer->path, st);
}

/* The file system of the nearest folder above @path that can be examined; 0 for none. */
static guint64
find_folder_device(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat st;

    while (stat(folder, &st) < 0) {
        char *parent = g_path_get_dirname(folder);

        if (strcmp(parent, folder) == 0) {
            g_free(parent);
            return 0;
        }
        g_free(folder);
        folder = parent;
    }
    return st.st_dev;
}

static void
fill_data_file(SinterLayer *layer, const SinterImageInfo *info)
{
    SinterIdentity identity;

    if (!info->data_file_path || !g_utf8_validate(info->data_file_path, -1, NULL))
        return;
    layer->data_path = g_strdup(info->data_file_path);
    if (sinter_identity_read(layer->data_path, &identity, NULL) != 0)
        return;
    layer->data_device = identity.device;
    layer->data_inode = identity.inode;
}

/* A device cannot grow: a qcow2 image on it can use what it does not use yet. An image whose
 * records cannot be read has a problem, or is found to be damaged when it is written. */
static void
fill_device_room(SinterLayerReader *reader, SinterLayer *layer, const Sighting *sighting)
{
    const SinterImageInfo *info = sighting->info;
    guint64 usable;

    layer->allocated_bytes = info->file_size; /* a device counts with its full size */
    if (g_strcmp0(info->format, "qcow2") != 0 || info->cluster_size == 0 || info->trouble ||
        info->data_file_name ||
        !sinter_image_count_used(reader->fs, layer->path, info->format, &layer->used_bytes, NULL))
        return;
    usable = info->file_size - info->file_size % info->cluster_size;
    layer->fs_device = sighting->st.st_rdev;
    layer->fs_free_bytes = usable > layer->used_bytes ? usable - layer->used_bytes : 0;
}

/* Fills in what @sighting contains about the layer at its path. */
static void
fill(SinterLayerReader *reader, SinterLayer *layer, const Sighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (sighting->problem)
        add_problem(layer, g_strdup(sighting->problem));
    layer->backing_unknown = sighting->backing_unknown;
    if (sighting->stat_errno != 0) {
        layer->missing = is_absent(sighting->stat_errno);
        if (layer->backing_unknown)
            layer->fs_device = find_folder_device(layer->path);
        return;
    }
    fill_from_stat(reader, layer, sighting);
    if (!info)
        return;
    layer->virtual_size_bytes = info->virtual_size;
    layer->has_internal_snapshots = info->n_snapshots > 0;
    layer->backing_name = g_strdup(info->backing_name);
    layer->looks_like = g_strdup(info->looks_like);
    fill_data_file(layer, info);
    if (layer->type == SINTER_SOURCE_BLOCK)
        fill_device_room(reader, layer, sighting);
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

static SinterLayer *
layer_new_from_volume(SinterLayerReader *reader, const SinterXmlSource *source)
{
    g_autoptr(GError) error = NULL;
    SinterVolumePlace place;
    gboolean known =
        sinter_volume_place_find(reader->connection, source->pool, source->volume, &place, &error);
    SinterLayer *layer;

    if (place.path) {
        layer = layer_new_at(place.type, place.path, source->format);
        g_free(place.path);
        return layer;
    }
    layer = layer_new_at(place.type, NULL, source->format);
    layer->description = g_strdup(source->description);
    layer->problem = error ? g_strdup(error->message) : NULL;
    layer->backing_unknown =
        !known && sinter_backing_doubt_format(source->format ? source->format : "raw");
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
    if (source->path) {
        layer->problem = g_strdup_printf("'%s' is not an absolute path", source->path);
        layer->backing_unknown =
            sinter_backing_doubt_format(source->format ? source->format : "raw");
    }
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

/* A backing name that is no plain path: shown, and examined if it leads to a file. */
static SinterLayer *
layer_new_from_long_name(const char *name)
{
    g_autofree char *path = NULL;
    SinterLongName kind = sinter_long_name_parse(name, &path);
    SinterLayer *layer;

    if (path) {
        layer = layer_new_at(SINTER_SOURCE_FILE, path, NULL);
    } else {
        layer = layer_new_at(kind == SINTER_LONG_NAME_NETWORK ? SINTER_SOURCE_NETWORK
                                                              : SINTER_SOURCE_OTHER,
                             NULL, NULL);
        layer->description = g_strdup(name);
        layer->backing_unknown = kind == SINTER_LONG_NAME_UNKNOWN;
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
    layer->backing_unknown = TRUE;
    if (info->backing_path && sinter_identity_read(info->backing_path, &identity, &st) == 0) {
        layer->device = identity.device;
        layer->inode = identity.inode;
        layer->fs_device = st.st_dev;
    }
    return layer;
}

/* (nullable): the stored format. "file" and "host_device" name the way to the bytes instead: QEMU
 * accepts them, and they do not say what the image contains. */
static const char *
get_stored_format(const SinterImageInfo *info)
{
    static const char *const protocols[] = { "file", "host_device", NULL };

    return info->backing_format && !g_strv_contains(protocols, info->backing_format)
               ? info->backing_format
               : NULL;
}

/* The layer that the header of @above names. */
static SinterLayer *
read_backing(SinterLayerReader *reader, const SinterLayer *above, const SinterImageInfo *info)
{
    SinterLayer *layer;

    if (!g_utf8_validate(info->backing_name, -1, NULL))
        return layer_new_from_odd_name(info);
    if (info->backing_path)
        layer = layer_new_at(SINTER_SOURCE_FILE, info->backing_path, get_stored_format(info));
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
            last->backing_unknown = TRUE;
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

/* Whatever a header could not tell about a layer, the chain shows what is below it, except below
 * the last. */
static void
settle_doubts(GPtrArray *layers, gboolean is_whole)
{
    for (guint i = 0; i < layers->len; i++) {
        SinterLayer *layer = g_ptr_array_index(layers, i);

        if (is_whole || i + 1 < layers->len)
            layer->backing_unknown = FALSE;
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
    if (!is_whole && layers->len > 0) {
        last = g_ptr_array_index(layers, layers->len - 1);
        follow_headers(reader, layers, last->format ? last->format : "raw");
    }
    settle_doubts(layers, is_whole);
    return layers;
}

GPtrArray *
sinter_layer_reader_read_image(SinterLayerReader *reader, const SinterXmlSource *source)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    SinterLayer *layer = layer_new_from_source(reader, source);

    g_ptr_array_add(layers, layer);
    if (layer->path)
        fill(reader, layer, see(reader, layer->path, layer->format));
    follow_headers(reader, layers, layer->format);
    settle_doubts(layers, FALSE);
    return layers;
}
