/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:chain
 *
 * A disk image with its backing chain: opened safely, mapped and read as the guest sees it.
 *
 * Layer 0 is the top image, layer 1 its backing file, and so on to the base.
 *
 * Units: bytes. Ranges: offset and length must lie inside the virtual size. Errors: #GError of the
 * domain %SINTER_ERROR; an error in opening begins with "Could not open 'TOP': …", followed by
 * "Could not open backing file: " for each layer down to the one that failed. Threads: a chain may
 * be mapped and read from any number of threads at once; one thread opens and frees it.
 */

#include <glib.h>
#include <sinter/image.h>
#include <sinter/io.h>

G_BEGIN_DECLS

typedef struct _SinterChain SinterChain;

/* The maximum number of layers. Each is an open file: a program may have to raise its limit. */
#define SINTER_CHAIN_MAX_LAYERS 1000

/**
 * SinterChainFlags:
 *
 * @SINTER_CHAIN_NO_BACKING: open only the top image; clusters that it does not hold are holes
 * @SINTER_CHAIN_PROBE: probe a format that is not stated (by the options for the top image, by the
 *   overlay for the others). Safe only if the content is trusted: a guest can write a header into a
 *   raw image. Without this flag, a format that is not stated is an error.
 * @SINTER_CHAIN_NO_LOCK: neither take nor respect image locks (`-U`): the image may change while it
 *   is read
 * @SINTER_CHAIN_DIRECT: bypass the page cache (O_DIRECT) if the file system supports it
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
 * @fs: (nullable): the set of files; %NULL for the host's files. A set with allowed roots confines
 *   every member of the chain.
 * @format: (nullable): format of the top image
 * @snapshot: (nullable): id or name of an internal snapshot of the top image, to read the disk as
 *   of that snapshot
 * @flags: see #SinterChainFlags
 * @cache_bytes: memory for cached mapping tables; 0 for 32 MiB
 * @n_layers: open at most this many layers, from the top; clusters that they do not hold are holes;
 *   0 for all
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
 * Opens @path and its backing files for reading. Names in images are plain paths; a relative name
 * is relative to the folder of the image that stores it. Fails if the chain loops, is deeper than
 * %SINTER_CHAIN_MAX_LAYERS, lacks a member or names something other than a plain file.
 *
 * Without %SINTER_CHAIN_NO_LOCK each member is locked against writers while the chain is open; if a
 * process has a member open for writing, fails with LOCKED and names the process.
 */
SinterChain *sinter_chain_open(const char *path, const SinterChainOptions *options, GError **error);

/* Closes all members. Accepts %NULL. */
void sinter_chain_free(SinterChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterChain, sinter_chain_free)

/* The size in bytes of the disk that the guest sees. */
guint64 sinter_chain_get_virtual_size(SinterChain *chain);

/* At least 1. */
guint sinter_chain_get_n_layers(SinterChain *chain);

/* (transfer none): information about a layer. Valid as long as the chain. */
const SinterImageInfo *sinter_chain_get_info(SinterChain *chain, guint layer);

/* (transfer none): the file that holds a layer's guest data: the image, or its data file. */
SinterIo *sinter_chain_get_data_io(SinterChain *chain, guint layer);

/**
 * SinterExtentKind:
 *
 * The kind of a range of the disk. All kinds except DATA and COMPRESSED read as zeros.
 *
 * @SINTER_EXTENT_HOLE: no layer holds it
 * @SINTER_EXTENT_ZERO: a layer defines it as zeros (a zero cluster, or a hole in a raw file)
 * @SINTER_EXTENT_DATA: uncompressed data
 * @SINTER_EXTENT_COMPRESSED: compressed clusters, at any place in the file
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
 * @SINTER_EXTENT_HAS_HOST: @host_offset is valid: the range has host space, which is read only if
 *   the kind is DATA
 * @SINTER_EXTENT_BEYOND_END: a HOLE beyond the end of the backing file: neither that file nor those
 *   below it were searched
 * @SINTER_EXTENT_FILE_HOLE: DATA that is a hole in the host file, so it reads as zeros
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
 * @offset: guest offset
 * @length: never 0
 * @host_offset: offset in the layer's data file
 * @kind: what it is
 * @flags: a set of #SinterExtentFlags
 * @layer: the layer that defines the content; for a HOLE the last layer that was searched
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
 * @SINTER_MAP_FILE_HOLES: query the file system for holes in DATA too, and mark them. Holes of raw
 *   layers are always queried.
 * @SINTER_MAP_FILE_HOLES_AUTO: query only layers that appear to have preallocated metadata. This is
 *   QEMU's rule, and the result equals that of `qemu-img map`.
 */
typedef enum {
    SINTER_MAP_DEFAULT = 0,
    SINTER_MAP_FILE_HOLES = 1 << 0,
    SINTER_MAP_FILE_HOLES_AUTO = 1 << 1,
} SinterMapFlags;

/* Returns: %FALSE to stop the walk, which is not an error. */
typedef gboolean (*SinterExtentFunc)(const SinterExtent *extent, gpointer user_data);

/**
 * sinter_chain_map:
 *
 * Calls @func for each extent of the range, in order and without gaps. Extents are exact to the
 * subcluster and as long as possible: two neighbors always differ in kind, flags or layer, or their
 * host offsets are not contiguous.
 */
gboolean sinter_chain_map(SinterChain *chain, guint64 offset, guint64 length, SinterMapFlags flags,
                          SinterExtentFunc func, gpointer user_data, GError **error);

/**
 * sinter_chain_read:
 * @buf: for @length bytes
 *
 * Reads the disk as the guest sees it. Long, cluster-aligned reads are fastest; calls from several
 * threads decode compressed clusters in parallel. On failure the content of @buf is undefined.
 */
gboolean sinter_chain_read(SinterChain *chain, guint64 offset, void *buf, gsize length,
                           GError **error);

G_END_DECLS
