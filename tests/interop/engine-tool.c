/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The engine's reading half as a program, for tests that compare it with QEMU's tools. It uses
 * nothing but the public API of libsinter.
 *
 *   engine-tool map FILE FORMAT             the map, in the JSON of qemu-img map
 *   engine-tool cat FILE FORMAT [SNAPSHOT]  the content, to standard output
 *   engine-tool pieces FILE FORMAT SEED     the same, read in random pieces by four threads
 *   engine-tool info FILE FORMAT            what sinter_image_info_new() says
 *   engine-tool list FILE FORMAT            snapshots and bitmaps
 *   engine-tool luks FILE FORMAT            what the LUKS header says
 *
 * FORMAT "probe" lets formats be probed. Exit 0, or 1 with the error on standard error.
 */

#include <sinter/chain.h>
#include <sinter/image.h>
#include <sinter/io.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (4 * 1024 * 1024)

typedef struct {
    const char *verb;
    int (*run)(char **args, GError **error);
} Verb;

static const char *
json_bool(gboolean value)
{
    return value ? "true" : "false";
}

static gboolean
print_extent(const SinterExtent *extent, gpointer first)
{
    gboolean hole = (extent->flags & SINTER_EXTENT_FILE_HOLE) != 0;
    gboolean data =
        (extent->kind == SINTER_EXTENT_DATA && !hole) || extent->kind == SINTER_EXTENT_COMPRESSED;

    printf(
        "%s{ \"start\": %" G_GUINT64_FORMAT ", \"length\": %" G_GUINT64_FORMAT
        ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
        *(gboolean *)first ? "[" : ",\n", extent->offset, extent->length, extent->layer,
        json_bool(extent->kind != SINTER_EXTENT_HOLE),
        json_bool(extent->kind == SINTER_EXTENT_HOLE || extent->kind == SINTER_EXTENT_ZERO || hole),
        json_bool(data || hole));
    if (extent->flags & SINTER_EXTENT_HAS_HOST)
        printf(", \"offset\": %" G_GUINT64_FORMAT, extent->host_offset);
    printf("}");
    *(gboolean *)first = FALSE;
    return TRUE;
}

static SinterChain *
open_chain(char **args, const char *snapshot, GError **error)
{
    gboolean probe = strcmp(args[1], "probe") == 0;
    SinterChainOptions options = {
        .format = probe ? NULL : args[1],
        .snapshot = snapshot,
        .flags = probe ? SINTER_CHAIN_PROBE : SINTER_CHAIN_DEFAULT,
    };

    return sinter_chain_open(args[0], &options, error);
}

static int
run_map(char **args, GError **error)
{
    g_autoptr(SinterChain) chain = open_chain(args, NULL, error);
    gboolean first = TRUE;

    if (!chain || !sinter_chain_map(chain, 0, sinter_chain_get_virtual_size(chain),
                                    SINTER_MAP_FILE_HOLES_AUTO, print_extent, &first, error))
        return 1;
    printf("%s]\n", first ? "[" : "");
    return 0;
}

static int
run_cat(char **args, GError **error)
{
    g_autoptr(SinterChain) chain = open_chain(args, args[2], error);
    g_autofree char *buf = g_malloc(PIECE_BYTES);
    guint64 size = chain ? sinter_chain_get_virtual_size(chain) : 0;

    for (guint64 at = 0; chain && at < size; at += PIECE_BYTES) {
        gsize n = (gsize)MIN(size - at, PIECE_BYTES);

        if (!sinter_chain_read(chain, at, buf, n, error))
            return 1;
        if (fwrite(buf, 1, n, stdout) != n) {
            g_set_error_literal(error, g_quark_from_static_string("tool"), errno,
                                g_strerror(errno));
            return 1;
        }
    }
    return chain ? 0 : 1;
}

/* A content that several threads fill in pieces. */
typedef struct {
    SinterChain *chain;
    guint8 *content;
    guint64 size;
    guint32 seed;
    guint part; /* of 4 */
    GError *error;
} Filler;

static gpointer
fill_part(gpointer data)
{
    Filler *self = data;
    g_autoptr(GRand) rand = g_rand_new_with_seed(self->seed + self->part);
    guint64 at = self->size / 4 * self->part;
    guint64 end = self->part == 3 ? self->size : at + self->size / 4;

    while (at < end) {
        guint64 piece = (guint64)g_rand_int_range(rand, 1, 700000);
        guint64 n = MIN(end - at, piece);

        if (!sinter_chain_read(self->chain, at, self->content + at, (gsize)n, &self->error))
            return NULL;
        at += n;
    }
    return NULL;
}

