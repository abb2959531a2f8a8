/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:salvage
 *
 * Copies from a damaged image, or from an image on failing storage, everything that can be read,
 * through its backing chain, and reports each range that is lost and why. The source is never
 * modified.
 *
 * A range that a damaged entry may have mapped is lost; the backing file's content never appears in
 * its place. Lost ranges read as zeros in the new image, or as a pattern.
 *
 * Storage that reports read errors is read in phases, as GNU ddrescue does it: first what reads
 * without trouble, with growing distance to bad areas; then the edges of the bad areas; then the
 * rest, sector by sector; then the bad sectors again.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Damage of the source is a result, not
 * an error. Threads: any; the callbacks run in the calling thread.
 */

#include <gio/gio.h>
#include <sinter/chain.h>
#include <sinter/create.h>
#include <sinter/loss.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/* The suffix of the name of an output that can be continued and is not complete. */
#define SINTER_SALVAGE_PARTIAL_SUFFIX ".part"

/* Maximum size of the fill pattern; it is repeated from the start of each sector of this size. */
#define SINTER_SALVAGE_FILL_MAX_BYTES 512

/**
 * SinterSalvageSaveFunc:
 * @map: the state of all ranges, as a map file of GNU ddrescue
 *
 * Stores @map durably. Everything that @map states to be read is durable in the output before the
 * call. Returns: %FALSE with an error ends the salvage.
 */
typedef gboolean (*SinterSalvageSaveFunc)(const char *map, gpointer user_data, GError **error);

/**
 * SinterSalvageOptions:
 * @fs: (nullable): the set of files of the images; %NULL for the host's files
 * @format: (nullable): format of the source; required without %SINTER_CHAIN_PROBE
 * @snapshot: (nullable): id or name of an internal snapshot of the source, to read the disk as of
 *   that snapshot
 * @flags: %SINTER_CHAIN_PROBE, %SINTER_CHAIN_NO_LOCK, %SINTER_CHAIN_DIRECT and
 *   %SINTER_CHAIN_NO_BACKING; with the last one, ranges that the top image does not hold are holes
 * @retries: how often bad sectors are tried again at the end
 * @fill: (array length=fill_bytes) (nullable): the content of lost ranges in the output; %NULL for
 *   zeros
 * @fill_bytes: at most %SINTER_SALVAGE_FILL_MAX_BYTES
 * @save: (nullable): makes the salvage resumable: called from time to time, and at the end
 * @save_data: for @save
 * @former_map: (nullable): what @save last stored in an earlier, interrupted or complete run: the
 *   salvage continues in the output of that run
 * @cancellable: (nullable): cancelling it ends the salvage with CANCELLED
 * @progress: (nullable): receives the progress
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    const char *snapshot;
    SinterChainFlags flags;
    guint retries;
    const guint8 *fill;
    gsize fill_bytes;
    SinterSalvageSaveFunc save;
    gpointer save_data;
    const char *former_map;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterSalvageOptions;

/**
 * SinterSalvageRange:
 * @offset: guest offset
 * @length: never 0
 * @loss: why
 * @doubtful: the range was read, but its content may be wrong; otherwise it is lost
 * @errnum: errno of the read that failed, 0 if none did
 * @layer: the image in which the damage is; 0 is the top
 * @place: offset in that image's file of the damaged entry or table, or of the data; 0 if unknown
 *
 * A range of the disk that could not be read, or not reliably. Of several neighboring ranges with
 * the same cause, @place is that of the first.
 */
typedef struct {
    guint64 offset;
    guint64 length;
    SinterLoss loss;
    gboolean doubtful;
    int errnum;
    guint layer;
    guint64 place;
} SinterSalvageRange;

/**
 * SinterSalvageResult:
 * @virtual_size: size of the disk
 * @read_bytes: bytes of the disk that were read, including zeros and holes
 * @doubtful_bytes: of these, bytes that may be wrong
 * @lost_bytes: the rest of the disk
 * @ranges: (element-type SinterSalvageRange): what is lost or doubtful, in ascending order
 * @layers: (element-type utf8): the paths of the images that were opened, the top first
 * @trouble: (nullable): why the chain could not be opened completely
 * @map: the state of all ranges, as a map file of GNU ddrescue
 */
typedef struct {
    guint64 virtual_size;
    guint64 read_bytes;
    guint64 doubtful_bytes;
    guint64 lost_bytes;
    GArray *ranges;
    GPtrArray *layers;
    char *trouble;
    char *map;
} SinterSalvageResult;

/**
 * sinter_salvage:
 * @path: the damaged image
 * @output: the new image
 * @image: properties of the new image. Its size is ignored; its format, if %NULL, is that of @path
 * @options: (nullable): %NULL is all zero
 *
 * Writes what can be read of the disk @path to @output. On success @output is durable.
 *
 * Without @save, @output appears under its name only when it is complete, as described for
 * sinter_convert_to_image(). With @save, the new image has the name of @output followed by
 * %SINTER_SALVAGE_PARTIAL_SUFFIX until it is complete, and is kept if the salvage is interrupted.
 * With @former_map the salvage continues in that file or, if the earlier run was complete, in
 * @output itself, where it tries again what is lost. A block device is written in place.
 *
 * Fails if nothing can be known about the disk: if the header of @path has no valid geometry, if
 * the image is encrypted, or if it is in use.
 *
 * Returns: (transfer full): the result; free with sinter_salvage_result_free().
 */
SinterSalvageResult *sinter_salvage(const char *path, const char *output,
                                    const SinterCreateOptions *image,
                                    const SinterSalvageOptions *options, GError **error);

/* Accepts %NULL. */
void sinter_salvage_result_free(SinterSalvageResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSalvageResult, sinter_salvage_result_free)

G_END_DECLS
