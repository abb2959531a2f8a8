/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Copies disks into a file. The map says what must be read; what is read is searched for zeros,
 * so that the target becomes as sparse as it can. What holds: after a success each byte of the
 * target's range is the guest's, whether it was written or is zero by what the target is.
 */

#include "sinter-copy.h"
#include "chain/sinter-chain.h"
#include "sinter-bytes.h"
#include "sinter-error.h"
#include "sinter-relay.h"

#define PIECE_BYTES (512 * 1024)
/* Zeros that are written or discarded: as much at a time, so that a stop is soon heard. */
#define ZERO_PIECE_BYTES (64 * 1024 * 1024)
#define SALVAGE_MIN_BYTES 4096
#define PACE_SLICE_USEC 100000

typedef struct {
    guint32 start;
    guint32 length;
} Run;

typedef struct {
    SinterChain *source;
    guint64 offset; /* in the source */
    guint64 target_offset;
    guint64 length;
    gboolean is_zero;
    guint64 progress; /* bytes from the end of the piece before to the end of this one */
    guint n_runs;     /* of what is not zero, in order */
    Run runs[PIECE_BYTES / SINTER_SECTOR_BYTES / 2 + 1];
} Piece;

typedef struct {
    const SinterCopyJob *job;
    gboolean writes_zeros; /* in full: nothing is left out */
    guint64 sparse_bytes;
    guint64 sparse_unit; /* the power of two up to it: zeros are looked for in such blocks */

    /* where the next piece begins */
    guint source;
    gboolean walking;
    SinterChainWalk walk;
    SinterExtent extent;
    guint64 at;   /* in the source */
    guint64 base; /* of the source, in the target */

    gint64 started_usec;
    guint64 written_bytes;
    GMutex salvaging; /* one call of the salvage function at a time */
} Copy;

gboolean
sinter_copy_total_bytes(const SinterCopyJob *job, guint64 *ret, GError **error)
{
    guint64 total = 0;

    for (guint i = 0; i < job->n_sources; i++) {
        if (!g_uint64_checked_add(&total, total, sinter_chain_get_virtual_size(job->sources[i])) ||
            total > G_MAXINT64) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "the images together are larger than a file can be");
            return FALSE;
        }
    }
    *ret = total;
    return TRUE;
}

static void
copy_end_source(Copy *self)
{
    sinter_chain_walk_clear(&self->walk);
    self->walking = FALSE;
    self->base += self->at;
    self->source++;
}

/*
 * A table that cannot be read, while salvaging: a stretch that ends with the next multiple of
 * PIECE_BYTES is taken for data, and reading it will fail or not.
 */
static gboolean
copy_look_past(Copy *self, GError **error)
{
    SinterChain *chain = self->job->sources[self->source];
    guint64 size = sinter_chain_get_virtual_size(chain);
    guint64 end = MIN(size, (self->at / PIECE_BYTES + 1) * PIECE_BYTES);

    self->extent =
        (SinterExtent){ .offset = self->at, .length = end - self->at, .kind = SINTER_EXTENT_DATA };
    sinter_chain_walk_clear(&self->walk);
    return sinter_chain_walk_init(&self->walk, chain, end, size - end, SINTER_MAP_FILE_HOLES_AUTO,
                                  error);
}

/* Makes self->extent cover self->at in the current source; length 0 where the source ends. */
static gboolean
copy_look(Copy *self, GError **error)
{
    gboolean salvages = (self->job->options->flags & SINTER_CONVERT_SALVAGE) != 0;

    if (self->at < self->extent.offset + self->extent.length)
        return TRUE;
    if (sinter_chain_walk_next(&self->walk, &self->extent, salvages ? NULL : error))
        return TRUE;
    if (salvages)
        return copy_look_past(self, error);
    g_prefix_error(error, "error while reading block status at offset %" G_GUINT64_FORMAT ": ",
                   self->at);
    return FALSE;
}

static gboolean
copy_begin_source(Copy *self, GError **error)
{
    SinterChain *chain = self->job->sources[self->source];

    self->at = 0;
    self->extent = (SinterExtent){ 0 };
    self->walking =
        sinter_chain_walk_init(&self->walk, chain, 0, sinter_chain_get_virtual_size(chain),
                               SINTER_MAP_FILE_HOLES_AUTO, error);
    return self->walking;
}

