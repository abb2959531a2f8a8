/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns data that must be read into runs: reads it, drops ranges that are zero or already the same,
 * and compresses the rest if requested. Any number of threads; nothing here accesses the target.
 * Invariant: each byte of a piece is in exactly one run, unless it may be skipped.
 *
 * A thread's buffer: | data read | its streams, or data to compare with | one cluster |
 */

#include "sinter-bytes.h"
#include "sinter-error.h"
#include "sinter-transfer-work.h"

#include <string.h>

#define SALVAGE_MIN_BYTES 4096

typedef enum {
    BLOCK_DATA,
    BLOCK_ZERO,
    BLOCK_SAME, /* is skipped */
} BlockKind;

static guint64
work_to_target(const SinterTransferState *self, guint64 offset)
{
    return offset - self->job->offset + self->job->target_offset;
}

static void
work_tell_salvaged(SinterTransferState *self, guint64 offset, guint64 length, const GError *error)
{
    const SinterTransfer *job = self->job;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->salvaging);

    if (job->salvaged)
        job->salvaged(work_to_target(self, offset), length, error, job->salvaged_data);
}

/* Reads as much as possible, in ever smaller parts, and fills unreadable parts with zeros. */
static void
work_salvage(SinterTransferState *self, guint64 offset, guint64 length, guint8 *buffer)
{
    g_autoptr(GError) error = NULL;
    guint64 half = length / 2 / SALVAGE_MIN_BYTES * SALVAGE_MIN_BYTES;

    if (sinter_chain_read(self->job->source, offset, buffer, (gsize)length, &error))
        return;
    if (half > 0) {
        work_salvage(self, offset, half, buffer);
        work_salvage(self, offset + half, length - half, buffer + half);
        return;
    }
    memset(buffer, 0, (gsize)length);
    work_tell_salvaged(self, offset, length, error);
}

/* Reads the content of @unless_same, with zeros beyond its end, into the second part of the
 * buffer. */
static gboolean
work_read_same(SinterTransferState *self, const SinterTransferPiece *piece, guint8 *buffer,
               GError **error)
{
    SinterChain *same = self->job->unless_same;
    guint64 size = same ? sinter_chain_get_virtual_size(same) : 0;
    gsize n = (gsize)(MIN(size, piece->offset + piece->length) - MIN(size, piece->offset));

    if (!same)
        return TRUE;
    buffer += self->piece_bytes;
    memset(buffer + n, 0, (gsize)piece->length - n);
    return n == 0 || sinter_chain_read(same, piece->offset, buffer, n, error);
}

static gboolean
work_read(SinterTransferState *self, const SinterTransferPiece *piece, guint8 *buffer,
          GError **error)
{
    if (self->job->salvages) {
        work_salvage(self, piece->offset, piece->length, buffer);
        return TRUE;
    }
    if (sinter_chain_read(self->job->source, piece->offset, buffer, (gsize)piece->length, error) &&
        work_read_same(self, piece, buffer, error))
        return TRUE;
    sinter_error_prefix(error, "error while reading at byte %" G_GUINT64_FORMAT ": ",
                        work_to_target(self, piece->offset));
    return FALSE;
}

static BlockKind
work_classify(const SinterTransferState *self, const guint8 *data, gsize n)
{
    if (self->job->unless_same && memcmp(data, data + self->piece_bytes, n) == 0)
        return BLOCK_SAME;
    if (self->looks && sinter_bytes_are_zero(data, n))
        return BLOCK_ZERO;
    return BLOCK_DATA;
}

/* Adds a run of the buffer, from @start up to @end (bytes of the piece). */
static void
work_add(const SinterTransferState *self, SinterTransferPiece *piece, BlockKind kind, guint64 start,
         guint64 end)
{
    SinterTransferRun run = { .kind = kind == BLOCK_ZERO ? SINTER_RUN_ZERO : SINTER_RUN_DATA,
                              .offset = piece->offset + start,
                              .length = end - start,
                              .from = start };

    if (start == end || kind == BLOCK_SAME ||
        (kind == BLOCK_ZERO && self->job->zeros == SINTER_TRANSFER_ZEROS_SKIP))
        return;
    sinter_transfer_piece_add(piece, &run);
}

