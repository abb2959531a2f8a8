/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a transfer: writes the pieces to the target, limits the rate, counts. Invariant: after
 * success each byte that the layers of the transfer decide is in the target. One thread at a time
 * allocates places, in disk order unless the job allows pieces to overtake each other, and any
 * thread writes data to its place.
 */

#include "sinter-transfer.h"
#include "sinter-error.h"
#include "sinter-relay.h"
#include "sinter-transfer-adopt.h"
#include "sinter-transfer-plan.h"
#include "sinter-transfer-work.h"

#define PACE_SLICE_USEC 100000
/* Time that was not used to move data is credited up to this limit only: the rate limit protects
 * other users of the storage. */
#define PACE_CREDIT_USEC 500000
/* Of all threads together: bounds the memory with large clusters and many threads. */
#define BUFFERS_MAX_BYTES (32 * 1024 * 1024)
#define THREADS_MIN 2
/* Number of concurrent requests that keep storage busy if writes go directly to it. */
#define THREADS_OF_STORAGE 24

#define WRITE_FAILED "error while writing at byte %" G_GUINT64_FORMAT ": "

static gboolean
transfer_write_zeros(SinterHandle *target, guint64 offset, guint64 length, GError **error)
{
    static const guint8 zeros[64 * 1024];

    while (length > 0) {
        gsize n = (gsize)MIN(length, sizeof zeros);

        if (!sinter_handle_write_at(target, offset, zeros, n, error))
            return FALSE;
        offset += n;
        length -= n;
    }
    return TRUE;
}

static gboolean
transfer_put_zeros(SinterTransferState *self, guint64 offset, guint64 length, GError **error)
{
    switch (self->job->zeros) {
    case SINTER_TRANSFER_ZEROS_SKIP:
        return TRUE;
    case SINTER_TRANSFER_ZEROS_WRITE:
        return transfer_write_zeros(self->job->target, offset, length, error);
    default:
        return sinter_handle_zero_at(self->job->target, offset, length, error);
    }
}

/*
 * Data: allocates its place and leaves the write to transfer_finish(). Data without a place of its
 * own is written immediately.
 */
