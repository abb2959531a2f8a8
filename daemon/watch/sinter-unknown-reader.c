/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the reference graph cannot know, weighed for one image. Invariant: a reader is left out only
 * if its chain is complete, if its images are in another place than the image in question, or if it
 * was named as one that does not count.
 */

#include "sinter-unknown-reader.h"

#include <string.h>

/* The search as it goes through the values. */
typedef struct {
    const SinterLayer *image;
    const SinterLayer *found; /* (nullable) */
} Walk;

static gboolean
is_device(const SinterLayer *layer)
{
    return layer->type == SINTER_SOURCE_BLOCK ||
           (layer->path && g_str_has_prefix(layer->path, "/dev/"));
}

static gboolean
is_in_same_folder(const SinterLayer *a, const SinterLayer *b)
{
    g_autofree char *path_a = a->path ? g_canonicalize_filename(a->path, "/") : NULL;
    g_autofree char *path_b = b->path ? g_canonicalize_filename(b->path, "/") : NULL;
    g_autofree char *folder_a = path_a ? g_path_get_dirname(path_a) : NULL;
    g_autofree char *folder_b = path_b ? g_path_get_dirname(path_b) : NULL;

    return folder_a && g_strcmp0(folder_a, folder_b) == 0;
}

/* Returns whether @reader, whose backing file is unknown, may be backed by @image. */
static gboolean
may_use(const SinterLayer *reader, const SinterLayer *image)
{
    if (!is_device(reader) && !reader->path && reader->fs_device == 0)
        return TRUE;
    if (is_device(reader) || is_device(image))
        return is_device(reader) && is_device(image);
    return (reader->fs_device != 0 && reader->fs_device == image->fs_device) ||
           is_in_same_folder(reader, image);
}

static void
try_chain(Walk *walk, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len && !walk->found; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        /* what an image named before its storage stopped responding may have changed since then */
        if ((layer->backing_unknown || layer->unresponsive_since_usec != 0) &&
            may_use(layer, walk->image))
            walk->found = layer;
    }
}

static gboolean
chain_has(const GPtrArray *layers, const SinterLayer *wanted)
{
    for (guint i = 0; i < layers->len; i++) {
        if (sinter_layer_same_file(g_ptr_array_index(layers, i), wanted))
            return TRUE;
    }
    return FALSE;
}

/* A running domain's chain is complete in its XML, and so is that of a definition that joins it. */
static void
try_disk(Walk *walk, const SinterDomain *domain, const SinterDisk *disk)
{
    const GPtrArray *next = disk->inactive_layers;

    if (!domain->active) {
        try_chain(walk, disk->layers);
        return;
    }
    if (next && next->len > 0 && chain_has(disk->layers, g_ptr_array_index(next, next->len - 1)))
        return;
    try_chain(walk, next);
}

static const SinterLayer *
find_in_domain(const SinterDomain *domain, const SinterLayer *image)
{
    Walk walk = { image, NULL };

    for (guint i = 0; i < domain->disks->len; i++)
        try_disk(&walk, domain, g_ptr_array_index(domain->disks, i));
    for (guint i = 0; i < domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        for (guint k = 0; k < snapshot->disks->len; k++) {
            const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, k);

            try_chain(&walk, disk->frozen_layers);
        }
    }
    for (guint i = 0; i < domain->side_images->len; i++)
        try_chain(&walk,
                  ((const SinterSideImage *)g_ptr_array_index(domain->side_images, i))->layers);
    return walk.found;
}

static gboolean
is_left_out(const SinterUnknownReaderSearch *search, const SinterDomain *domain)
{
    return g_strcmp0(domain->uuid, search->except_uuid) == 0 ||
           (search->ignored && (g_strv_contains(search->ignored, domain->name) ||
                                g_strv_contains(search->ignored, domain->uuid)));
}

static gboolean
find_domain(const SinterUnknownReaderSearch *search, const SinterLayer *image,
            SinterUnknownReader *ret_reader)
{
    const GPtrArray *domains = sinter_reference_graph_get_domains(search->graph);

    for (guint i = 0; i < domains->len; i++) {
        const SinterDomain *domain = g_ptr_array_index(domains, i);
        const SinterLayer *layer;

        if (is_left_out(search, domain))
            continue;
        layer = domain->problem ? NULL : find_in_domain(domain, image);
        if (!domain->problem && !layer)
            continue;
        *ret_reader = (SinterUnknownReader){ domain, layer };
        return TRUE;
    }
    return FALSE;
}

static gboolean
may_stray_use(const SinterLayer *stray, const SinterLayer *image)
{
    return is_device(stray) ? is_device(image) : is_in_same_folder(stray, image);
}

static gboolean
find_stray(const SinterUnknownReaderSearch *search, const SinterLayer *image,
           SinterUnknownReader *ret_reader)
{
    const GPtrArray *strays = sinter_reference_graph_get_strays(search->graph);

    for (guint i = 0; i < strays->len; i++) {
        const GPtrArray *layers = g_ptr_array_index(strays, i);
        const SinterLayer *stray = g_ptr_array_index(layers, 0);
        const SinterLayer *last = g_ptr_array_index(layers, layers->len - 1);

        if (!last->backing_unknown || sinter_layer_same_file(stray, image) ||
            !may_stray_use(stray, image) ||
            (search->ignored && g_strv_contains(search->ignored, stray->description)))
            continue;
        *ret_reader = (SinterUnknownReader){ NULL, last };
        ret_reader->stray = stray;
        return TRUE;
    }
    return FALSE;
}

gboolean
sinter_unknown_reader_find(const SinterUnknownReaderSearch *search, const SinterLayer *image,
                           SinterUnknownReader *ret_reader)
{
    return find_domain(search, image, ret_reader) || find_stray(search, image, ret_reader);
}

const char *
sinter_unknown_reader_get_name(const SinterUnknownReader *reader)
{
    return reader->domain ? reader->domain->name : reader->stray->description;
}

char *
sinter_unknown_reader_describe(const SinterUnknownReader *reader)
{
    if (!reader->domain)
        return g_strdup_printf("the backing file of '%s', which no domain uses, is unknown: %s",
                               reader->layer->description, reader->layer->problem);
    if (!reader->layer)
        return g_strdup_printf("domain '%s' could not be read completely: %s", reader->domain->name,
                               reader->domain->problem);
    return g_strdup_printf("the backing file of '%s' of domain '%s' is unknown: %s",
                           reader->layer->description, reader->domain->name,
                           reader->layer->problem);
}
