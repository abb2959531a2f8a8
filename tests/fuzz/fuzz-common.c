/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the fuzz targets share: the built-in plugins, files in memory, and a walk over a chain that
 * costs little.
 */

#include "fuzz.h"
#include "io/sinter-io.h"
#include "sinter-plugin-registry.h"

/* Stretches that are read: enough to reach each kind of cluster, few enough to stay quick. */
#define MAX_READS 64
#define READ_BYTES 4096

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();

    g_assert(sinter_plugin_registry_add_built_in(registry, NULL));
    return 0;
}

void
fuzz_add_file(SinterFs *fs, const char *path, const guint8 *data, gsize size)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_CREATE, NULL);

    g_assert(io);
    if (size > 0)
        g_assert(sinter_io_write(io, 0, data, size, NULL));
}

typedef struct {
    SinterChain *chain;
    guint64 end; /* of the last stretch */
    guint n_reads;
} Walk;

static void
read_some(Walk *walk, guint64 offset, guint64 length)
{
    guint8 buf[READ_BYTES];

    if (walk->n_reads++ < MAX_READS)
        sinter_chain_read(walk->chain, offset, buf, (gsize)MIN(length, READ_BYTES), NULL);
}

/* Holds what the header of the map promises: in order, without gaps, never empty. */
static gboolean
on_extent(const SinterExtent *extent, gpointer user_data)
{
    Walk *walk = user_data;

    g_assert(extent->length > 0);
    g_assert(extent->offset == walk->end);
    g_assert(extent->layer < sinter_chain_get_n_layers(walk->chain));
    walk->end = extent->offset + extent->length;
    g_assert(walk->end <= sinter_chain_get_virtual_size(walk->chain));
    read_some(walk, extent->offset, extent->length);
    if (extent->length > READ_BYTES)
        read_some(walk, walk->end - READ_BYTES, READ_BYTES);
    return walk->n_reads < 4 * MAX_READS;
}

void
fuzz_walk_chain(SinterChain *chain)
{
    Walk walk = { .chain = chain };
    guint64 size = sinter_chain_get_virtual_size(chain);

    if (size > 0 &&
        sinter_chain_map(chain, 0, size, SINTER_MAP_FILE_HOLES_AUTO, on_extent, &walk, NULL))
        g_assert(walk.end == size || walk.n_reads >= 4 * MAX_READS);
}