static int
run_pieces(char **args, GError **error)
{
    g_autoptr(SinterChain) chain = open_chain(args, NULL, error);
    g_autofree guint8 *content = NULL;
    GThread *threads[4];
    Filler parts[4];
    int result = 0;

    if (!chain)
        return 1;
    content = g_malloc(sinter_chain_get_virtual_size(chain) + 1);
    for (guint i = 0; i < 4; i++) {
        parts[i] =
            (Filler){ chain, content, sinter_chain_get_virtual_size(chain), (guint32)atoi(args[2]),
                      i,     NULL };
        threads[i] = g_thread_new("fill", fill_part, &parts[i]);
    }
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        if (!parts[i].error)
            continue;
        if (result)
            g_clear_error(error);
        g_propagate_error(error, parts[i].error);
        result = 1;
    }
    if (result == 0 && fwrite(content, 1, parts[0].size, stdout) != parts[0].size)
        result = 1;
    return result;
}

static const char *
or_none(const char *text)
{
    return text ? text : "-";
}

static int
run_info(char **args, GError **error)
{
    g_autoptr(SinterImageInfo) info =
        sinter_image_info_new(NULL, args[0], strcmp(args[1], "probe") ? args[1] : NULL, error);

    if (!info)
        return 1;
    printf("format=%s\nvirtual-size=%" G_GUINT64_FORMAT "\nallocated=%" G_GUINT64_FORMAT
           "\nversion=%u\ncluster-size=%u\nrefcount-bits=%u\ncompression=%s\n",
           info->format, info->virtual_size, info->allocated_size, info->version,
           info->cluster_size, info->refcount_bits, or_none(info->compression));
    printf("backing=%s\nbacking-format=%s\nbacking-path=%s\ndata-file=%s\ndata-file-raw=%d\n",
           or_none(info->backing_name), or_none(info->backing_format), or_none(info->backing_path),
           or_none(info->data_file_name), info->data_file_raw);
    printf("snapshots=%u\nbitmaps=%u\ndirty=%d\ncorrupt=%d\nencryption=%s\nextended-l2=%d\n"
           "lazy-refcounts=%d\ntrouble=%s\n",
           info->n_snapshots, info->n_bitmaps, info->dirty, info->corrupt,
           or_none(info->encryption), info->extended_l2, info->lazy_refcounts,
           or_none(info->trouble));
    return 0;
}

static int
run_list(char **args, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = fs ? sinter_fs_open(fs, args[0], SINTER_IO_READ, error) : NULL;
    g_autoptr(GPtrArray) snapshots = io ? sinter_image_list_snapshots(io, args[1], error) : NULL;
    g_autoptr(GPtrArray) bitmaps = snapshots ? sinter_image_list_bitmaps(io, args[1], error) : NULL;

    if (!bitmaps)
        return 1;
    for (guint i = 0; i < snapshots->len; i++) {
        const SinterSnapshotInfo *one = g_ptr_array_index(snapshots, i);

        printf("snapshot %s %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", one->id, one->name,
               one->vm_state_size, one->disk_size);
    }
    for (guint i = 0; i < bitmaps->len; i++) {
        const SinterBitmapInfo *one = g_ptr_array_index(bitmaps, i);

        printf("bitmap %s %" G_GUINT64_FORMAT " %d %d\n", one->name, one->granularity, one->in_use,
               one->enabled);
    }
    return 0;
}

static int
run_luks(char **args, GError **error)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = fs ? sinter_fs_open(fs, args[0], SINTER_IO_READ, error) : NULL;
    g_autoptr(SinterLuksInfo) luks = io ? sinter_image_luks_info_new(io, args[1], error) : NULL;

    if (!luks)
        return 1;
    printf("%s-%u %s %s %s %s %s %" G_GUINT64_FORMAT " %u\n", luks->cipher, luks->key_bits,
           luks->mode, luks->iv_generator, or_none(luks->iv_hash), luks->hash, luks->uuid,
           luks->payload_offset, luks->master_key_iterations);
    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++)
        printf("%d %u %" G_GUINT64_FORMAT " %u\n", luks->slots[i].active,
               luks->slots[i].active ? luks->slots[i].iterations : 0, luks->slots[i].key_offset,
               luks->slots[i].active ? luks->slots[i].stripes : 0);
    return 0;
}

static const Verb verbs[] = {
    { "map", run_map },   { "cat", run_cat },   { "pieces", run_pieces },
    { "info", run_info }, { "list", run_list }, { "luks", run_luks },
};

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; argc >= 4 && i < G_N_ELEMENTS(verbs); i++) {
        int result;

        if (strcmp(verbs[i].verb, argv[1]) != 0)
            continue;
        result = verbs[i].run(argv + 2, &error);
        if (result != 0)
            fprintf(stderr, "engine-tool: %s\n", error ? error->message : "failed");
        return fflush(stdout) == 0 ? result : 1;
    }
    fprintf(stderr, "usage: engine-tool map|cat|pieces|info|list|luks FILE FORMAT [ARG]\n");
    return 1;
}