/* Returns the end of the target's block that contains the position @at of the piece. */
static guint64
work_block_end(const SinterTransferState *self, const SinterTransferPiece *piece, guint64 at)
{
    guint64 base = work_to_target(self, piece->offset);

    return MIN(piece->length, ((base + at) / self->block + 1) * self->block - base);
}

/* Classifies each block. Zeros between data that are shorter than @sparse_bytes count as data. */
static guint
work_classify_all(const SinterTransferState *self, const SinterTransferPiece *piece,
                  const guint8 *buffer, guint8 *kinds)
{
    guint64 zeros_from = 0; /* start of the current run of zeros */
    guint first_zero = 0;   /* its first block */
    gboolean parts = FALSE; /* it follows data */
    guint n = 0;

    for (guint64 at = 0, end; at < piece->length; at = end, n++) {
        end = work_block_end(self, piece, at);
        kinds[n] = (guint8)work_classify(self, buffer + at, (gsize)(end - at));
        if (kinds[n] == BLOCK_ZERO && (n == 0 || kinds[n - 1] != BLOCK_ZERO)) {
            zeros_from = at;
            first_zero = n;
            parts = n > 0 && kinds[n - 1] == BLOCK_DATA;
        } else if (kinds[n] == BLOCK_DATA && n > 0 && kinds[n - 1] == BLOCK_ZERO && parts &&
                   at - zeros_from < self->job->sparse_bytes) {
            memset(kinds + first_zero, BLOCK_DATA, n - first_zero);
        }
    }
    return n;
}

/*
 * Compresses one whole cluster of the target into the second part of the buffer. Returns FALSE if
 * it is not a whole cluster or does not get shorter.
 */
static gboolean
work_compress(const SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer,
              guint64 at, guint64 n)
{
    SinterTransferRun run = { .kind = SINTER_RUN_STREAM,
                              .offset = piece->offset + at,
                              .length = n,
                              .from = self->piece_bytes + at };
    guint64 size = self->cluster_size;
    guint64 target = work_to_target(self, run.offset);

    if (target % size != 0 || (n < size && target + n != self->traits->virtual_size))
        return FALSE;
    memset(buffer + at + n, 0, (gsize)(size - n));
    run.bytes = sinter_handle_compress(self->job->target, buffer + at, buffer + run.from);
    if (run.bytes == 0)
        return FALSE;
    sinter_transfer_piece_add(piece, &run);
    return TRUE;
}

/* Cuts the piece into runs, as long as there is space for them. */
static void
work_find_runs(const SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer)
{
    guint8 kinds[SINTER_TRANSFER_BLOCKS_MAX];
    gboolean compresses = self->job->compression == SINTER_TRANSFER_COMPRESS;
    guint n = work_classify_all(self, piece, buffer, kinds);
    guint64 at = 0;

    for (guint i = 0; i < n; i++) {
        guint64 end = work_block_end(self, piece, at);
        /* treating the rest as data is correct, too, and needs only one run */
        gboolean crowded = piece->n_runs + 1 >= SINTER_TRANSFER_RUNS_MAX;
        BlockKind kind = crowded ? BLOCK_DATA : kinds[i];

        if (kind != BLOCK_DATA || crowded || !compresses ||
            !work_compress(self, piece, buffer, at, end - at))
            work_add(self, piece, kind, at, end);
        at = end;
    }
}

/*
 * Adds a stream that was read, with its exact length. If the stream is too long for a cluster, its
 * decompressed content is added instead.
 */
