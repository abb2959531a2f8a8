/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns names into layers: by the sightings of the images (sinter-sighting), and by the headers'
 * backing file names if the XML does not contain the chain.
 *
 * A stored format, in the XML or in the image above, is trusted and never probed: a raw image may
 * contain anything, including what looks like a header. If the image above stores none, the layer
 * has no format and a problem, and is probed only to find the users of the images below it: for the
 * reference graph one user too many is better than one too few.
 */

#include "sinter-layer-reader.h"
#include "sinter-backing-doubt.h"
#include "sinter-long-name.h"
#include "sinter-sighting.h"
#include "sinter-thin-volume.h"
#include "sinter-volume-place.h"

#include <errno.h>
#include <string.h>

/* In place of a format, which is a word. */
#define STATUS_ONLY "\n"

struct _SinterLayerReader {
    virConnectPtr connection;
    SinterPatience *patience; /* for questions to @connection */
    SinterStorageProbe *probe;
    GHashTable *sightings; /* "FORMAT\nPATH" → SinterSighting; an empty format is a probe,
                            * STATUS_ONLY only the status of the file */
};

SinterLayerReader *
sinter_layer_reader_new(virConnectPtr connection, const SinterScanMemory *memory)
{
    SinterLayerReader *reader = g_new0(SinterLayerReader, 1);

    reader->connection = connection;
    reader->patience = sinter_patience_ref(memory->libvirt);
    reader->probe = sinter_storage_probe_new(memory->storage);
    reader->sightings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                              (GDestroyNotify)sinter_sighting_free);
    return reader;
}

void
sinter_layer_reader_free(SinterLayerReader *reader)
{
    if (!reader)
        return;
    sinter_patience_unref(reader->patience);
    sinter_storage_probe_free(reader->probe);
    g_hash_table_unref(reader->sightings);
    g_free(reader);
}

SinterStorageProbe *
sinter_layer_reader_get_probe(SinterLayerReader *reader)
{
    return reader->probe;
}

static const SinterSighting *
look_at(SinterLayerReader *reader, const SinterSightingWish *wish)
{
    const char *format = !wish->header ? STATUS_ONLY : wish->format ? wish->format : "";
    g_autofree char *key = g_strconcat(format, "\n", wish->path, NULL);
    SinterSighting *sighting = g_hash_table_lookup(reader->sightings, key);

    if (!sighting) {
        sighting = sinter_sighting_new(reader->probe, wish);
        g_hash_table_insert(reader->sightings, g_steal_pointer(&key), sighting);
    }
    return sighting;
}

/* @format: NULL to probe */
static const SinterSighting *
see(SinterLayerReader *reader, const char *path, const char *format)
{
    const SinterSightingWish wish = { path, format, TRUE };

    return look_at(reader, &wish);
}

gboolean
sinter_layer_reader_identify(SinterLayerReader *reader, const char *path,
                             SinterIdentity *ret_identity, guint64 *ret_fs_device)
{
    const SinterSightingWish wish = { path, NULL, FALSE };
    const SinterSighting *sighting = look_at(reader, &wish);

    if (sighting->stat_errno != 0)
        return FALSE;
    *ret_identity = sighting->identity;
    if (ret_fs_device)
        *ret_fs_device = sighting->st.st_dev;
    return TRUE;
}

