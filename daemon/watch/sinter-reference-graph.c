/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reference graph: an entry for each place where a domain names an image, found by the image's
 * identity and by its canonical path. An image is looked up both ways and the results are combined,
 * because a scan may have found it under one name only: one user too many makes us refuse, one too
 * few would lose a user's data.
 *
 * Entries of one image are linked to the first of them, which is the hash table's key, so that the
 * many images with a single user need no container of their own.
 */

#include "sinter-reference-graph.h"
#include "sinter-identity.h"
#include "sinter-patience.h"

#include <stdlib.h>

typedef struct _Entry Entry;
struct _Entry {
    SinterReference reference;
    char *key;               /* canonical path, or the description of a source without a path */
    SinterIdentity identity; /* 0/0 if unknown */
    guint serial;            /* order of insertion */
    Entry *next_same_key;
    Entry *next_same_identity;
};

struct _SinterReferenceGraph {
    gatomicrefcount ref_count;
    GPtrArray *domains;      /* keeps the values alive that the references point to */
    GPtrArray *strays;       /* likewise; those that no domain uses */
    GPtrArray *entries;      /* owns them */
    GHashTable *by_key;      /* set of Entry, keyed by @key */
    GHashTable *by_identity; /* set of Entry with known identity, keyed by it */
};

static void
entry_free(gpointer data)
{
    Entry *entry = data;

    g_free(entry->key);
    g_free(entry);
}

static guint
entry_key_hash(gconstpointer entry)
{
    return g_str_hash(((const Entry *)entry)->key);
}

static gboolean
entry_key_equal(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Entry *)a)->key, ((const Entry *)b)->key) == 0;
}

static guint
entry_identity_hash(gconstpointer entry)
{
    const SinterIdentity *identity = &((const Entry *)entry)->identity;
    guint64 mix = identity->device * 31 + identity->inode;

    return g_int64_hash(&mix);
}

static gboolean
entry_identity_equal(gconstpointer pa, gconstpointer pb)
{
    return sinter_file_id_equal(((const Entry *)pa)->identity, ((const Entry *)pb)->identity);
}

static gboolean
entry_has_identity(const Entry *entry)
{
    return sinter_file_id_is_known(entry->identity);
}

/* The key of an image: paths are absolute, so paths and descriptions cannot be equal. */
static char *
make_key(const char *path, const char *description)
{
    return path ? g_canonicalize_filename(path, "/") : g_strconcat("source:", description, NULL);
}

static void
graph_add(SinterReferenceGraph *graph, const SinterReference *reference, const char *description,
          SinterIdentity identity)
{
    Entry *entry = g_new0(Entry, 1);
    Entry *first;

    entry->reference = *reference;
    entry->key = make_key(reference->path, description);
    entry->identity = identity;
    entry->serial = graph->entries->len;
    g_ptr_array_add(graph->entries, entry);

    first = g_hash_table_lookup(graph->by_key, entry);
    if (first) {
        entry->next_same_key = first->next_same_key;
        first->next_same_key = entry;
    } else {
        g_hash_table_add(graph->by_key, entry);
    }
    if (!entry_has_identity(entry))
        return;
    first = g_hash_table_lookup(graph->by_identity, entry);
    if (first) {
        entry->next_same_identity = first->next_same_identity;
        first->next_same_identity = entry;
    } else {
        g_hash_table_add(graph->by_identity, entry);
    }
}

/* @reference: the fields that all layers of the chain share */
static void
add_layers(SinterReferenceGraph *graph, SinterReference reference, const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        reference.path = layer->path;
        reference.depth = reference.kind == SINTER_REFERENCE_SNAPSHOT ? 0 : i;
        graph_add(graph, &reference, layer->description,
                  (SinterIdentity){ layer->device, layer->inode });
        if (!layer->data_path)
            continue;
        reference.path = layer->data_path;
        graph_add(graph, &reference, NULL,
                  (SinterIdentity){ layer->data_device, layer->data_inode });
    }
}