static gboolean
work_add_stream(SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer,
                guint64 offset, const SinterFormatStreamRef *ref, GError **error)
{
    SinterImage *image = sinter_chain_layer(self->job->source, piece->layer);
    gsize size = (gsize)self->cluster_size;
    guint8 *plain = buffer + 2 * self->piece_bytes;
    SinterTransferRun run = { .kind = SINTER_RUN_STREAM,
                              .offset = offset,
                              .length = MIN(size, piece->offset + piece->length - offset),
                              .from = ref->at };

    if (!image->format->measure_stream(image, buffer + ref->at, ref->bytes, plain, &run.bytes,
                                       error)) {
        sinter_error_prefix(error, "error while reading at byte %" G_GUINT64_FORMAT ": '%s': ",
                            work_to_target(self, offset), image->info->path);
        return FALSE;
    }
    if (run.bytes > size) {
        memcpy(buffer + ref->at, plain, size);
        run.kind = SINTER_RUN_DATA;
    }
    sinter_transfer_piece_add(piece, &run);
    return TRUE;
}

/* Reads compressed clusters unchanged; each stream takes at most two clusters of the buffer. */
static gboolean
work_read_streams(SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer,
                  GError **error)
{
    SinterImage *image = sinter_chain_layer(self->job->source, piece->layer);
    guint64 size = self->cluster_size;
    gsize room = (gsize)(2 * self->piece_bytes);
    guint64 end = piece->offset + piece->length;
    gsize used = 0;

    for (guint64 at = piece->offset; at < end;) {
        SinterFormatStreamRef refs[SINTER_TRANSFER_STREAMS_MAX];
        SinterFormatStreams streams = {
            .offset = at,
            .n = (guint)MIN((end - at + size - 1) / size, SINTER_TRANSFER_STREAMS_MAX),
            .buf = buffer + used,
            .room = room - used,
            .refs = refs,
        };

        if (!image->format->read_streams(image, &streams, error)) {
            sinter_error_prefix(error, "error while reading at byte %" G_GUINT64_FORMAT ": ",
                                work_to_target(self, at));
            return FALSE;
        }
        for (guint i = 0; i < streams.n; i++, at += size) {
            refs[i].at += (guint32)used;
            if (!work_add_stream(self, piece, buffer, at, &refs[i], error))
                return FALSE;
        }
        used = refs[streams.n - 1].at + refs[streams.n - 1].bytes;
    }
    return TRUE;
}

/* Runs that were apart in their file may be contiguous in the buffer. */
static void
work_join_runs(SinterTransferPiece *piece)
{
    guint n = piece->n_runs;

    piece->n_runs = 0;
    for (guint i = 0; i < n; i++) {
        SinterTransferRun run = piece->runs[i];

        run.layer = 0;
        sinter_transfer_piece_add(piece, &run);
    }
}

/* Reads the data that the runs copy into the buffer, one after the other. */
static gboolean
work_read_copies(SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer,
                 GError **error)
{
    guint64 used = 0;

    for (guint i = 0; i < piece->n_runs; i++) {
        SinterTransferRun *run = &piece->runs[i];
        SinterIo *from = sinter_chain_get_data_io(self->job->source, run->layer);

        if (run->kind != SINTER_RUN_COPY)
            continue;
        if (!sinter_io_read(from, run->from, buffer + used, (gsize)run->length, error)) {
            sinter_error_prefix(error, "error while reading at byte %" G_GUINT64_FORMAT ": ",
                                work_to_target(self, run->offset));
            return FALSE;
        }
        run->kind = SINTER_RUN_DATA;
        run->from = used;
        used += run->length;
    }
    work_join_runs(piece);
    return TRUE;
}

gboolean
sinter_transfer_work(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    SinterTransferState *self = user_data;
    SinterTransferPiece *piece = data;

    if (piece->kind == SINTER_PIECE_RUNS)
        return TRUE;
    if (piece->kind == SINTER_PIECE_COPIES)
        return work_read_copies(self, piece, buffer, error);
    if (piece->kind == SINTER_PIECE_STREAMS)
        return work_read_streams(self, piece, buffer, error);
    if (!work_read(self, piece, buffer, error))
        return FALSE;
    work_find_runs(self, piece, buffer);
    return TRUE;
}