guint64
sinter_layer_reader_measure(SinterLayerReader *reader, const char *path)
{
    const SinterSightingWish wish = { path, NULL, FALSE };
    const SinterSighting *sighting = look_at(reader, &wish);

    return sighting->stat_errno == 0 ? (guint64)sighting->st.st_blocks * 512 : 0;
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
fill_from_stat(SinterLayer *layer, const SinterSighting *sighting)
{
    const struct stat *st = &sighting->st;

    layer->device = sighting->identity.device;
    layer->inode = sighting->identity.inode;
    layer->thin = sinter_thin_volume_is("/sys", S_ISBLK(st->st_mode) ? st->st_rdev : st->st_dev);
    if (S_ISBLK(st->st_mode)) {
        layer->type = SINTER_SOURCE_BLOCK;
        return;
    }
    layer->type = SINTER_SOURCE_FILE;
    layer->allocated_bytes = (guint64)st->st_blocks * 512;
    layer->fs_device = sighting->fs_device;
    layer->fs_free_bytes = sighting->free_bytes;
}

static void
fill_data_file(SinterLayer *layer, const SinterSighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (!info->data_file_path || !g_utf8_validate(info->data_file_path, -1, NULL))
        return;
    layer->data_path = g_strdup(info->data_file_path);
    layer->data_device = sighting->data_identity.device;
    layer->data_inode = sighting->data_identity.inode;
}

static void
fill_device_room(SinterLayer *layer, const SinterSighting *sighting)
{
    layer->allocated_bytes = sighting->info->file_size; /* a device counts with its full size */
    if (sighting->used_bytes == 0)
        return;
    layer->used_bytes = sighting->used_bytes;
    layer->fs_device = sighting->fs_device;
    layer->fs_free_bytes = sighting->free_bytes;
}

/* Fills in what @sighting contains about the layer at its path. */
static void
fill(SinterLayer *layer, const SinterSighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (sighting->problem)
        add_problem(layer, g_strdup(sighting->problem));
    layer->backing_unknown = sighting->backing_unknown;
    if (sighting->stat_errno != 0) {
        layer->missing = sighting->stat_errno == ENOENT || sighting->stat_errno == ENOTDIR;
        layer->unresponsive_since_usec = sighting->silent_since_usec;
        if (layer->backing_unknown || layer->unresponsive_since_usec != 0)
            layer->fs_device = sighting->fs_device;
        return;
    }
    fill_from_stat(layer, sighting);
    if (!info)
        return;
    layer->virtual_size_bytes = info->virtual_size;
    layer->has_internal_snapshots = info->n_snapshots > 0;
    layer->backing_name = g_strdup(info->backing_name);
    layer->looks_like = g_strdup(info->looks_like);
    fill_data_file(layer, sighting);
    if (layer->type == SINTER_SOURCE_BLOCK)
        fill_device_room(layer, sighting);
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
    const SinterVolumeName name = { source->pool, source->volume };
    SinterVolumePlace place;
    gboolean known =
        sinter_volume_place_find(reader->patience, reader->connection, &name, &place, &error);
    SinterLayer *layer;

    if (place.path) {
        layer = layer_new_at(place.type, place.path, source->format);
        g_free(place.path);
        return layer;
    }
    layer = layer_new_at(place.type, NULL, source->format);
    layer->description = g_strdup(source->description);
    layer->problem = error ? g_strdup(error->message) : NULL;
    layer->unresponsive_since_usec = place.silent_since_usec;
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
        fill(layer, see(reader, layer->path, layer->format ? layer->format : "raw"));
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
layer_new_from_odd_name(SinterLayerReader *reader, const SinterImageInfo *info)
{
    SinterLayer *layer = layer_new_at(SINTER_SOURCE_OTHER, NULL, NULL);
    SinterIdentity identity;

    layer->description = g_utf8_make_valid(info->backing_name, -1);
    layer->problem = g_strdup_printf("the name '%s' is not valid UTF-8: rename the file and store "
                                     "its new name with sinter-img rebase -u",
                                     layer->description);
    layer->backing_unknown = TRUE;
    if (info->backing_path &&
        sinter_layer_reader_identify(reader, info->backing_path, &identity, &layer->fs_device)) {
        layer->device = identity.device;
        layer->inode = identity.inode;
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
        return layer_new_from_odd_name(reader, info);
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
    fill(layer, see(reader, layer->path, layer->format));
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
        const SinterSighting *sighting = last->path ? see(reader, last->path, format) : NULL;
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
        fill(layer, see(reader, layer->path, layer->format));
    follow_headers(reader, layers, layer->format);
    settle_doubts(layers, FALSE);
    return layers;
}