/* Goes to the next place that a piece must be made of. @ret_end: there is none. */
static gboolean
copy_find(Copy *self, gboolean *ret_end, GError **error)
{
    for (;;) {
        if (!self->walking && self->source == self->job->n_sources) {
            *ret_end = TRUE;
            return TRUE;
        }
        if (!self->walking && !copy_begin_source(self, error))
            return FALSE;
        if (!copy_look(self, error))
            return FALSE;
        if (self->extent.length == 0)
            copy_end_source(self);
        else if (sinter_extent_is_zero(&self->extent) && !self->writes_zeros &&
                 self->job->target_is_zero)
            self->at = self->extent.offset + self->extent.length;
        else
            return TRUE;
    }
}

static void
copy_fill_zero_piece(Copy *self, Piece *piece)
{
    guint64 end = self->extent.offset + self->extent.length;

    piece->is_zero = TRUE;
    piece->length = MIN(end - self->at, ZERO_PIECE_BYTES);
    self->at += piece->length;
}

/* Data up to a multiple of PIECE_BYTES, as long as no zeros come. */
static void
copy_fill_data_piece(Copy *self, Piece *piece)
{
    guint64 limit = (self->at / PIECE_BYTES + 1) * PIECE_BYTES;

    do {
        self->at = MIN(limit, self->extent.offset + self->extent.length);
        piece->length = self->at - piece->offset;
        /* a failure here is told by the next piece */
    } while (self->at < limit && copy_look(self, NULL) && self->extent.length > 0 &&
             !sinter_extent_is_zero(&self->extent));
}

static gboolean
copy_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error)
{
    Copy *self = user_data;
    Piece *piece = data;
    guint64 before = self->base + (self->walking ? self->at : 0);

    if (!copy_find(self, ret_end, error))
        return FALSE;
    if (*ret_end)
        return TRUE;
    piece->source = self->job->sources[self->source];
    piece->offset = self->at;
    piece->target_offset = self->base + self->at;
    if (sinter_extent_is_zero(&self->extent))
        copy_fill_zero_piece(self, piece);
    else
        copy_fill_data_piece(self, piece);
    piece->progress = self->base + self->at - before;
    return TRUE;
}

static void
copy_tell_salvaged(Copy *self, guint64 offset, guint64 length, const GError *error)
{
    const SinterConvertOptions *options = self->job->options;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->salvaging);

    if (options->salvaged)
        options->salvaged(offset, length, error, options->salvaged_data);
}

/* Reads what can be read, in ever smaller parts, and leaves zeros where nothing can. */
static void
copy_salvage(Copy *self, const Piece *piece, guint64 from, guint64 length, guint8 *buffer)
{
    g_autoptr(GError) error = NULL;
    guint64 half = length / 2 / SALVAGE_MIN_BYTES * SALVAGE_MIN_BYTES;

    if (sinter_chain_read(piece->source, piece->offset + from, buffer + from, (gsize)length,
                          &error))
        return;
    if (half > 0) {
        copy_salvage(self, piece, from, half, buffer);
        copy_salvage(self, piece, from + half, length - half, buffer);
        return;
    }
    memset(buffer + from, 0, (gsize)length);
    copy_tell_salvaged(self, piece->target_offset + from, length, error);
}

static void
piece_add_run(Piece *piece, guint32 start, guint32 end)
{
    piece->runs[piece->n_runs++] = (Run){ start, end - start };
}

/* Finds the runs that must be written: zeros are left out in aligned blocks. */
static void
copy_find_runs(const Copy *self, Piece *piece, const guint8 *buffer)
{
    guint32 length = (guint32)piece->length;
    guint32 min_zeros = (guint32)MIN(self->sparse_bytes, length);
    guint32 start = 0; /* of the run that is open */
    guint32 end = 0;   /* of its last block with data */
    guint32 at = 0;

    while (at < length) {
        guint64 unit_end =
            ((piece->target_offset + at) / self->sparse_unit + 1) * self->sparse_unit;
        guint32 n = (guint32)MIN(length - at, unit_end - piece->target_offset - at);

        if (!sinter_bytes_are_zero(buffer + at, n)) {
            if (end > start && at - end >= min_zeros) {
                piece_add_run(piece, start, end);
                start = at;
            } else if (end == start) {
                start = at;
            }
            end = at + n;
        }
        at += n;
    }
    if (end > start)
        piece_add_run(piece, start, end);
}