static void
add_disk(SinterReferenceGraph *graph, SinterReference reference, const SinterDomain *domain,
         const SinterDisk *disk)
{
    reference.disk = disk->target;
    reference.kind = domain->active ? SINTER_REFERENCE_LIVE : SINTER_REFERENCE_INACTIVE;
    add_layers(graph, reference, disk->layers);
    add_layers(graph, reference, disk->mirror_layers);
    reference.kind = SINTER_REFERENCE_INACTIVE;
    if (disk->inactive_layers != disk->layers) /* for a shut-off domain it is one array */
        add_layers(graph, reference, disk->inactive_layers);
}

static void
add_snapshot_disk(SinterReferenceGraph *graph, SinterReference reference,
                  const SinterSnapshotDisk *disk)
{
    reference.disk = disk->target;
    if (disk->overlay_path) {
        reference.path = disk->overlay_path;
        reference.overlay = TRUE;
        graph_add(graph, &reference, NULL,
                  (SinterIdentity){ disk->overlay_device, disk->overlay_inode });
        reference.overlay = FALSE;
    }
    if (disk->frozen_layers) {
        add_layers(graph, reference, disk->frozen_layers);
    } else if (disk->frozen_path) {
        reference.path = disk->frozen_path;
        graph_add(graph, &reference, NULL,
                  (SinterIdentity){ disk->frozen_device, disk->frozen_inode });
    }
}

static void
add_snapshot(SinterReferenceGraph *graph, SinterReference reference, const SinterSnapshot *snapshot)
{
    reference.kind = SINTER_REFERENCE_SNAPSHOT;
    reference.snapshot = snapshot->name;
    for (guint i = 0; i < snapshot->disks->len; i++)
        add_snapshot_disk(graph, reference, g_ptr_array_index(snapshot->disks, i));
    if (snapshot->memory_path) {
        reference.path = snapshot->memory_path;
        graph_add(graph, &reference, NULL,
                  (SinterIdentity){ snapshot->memory_device, snapshot->memory_inode });
    }
}

static void
add_side_image(SinterReferenceGraph *graph, SinterReference reference, const SinterSideImage *image)
{
    reference.kind = SINTER_REFERENCE_SIDE;
    reference.role = image->role;
    reference.disk = image->disk;
    add_layers(graph, reference, image->layers);
}

/* The stray itself has no user: it is the user of what is below it. */
static void
add_stray(SinterReferenceGraph *graph, const GPtrArray *layers)
{
    SinterReference reference = { .kind = SINTER_REFERENCE_STRAY,
                                  .stray = g_ptr_array_index(layers, 0) };

    for (guint i = 1; i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        reference.path = layer->path;
        reference.depth = i;
        graph_add(graph, &reference, layer->description,
                  (SinterIdentity){ layer->device, layer->inode });
    }
    if (!reference.stray->data_path)
        return;
    reference.path = reference.stray->data_path;
    graph_add(graph, &reference, NULL,
              (SinterIdentity){ reference.stray->data_device, reference.stray->data_inode });
}

static void
add_domain(SinterReferenceGraph *graph, SinterDomain *domain)
{
    SinterReference reference = { .domain_uuid = domain->uuid, .domain_name = domain->name };

    g_ptr_array_add(graph->domains, sinter_domain_ref(domain));
    for (guint i = 0; i < domain->disks->len; i++)
        add_disk(graph, reference, domain, g_ptr_array_index(domain->disks, i));
    for (guint i = 0; i < domain->snapshots->len; i++)
        add_snapshot(graph, reference, g_ptr_array_index(domain->snapshots, i));
    for (guint i = 0; i < domain->side_images->len; i++)
        add_side_image(graph, reference, g_ptr_array_index(domain->side_images, i));
}

/* Returns whether a domain uses the image. Then it is no stray: the strays may have been searched
 * for before the domain was read. An overlay that snapshot metadata names, but that no chain
 * contains, is one: the domain was moved away from it, and nothing else tells what it stands on. */
static gboolean
is_used(const SinterReferenceGraph *graph, const SinterLayer *image)
{
    g_autoptr(GPtrArray) users = sinter_reference_graph_lookup(graph, image);

    for (guint i = 0; i < users->len; i++) {
        if (!((const SinterReference *)g_ptr_array_index(users, i))->overlay)
            return TRUE;
    }
    return FALSE;
}

