/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:chain
 *
 * A disk image with all that it stands on: opened safely, mapped and read as the guest sees it.
 *
 * Layer 0 is the top image, layer 1 its backing file, and so on to the base.
 *
 * Units: bytes. Ranges: offset and length must lie inside the virtual size. Errors: #GError of
 * the domain %SINTER_ERROR; an error while opening reads "Could not open 'TOP': …" and, where a
 * member further down is at fault, goes on with "Could not open backing file: " for each step.
 * Threads: a chain may be mapped and read from any number of threads at once; opening and freeing
 * are one thread's.
 */

#include <glib.h>
#include <sinter/image.h>
#include <sinter/io.h>

G_BEGIN_DECLS

typedef struct _SinterChain SinterChain;

/* A chain is never deeper; QEMU itself gives up not far beyond. */
#define SINTER_CHAIN_MAX_LAYERS 200

/**
 * SinterChainFlags:
 *
 * @SINTER_CHAIN_NO_BACKING: open the top image alone; what it does not hold is a hole
 * @SINTER_CHAIN_PROBE: where a format is not said (by the options for the top, by the image above
 *   for the others), tell it by the content. Right only where the content is trusted: a guest
 *   can write a header into a raw image. Without it, a format that is not said is an error.
 * @SINTER_CHAIN_NO_LOCK: neither take nor respect image locks (`-U`): the image may change
 *   underfoot
 * @SINTER_CHAIN_DIRECT: pass by the page cache (O_DIRECT) where the file system can
 */
typedef enum {
    SINTER_CHAIN_DEFAULT = 0,
    SINTER_CHAIN_NO_BACKING = 1 << 0,
    SINTER_CHAIN_PROBE = 1 << 1,
    SINTER_CHAIN_NO_LOCK = 1 << 2,
    SINTER_CHAIN_DIRECT = 1 << 3,
} SinterChainFlags;

/**
 * SinterChainOptions:
 * @fs: (nullable): where the files are; %NULL for the host's. One with allowed roots confines
 *   every member of the chain.
 * @format: (nullable): of the top image
 * @snapshot: (nullable): id or name of an internal snapshot of the top image, to see the disk as
 *   it was then
 * @flags: see there
 * @cache_bytes: how much memory the chain may keep of its mapping tables; 0 for 32 MiB
 * @n_layers: open no more members than that, from the top on; what they do not hold is a hole.
 *   0: all
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    const char *snapshot;
    SinterChainFlags flags;
    gsize cache_bytes;
    guint n_layers;
} SinterChainOptions;

/**
 * sinter_chain_open:
 * @path: the top image
 * @options: (nullable): %NULL is all zero
 *
 * Opens @path and its backing files for reading. Names in images are plain paths, relative ones
 * against the folder of the image that says them. Chains that bite their tail, are deeper than
 * %SINTER_CHAIN_MAX_LAYERS, miss a member or name something that is no plain file are errors.
 *
 * Unless told otherwise each member is locked so that nobody writes to it while the chain is
 * open; a member that is being written is a LOCKED error that names the process.
 */
SinterChain *sinter_chain_open(const char *path, const SinterChainOptions *options, GError **error);

/* Closes all members. Accepts %NULL. */
void sinter_chain_free(SinterChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterChain, sinter_chain_free)

/* Of the disk that the guest sees. */
guint64 sinter_chain_get_virtual_size(SinterChain *chain);

/* At least 1. */
guint sinter_chain_get_n_layers(SinterChain *chain);

/* (transfer none): what a layer says about itself. Lives as long as the chain. */
const SinterImageInfo *sinter_chain_get_info(SinterChain *chain, guint layer);

/* (transfer none): the file that holds a layer's guest data: the image, or its data file. */
SinterIo *sinter_chain_get_data_io(SinterChain *chain, guint layer);

/**
 * SinterExtentKind:
 *
 * What a stretch of the disk is. All but DATA and COMPRESSED read as zeros.
 *
 * @SINTER_EXTENT_HOLE: no layer holds it
 * @SINTER_EXTENT_ZERO: a layer says that it is zeros (an explicit zero, or a hole in a raw file)
 * @SINTER_EXTENT_DATA: bytes as they are
 * @SINTER_EXTENT_COMPRESSED: compressed clusters, which lie anywhere
 */
typedef enum {
    SINTER_EXTENT_HOLE,
    SINTER_EXTENT_ZERO,
    SINTER_EXTENT_DATA,
    SINTER_EXTENT_COMPRESSED,
} SinterExtentKind;

/**
 * SinterExtentFlags:
 *
 * @SINTER_EXTENT_HAS_HOST: @host_offset is valid: host space stands behind the stretch, though it
 *   is read only where the kind is DATA
 * @SINTER_EXTENT_BEYOND_END: a HOLE above a backing file that ends before it: that one and those
 *   below it were not asked
 * @SINTER_EXTENT_FILE_HOLE: DATA of which the host file says that it is a hole, so zeros
 * @SINTER_EXTENT_ENCRYPTED: the bytes at @host_offset are encrypted
 */
typedef enum {
    SINTER_EXTENT_HAS_HOST = 1 << 0,
    SINTER_EXTENT_BEYOND_END = 1 << 1,
    SINTER_EXTENT_FILE_HOLE = 1 << 2,
    SINTER_EXTENT_ENCRYPTED = 1 << 3,
} SinterExtentFlags;

/**
 * SinterExtent:
 * @offset: where the guest sees it
 * @length: never 0
 * @host_offset: in the layer's data file
 * @kind: what it is
 * @flags: a set of #SinterExtentFlags
 * @layer: the layer that decides; for a HOLE the last one, which was asked in vain
 */
typedef struct {
    guint64 offset;
    guint64 length;
    guint64 host_offset;
    SinterExtentKind kind;
    guint flags;
    guint layer;
} SinterExtent;

/**
 * SinterMapFlags:
 *
 * @SINTER_MAP_FILE_HOLES: ask the file system about DATA too, and mark what is a hole there.
 *   Raw layers are always asked.
 * @SINTER_MAP_FILE_HOLES_AUTO: ask only for layers that look as if their metadata had been
 *   preallocated. This is QEMU's rule, and gives the map that `qemu-img map` gives.
 */
typedef enum {
    SINTER_MAP_DEFAULT = 0,
    SINTER_MAP_FILE_HOLES = 1 << 0,
    SINTER_MAP_FILE_HOLES_AUTO = 1 << 1,
} SinterMapFlags;

/* Returns: %FALSE to stop the walk, which is no error. */
typedef gboolean (*SinterExtentFunc)(const SinterExtent *extent, gpointer user_data);

/**
 * sinter_chain_map:
 *
 * Calls @func for each stretch of the range, in order and without gaps. Stretches are exact to
 * the subcluster and as long as can be: two neighbours always differ in kind, flags, layer, or
 * their host offsets do not follow on each other.
 */
gboolean sinter_chain_map(SinterChain *chain, guint64 offset, guint64 length, SinterMapFlags flags,
                          SinterExtentFunc func, gpointer user_data, GError **error);

/**
 * sinter_chain_read:
 * @buf: for @length bytes
 *
 * Reads what the guest would read. Best in long, cluster-aligned pieces; from several threads,
 * compressed clusters are decoded in parallel. On failure the content of @buf is undefined.
 */
gboolean sinter_chain_read(SinterChain *chain, guint64 offset, void *buf, gsize length,
                           GError **error);

G_END_DECLS