static gboolean
copy_work(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    Copy *self = user_data;
    Piece *piece = data;
    gboolean salvages = (self->job->options->flags & SINTER_CONVERT_SALVAGE) != 0;

    if (piece->is_zero)
        return TRUE;
    if (salvages) {
        copy_salvage(self, piece, 0, piece->length, buffer);
    } else if (!sinter_chain_read(piece->source, piece->offset, buffer, (gsize)piece->length,
                                  error)) {
        g_prefix_error(error, "error while reading at byte %" G_GUINT64_FORMAT ": ",
                       piece->target_offset);
        return FALSE;
    }
    if (self->writes_zeros)
        piece_add_run(piece, 0, (guint32)piece->length);
    else
        copy_find_runs(self, piece, buffer);
    return TRUE;
}

static gboolean
copy_put_zeros(Copy *self, guint64 offset, guint64 length, GError **error)
{
    if (length == 0)
        return TRUE;
    if (self->writes_zeros)
        return sinter_io_write_zeros(self->job->target, offset, length, error);
    return self->job->target_is_zero || sinter_io_discard(self->job->target, offset, length, error);
}

static gboolean
copy_put(Copy *self, const Piece *piece, const guint8 *buffer, GError **error)
{
    guint64 at = piece->target_offset;
    guint64 end = at + piece->length;

    for (guint i = 0; i < piece->n_runs; i++) {
        const Run *run = &piece->runs[i];
        guint64 start = piece->target_offset + run->start;

        if (!copy_put_zeros(self, at, start - at, error) ||
            !sinter_io_write(self->job->target, start, buffer + run->start, run->length, error))
            return FALSE;
        at = start + run->length;
    }
    return copy_put_zeros(self, at, end - at, error);
}

/* Waits until no more was written than the rate allows. */
static void
copy_pace(Copy *self, guint64 bytes)
{
    const SinterConvertOptions *options = self->job->options;
    double due_usec;

    self->written_bytes += bytes;
    if (options->rate_bytes_per_sec == 0)
        return;
    due_usec = (double)self->written_bytes / (double)options->rate_bytes_per_sec * G_USEC_PER_SEC;
    while (!g_cancellable_is_cancelled(options->cancellable)) {
        double wait_usec = due_usec - (double)(g_get_monotonic_time() - self->started_usec);

        if (wait_usec <= 0)
            break;
        g_usleep((gulong)MIN(wait_usec, PACE_SLICE_USEC));
    }
}

static gboolean
copy_deliver(gpointer user_data, gpointer data, guint8 *buffer, guint64 *ret_units, GError **error)
{
    Copy *self = user_data;
    const Piece *piece = data;

    if (!copy_put(self, piece, buffer, error)) {
        g_prefix_error(error, "error while writing at byte %" G_GUINT64_FORMAT ": ",
                       piece->target_offset);
        return FALSE;
    }
    *ret_units = piece->progress;
    copy_pace(self, piece->length);
    return TRUE;
}

static const SinterRelayClass copy_class = {
    .piece_bytes = sizeof(Piece),
    .buffer_bytes = PIECE_BYTES,
    .next = copy_next,
    .work = copy_work,
    .deliver = copy_deliver,
};

gboolean
sinter_copy_run(const SinterCopyJob *job, GError **error)
{
    const SinterConvertOptions *options = job->options;
    SinterRelayOptions relay = {
        .n_threads = options->n_threads,
        .unordered = !job->in_order && (options->flags & SINTER_CONVERT_UNORDERED) != 0,
        .cancellable = options->cancellable,
        .progress = options->progress,
    };
    Copy self = { .job = job, .started_usec = g_get_monotonic_time() };
    guint64 total;
    gboolean ok;

    if (!sinter_copy_total_bytes(job, &total, error))
        return FALSE;
    self.writes_zeros = job->in_order || (options->flags & SINTER_CONVERT_FULL) != 0;
    self.sparse_bytes = options->sparse_bytes ? options->sparse_bytes : SINTER_CONVERT_SPARSE_BYTES;
    self.sparse_unit = G_GUINT64_CONSTANT(1) << (g_bit_storage(self.sparse_bytes) - 1);
    g_mutex_init(&self.salvaging);
    sinter_progress_set_total(options->progress, total);
    ok = sinter_relay_run(&copy_class, &relay, &self, error);
    if (self.walking)
        sinter_chain_walk_clear(&self.walk);
    g_mutex_clear(&self.salvaging);
    return ok;
}