/* The graph has the references of domains only. */
static void
add_strays(SinterReferenceGraph *graph, const GPtrArray *strays)
{
    for (guint i = 0; i < strays->len; i++) {
        GPtrArray *layers = g_ptr_array_index(strays, i);

        if (!is_used(graph, g_ptr_array_index(layers, 0)))
            g_ptr_array_add(graph->strays, g_ptr_array_ref(layers));
    }
    for (guint i = 0; i < graph->strays->len; i++)
        add_stray(graph, g_ptr_array_index(graph->strays, i));
}

SinterReferenceGraph *
sinter_reference_graph_new(GPtrArray *domains)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();

    return sinter_reference_graph_new_with_strays(domains, none);
}

SinterReferenceGraph *
sinter_reference_graph_new_with_strays(GPtrArray *domains, GPtrArray *strays)
{
    SinterReferenceGraph *graph = g_new0(SinterReferenceGraph, 1);

    g_atomic_ref_count_init(&graph->ref_count);
    graph->domains = g_ptr_array_new_full(domains->len, (GDestroyNotify)sinter_domain_unref);
    graph->strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    graph->entries = g_ptr_array_new_with_free_func(entry_free);
    graph->by_key = g_hash_table_new(entry_key_hash, entry_key_equal);
    graph->by_identity = g_hash_table_new(entry_identity_hash, entry_identity_equal);
    for (guint i = 0; i < domains->len; i++)
        add_domain(graph, g_ptr_array_index(domains, i));
    add_strays(graph, strays);
    return graph;
}

SinterReferenceGraph *
sinter_reference_graph_ref(SinterReferenceGraph *graph)
{
    g_atomic_ref_count_inc(&graph->ref_count);
    return graph;
}

void
sinter_reference_graph_unref(SinterReferenceGraph *graph)
{
    if (!graph || !g_atomic_ref_count_dec(&graph->ref_count))
        return;
    g_hash_table_unref(graph->by_key);
    g_hash_table_unref(graph->by_identity);
    g_ptr_array_unref(graph->entries);
    g_ptr_array_unref(graph->domains);
    g_ptr_array_unref(graph->strays);
    g_free(graph);
}

static int
compare_serial(gconstpointer pa, gconstpointer pb)
{
    const Entry *a = *(const Entry *const *)pa;
    const Entry *b = *(const Entry *const *)pb;

    return a->serial < b->serial ? -1 : a->serial > b->serial;
}

/* The entries with @probe's key or identity, each once, in the order of insertion. */
static GPtrArray *
graph_find(const SinterReferenceGraph *graph, const Entry *probe)
{
    GPtrArray *found = g_ptr_array_new();
    gboolean by_identity = entry_has_identity(probe);
    Entry *entry;

    if (by_identity) {
        entry = g_hash_table_lookup(graph->by_identity, probe);
        for (; entry; entry = entry->next_same_identity)
            g_ptr_array_add(found, entry);
    }
    entry = g_hash_table_lookup(graph->by_key, probe);
    for (; entry; entry = entry->next_same_key) {
        if (!by_identity || !entry_identity_equal(entry, probe))
            g_ptr_array_add(found, entry);
    }
    /* The first member of an entry is its reference, so this is an array of SinterReference as
     * well. */
    g_ptr_array_sort(found, compare_serial);
    return found;
}

GPtrArray *
sinter_reference_graph_lookup(const SinterReferenceGraph *graph, const SinterLayer *layer)
{
    g_autofree char *key = make_key(layer->path, layer->description);
    Entry probe = { .key = key, .identity = { layer->device, layer->inode } };

    return graph_find(graph, &probe);
}

/* Resolves the links in the folder but not in the name: a scan that could not access the file has
 * it under that key. */
static char *
resolve_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    char *real = realpath(folder, NULL);
    char *resolved = real ? g_build_filename(real, name, NULL) : g_strdup(path);

    free(real);
    return resolved;
}