static gboolean
transfer_place(SinterTransferState *self, SinterTransferPiece *piece, guint64 offset,
               const SinterTransferRun *run, const guint8 *buffer, GError **error)
{
    SinterHandle *target = self->job->target;
    guint64 unit = self->cluster_size ? self->cluster_size : 1;

    for (guint64 done = 0, n; done < run->length; done += n) {
        SinterTransferPlaced *placed = &piece->placed[piece->n_placed];

        n = run->length - done;
        if (!self->places || piece->n_placed == SINTER_TRANSFER_PLACES_MAX)
            return sinter_handle_write_at(target, offset + done, buffer + run->from + done,
                                          (gsize)n, error);
        if (!sinter_handle_place_at(target, offset + done, n, &placed->place, error))
            return FALSE;
        if (placed->place.length > 0) {
            placed->from = run->from + done;
            n = placed->place.length;
            piece->n_placed++;
            continue;
        }
        n = MIN(n, unit - (offset + done) % unit);
        if (!sinter_handle_write_at(target, offset + done, buffer + run->from + done, (gsize)n,
                                    error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
transfer_put_run(SinterTransferState *self, SinterTransferPiece *piece,
                 const SinterTransferRun *run, const guint8 *buffer, GError **error)
{
    SinterHandle *target = self->job->target;
    guint64 offset = run->offset - self->job->offset + self->job->target_offset;
    gboolean ok = FALSE;

    switch (run->kind) {
    case SINTER_RUN_DATA:
        ok = transfer_place(self, piece, offset, run, buffer, error);
        break;
    case SINTER_RUN_ZERO:
        ok = transfer_put_zeros(self, offset, run->length, error);
        break;
    case SINTER_RUN_COPY:
        ok = sinter_handle_copy_at(target, offset,
                                   sinter_chain_get_data_io(self->job->source, run->layer),
                                   run->from, run->length, error);
        break;
    case SINTER_RUN_STREAM:
        ok = sinter_handle_put_compressed_at(target, offset, buffer + run->from, run->bytes, error);
        break;
    }
    if (!ok)
        sinter_error_prefix(error, WRITE_FAILED, offset);
    return ok;
}

/* Releases the places from the index @first on. */
static void
transfer_drop(SinterTransferState *self, const SinterTransferPiece *piece, guint first)
{
    for (guint i = first; i < piece->n_placed; i++)
        sinter_handle_drop_at(self->job->target, &piece->placed[i].place);
}

/* Writes the data to the places allocated for it. */
static gboolean
transfer_finish(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    SinterTransferState *self = user_data;
    const SinterTransferPiece *piece = data;

    for (guint i = 0; i < piece->n_placed; i++) {
        const SinterTransferPlaced *placed = &piece->placed[i];

        if (sinter_handle_put_at(self->job->target, &placed->place, buffer + placed->from, error))
            continue;
        sinter_error_prefix(error, WRITE_FAILED, placed->place.offset);
        transfer_drop(self, piece, i + 1);
        return FALSE;
    }
    return TRUE;
}

static gboolean
transfer_put(SinterTransferState *self, SinterTransferPiece *piece, const guint8 *buffer,
             GError **error)
{
    for (guint i = 0; i < piece->n_runs; i++) {
        if (transfer_put_run(self, piece, &piece->runs[i], buffer, error))
            continue;
        transfer_drop(self, piece, 0);
        return FALSE;
    }
    return TRUE;
}

static void
transfer_count(SinterTransferState *self, const SinterTransferPiece *piece)
{
    guint64 *counts[] = {
        [SINTER_RUN_DATA] = &self->stats.written,
        [SINTER_RUN_ZERO] = &self->stats.zeroed,
        [SINTER_RUN_COPY] = &self->stats.copied,
        [SINTER_RUN_STREAM] = &self->stats.compressed,
    };

    if (piece->kind == SINTER_PIECE_COPIES)
        counts[SINTER_RUN_DATA] = &self->stats.copied;
    for (guint i = 0; i < piece->n_runs; i++) {
        *counts[piece->runs[i].kind] += piece->runs[i].length;
        self->moved_bytes += piece->runs[i].length;
    }
}

/* Returns how long to wait so that the amount moved stays within @rate, since this limit took
 * effect. */
static double
transfer_wait_usec(SinterTransferState *self, guint64 rate)
{
    gint64 now_usec = g_get_monotonic_time();
    double due_usec =
        (double)(self->moved_bytes - self->paced_bytes) / (double)rate * G_USEC_PER_SEC;

    if (self->paced_rate != rate ||
        due_usec + PACE_CREDIT_USEC < (double)(now_usec - self->paced_usec)) {
        self->paced_rate = rate;
        self->paced_usec = now_usec;
        self->paced_bytes = self->moved_bytes;
        return 0;
    }
    return due_usec - (double)(now_usec - self->paced_usec);
}

static void
transfer_pace(SinterTransferState *self)
{
    const SinterTransfer *job = self->job;

    while (!g_cancellable_is_cancelled(job->cancellable)) {
        guint64 rate = sinter_transfer_get_rate(job);
        double wait_usec = rate ? transfer_wait_usec(self, rate) : 0;

        if (wait_usec <= 0)
            break;
        g_usleep((gulong)MIN(wait_usec, PACE_SLICE_USEC));
    }
}

static gboolean
transfer_deliver(gpointer user_data, gpointer data, guint8 *buffer, guint64 *ret_units,
                 GError **error)
{
    SinterTransferState *self = user_data;
    SinterTransferPiece *piece = data;

    if (!transfer_put(self, piece, buffer, error))
        return FALSE;
    transfer_count(self, piece);
    *ret_units = piece->progress;
    self->told_bytes += piece->progress;
    transfer_pace(self);
    return TRUE;
}

/* Sets the range of the source, and which of its layers decide. */
static gboolean
transfer_set_scope(SinterTransferState *self, GError **error)
{
    const SinterTransfer *job = self->job;
    guint layers = sinter_chain_get_n_layers(job->source);
    guint64 size = sinter_chain_get_virtual_size(job->source);
    guint64 length = job->length ? job->length : size - MIN(size, job->offset);

    g_return_val_if_fail(job->first_layer < layers, FALSE);
    self->all_layers = job->n_layers == 0 || job->n_layers == G_MAXUINT;
    self->last_layer = self->all_layers ? layers - 1 : job->first_layer + job->n_layers - 1;
    self->end = job->offset + length;
    self->rounds = self->all_layers && job->first_layer == 0 && !job->only_missing && !job->filter;
    return sinter_chain_check_range(job->source, job->offset, length, error);
}

static void
transfer_set_sizes(SinterTransferState *self)
{
    const SinterTransfer *job = self->job;
    guint64 sparse = MIN(job->sparse_bytes, SINTER_TRANSFER_PIECE_BYTES);

    self->traits = sinter_handle_get_traits(job->target);
    self->cluster_size = self->traits->cluster_size;
    self->places = sinter_handle_get_format(job->target)->write_place &&
                   (job->side_by_side || self->cluster_size);
    self->piece_bytes = SINTER_TRANSFER_PIECE_BYTES;
    self->unit = 1;
    /* zeros are searched for in blocks of the largest power of two up to the requested size */
    self->block = sparse ? G_GUINT64_CONSTANT(1) << (g_bit_storage(sparse) - 1) : 4096;
    self->looks = sparse != 0;
    if (self->cluster_size) {
        self->unit = job->compression == SINTER_TRANSFER_COMPRESS ? self->cluster_size
                                                                  : self->traits->unit_size;
        self->piece_bytes = MAX(self->piece_bytes, self->cluster_size);
        self->block = MAX(self->block, self->unit);
    }
    if (job->compression == SINTER_TRANSFER_COMPRESS)
        self->block = self->unit;
    else if (!self->looks && !job->unless_same)
        self->block = self->piece_bytes;
    self->block = MAX(self->block, self->piece_bytes / SINTER_TRANSFER_BLOCKS_MAX);
}

/* Returns the requested number of threads, limited by the memory for their buffers and by the
 * work. */
static guint
transfer_threads(const SinterTransferState *self, gsize buffer_bytes)
{
    const SinterTransfer *job = self->job;
    guint64 n_pieces = (self->end - job->offset) / self->piece_bytes + 1;
    guint wanted = sinter_relay_threads(job->n_threads);

    /* ranges that the target does not hold go into new clusters, and thus through the page cache */
    if (!job->n_threads && self->places && !job->only_missing &&
        sinter_io_overwrites(sinter_handle_get_data_io(job->target)))
        wanted = THREADS_OF_STORAGE;
    wanted = (guint)MIN(wanted, n_pieces);
    return MIN(wanted, MAX((guint)(BUFFERS_MAX_BYTES / buffer_bytes), THREADS_MIN));
}

static const SinterRelayClass transfer_class = {
    .piece_bytes = sizeof(SinterTransferPiece),
    .clear_bytes = offsetof(SinterTransferPiece, runs),
    .next = sinter_transfer_next,
    .work = sinter_transfer_work,
    .deliver = transfer_deliver,
    .finish = transfer_finish,
};

gboolean
sinter_transfer_run(const SinterTransfer *job, SinterTransferStats *ret, GError **error)
{
    SinterRelayClass klass = transfer_class;
    SinterRelayOptions relay = {
        .unordered = job->unordered,
        .cancellable = job->cancellable,
        .progress = job->progress,
    };
    SinterTransferState self = { .job = job,
                                 .paced_rate = sinter_transfer_get_rate(job),
                                 .paced_usec = g_get_monotonic_time() };
    gboolean ok;

    if (!transfer_set_scope(&self, error))
        return FALSE;
    transfer_set_sizes(&self);
    klass.buffer_bytes = sinter_transfer_buffer_bytes(&self);
    relay.n_threads = transfer_threads(&self, klass.buffer_bytes);
    g_mutex_init(&self.salvaging);
    ok = sinter_transfer_plan_begin(&self, error) && sinter_transfer_adopt(&self, error) &&
         sinter_relay_run(&klass, &relay, &self, error);
    /* ranges skipped at the end are in no piece */
    if (ok)
        sinter_progress_advance(job->progress, self.end - job->offset - self.told_bytes);
    sinter_transfer_plan_end(&self);
    g_mutex_clear(&self.salvaging);
    if (ret)
        *ret = self.stats;
    return ok;
}
