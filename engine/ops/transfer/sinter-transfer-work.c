/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns what must be read into runs: reads it, leaves out what is zero or the same already, and
 * compresses the rest where that is wanted. Any number of threads; nothing here touches the
 * target. Invariant: each byte of a piece is in exactly one run, but for what may be left out.
 *
 * A worker's buffer: | what was read | its streams, or what it is compared with | one cluster |
 */

#include "sinter-bytes.h"
#include "sinter-error.h"
#include "sinter-transfer-work.h"

#include <string.h>

#define SALVAGE_MIN_BYTES 4096

typedef enum {
    BLOCK_DATA,
    BLOCK_ZERO,
    BLOCK_SAME, /* is left alone */
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

/* Reads what can be read, in ever smaller parts, and leaves zeros where nothing can. */
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

/* What @unless_same shows, zeros beyond its end, into the second part of the buffer. */
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

/* A run of the buffer, from @start up to @end (bytes of the piece). */
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

/* The end of the block of the target that the place @at of the piece lies in. */
static guint64
work_block_end(const SinterTransferState *self, const SinterTransferPiece *piece, guint64 at)
{
    guint64 base = work_to_target(self, piece->offset);

    return MIN(piece->length, ((base + at) / self->block + 1) * self->block - base);
}

/* Says what each block is. Zeros between data that are shorter than @sparse_bytes are data. */
static guint
work_classify_all(const SinterTransferState *self, const SinterTransferPiece *piece,
                  const guint8 *buffer, guint8 *kinds)
{
    guint64 zeros_from = 0; /* where the zeros begin that are open */
    guint first_zero = 0;   /* their first block */
    gboolean parts = FALSE; /* they have data before them */
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
 * One whole cluster of the target as a stream, which stands in the buffer's second part. FALSE: it
 * is no whole cluster, or gets no shorter.
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

/* Cuts the piece into runs, as long as there is room for them. */
static void
work_find_runs(const SinterTransferState *self, SinterTransferPiece *piece, guint8 *buffer)
{
    guint8 kinds[SINTER_TRANSFER_BLOCKS_MAX];
    gboolean compresses = self->job->compression == SINTER_TRANSFER_COMPRESS;
    guint n = work_classify_all(self, piece, buffer, kinds);
    guint64 at = 0;

    for (guint i = 0; i < n; i++) {
        guint64 end = work_block_end(self, piece, at);
        /* as data everything is right, too, and makes one run */
        gboolean crowded = piece->n_runs + 1 >= SINTER_TRANSFER_RUNS_MAX;
        BlockKind kind = crowded ? BLOCK_DATA : kinds[i];

        if (kind != BLOCK_DATA || crowded || !compresses ||
            !work_compress(self, piece, buffer, at, end - at))
            work_add(self, piece, kind, at, end);
        at = end;
    }
}

/*
 * A stream that was read, with its exact length. One that is too long for a cluster of its own
 * gives way to what it says.
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

/* Compressed clusters as they are; each stream takes two clusters of the buffer at most. */
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

/* What lay apart in the file it came from may follow on itself in the buffer. */
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

/* What the runs copy, one behind the other in the buffer. */
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