/* What the file system says of a path: the question of a lookup. */
typedef struct {
    char *key;
    char *resolved;
    SinterIdentity identity;
} Names;

static void
names_read(gpointer data)
{
    Names *names = data;

    if (sinter_identity_read(names->key, &names->identity, NULL) != 0)
        names->identity = (SinterIdentity){ 0, 0 };
    names->resolved = resolve_folder(names->key);
}

static void
names_free(gpointer data)
{
    Names *names = data;

    g_free(names->key);
    g_free(names->resolved);
    g_free(names);
}

static GPtrArray *
find_by_names(const SinterReferenceGraph *graph, const Names *names)
{
    Entry probe = { .key = names->key, .identity = names->identity };
    GPtrArray *found = graph_find(graph, &probe);

    if (found->len > 0 || strcmp(names->resolved, names->key) == 0)
        return found;
    g_ptr_array_unref(found);
    probe.key = names->resolved;
    return graph_find(graph, &probe);
}

GPtrArray *
sinter_reference_graph_lookup_path(const SinterReferenceGraph *graph, const char *path)
{
    Names *names = g_new0(Names, 1);
    GPtrArray *found;

    names->key = g_canonicalize_filename(path, NULL);
    names_read(names);
    found = find_by_names(graph, names);
    names_free(names);
    return found;
}

static gpointer
make_patience(gpointer data)
{
    return sinter_patience_new(&(SinterPatienceLimits){ .limit_msec = 700, .max_open = 16 });
}

GPtrArray *
sinter_reference_graph_lookup_soon(const SinterReferenceGraph *graph, const char *path)
{
    static GOnce patience = G_ONCE_INIT;
    Names *names = g_new0(Names, 1);
    const SinterQuestion question = { names_read, names, names_free, NULL };
    g_autofree char *folder = g_path_get_dirname(path);
    gint64 since_usec;
    GPtrArray *found;

    names->key = g_canonicalize_filename(path, NULL);
    if (!sinter_patience_ask(g_once(&patience, make_patience, NULL), folder, &question,
                             &since_usec))
        return NULL;
    found = find_by_names(graph, names);
    names_free(names);
    return found;
}

gboolean
sinter_reference_is_own(const SinterReference *reference, const char *uuid, const char *target)
{
    return reference->domain_uuid && g_strcmp0(reference->domain_uuid, uuid) == 0 &&
           (reference->kind == SINTER_REFERENCE_SNAPSHOT ||
            g_strcmp0(reference->disk, target) == 0);
}

char *
sinter_reference_describe(const SinterReference *reference)
{
    switch (reference->kind) {
    case SINTER_REFERENCE_SNAPSHOT:
        return g_strdup_printf("snapshot '%s' of domain '%s'", reference->snapshot,
                               reference->domain_name);
    case SINTER_REFERENCE_SIDE:
        return g_strdup_printf("%s of domain '%s'", reference->role, reference->domain_name);
    case SINTER_REFERENCE_STRAY:
        return g_strdup_printf("image '%s', which no domain uses", reference->stray->description);
    default:
        return g_strdup_printf(
            "disk '%s' of domain '%s' (%s)", reference->disk, reference->domain_name,
            reference->kind == SINTER_REFERENCE_LIVE ? "running" : "not running on it");
    }
}

const SinterReference *
sinter_reference_graph_find_foreign(const SinterReferenceGraph *graph, const SinterLayer *layer,
                                    const char *uuid, const char *target)
{
    g_autoptr(GPtrArray) found = sinter_reference_graph_lookup(graph, layer);

    for (guint i = 0; i < found->len; i++) {
        const SinterReference *reference = g_ptr_array_index(found, i);

        if (!sinter_reference_is_own(reference, uuid, target))
            return reference;
    }
    return NULL;
}

const GPtrArray *
sinter_reference_graph_get_domains(const SinterReferenceGraph *graph)
{
    return graph->domains;
}

const GPtrArray *
sinter_reference_graph_get_strays(const SinterReferenceGraph *graph)
{
    return graph->strays;
}
