/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Cuts a transfer into pieces: follows the map of the source, decides on the action for each range,
 * and joins ranges that can be handled together. Invariant: pieces are in disk order and do not
 * overlap; ranges that are skipped are in no piece.
 */

#include "sinter-transfer-plan.h"
#include "sinter-error.h"

/* Amount of zeros written or discarded at a time, so that a cancellation takes effect soon. */
#define ZERO_PIECE_BYTES (64 * 1024 * 1024)
/* Amount that the kernel copies at a time, for the same reason, and so that a rate limit is
 * even. */
#define COPY_PIECE_BYTES (16 * 1024 * 1024)
#define COPY_PIECE_BYTES_MIN (64 * 1024)
#define COPY_RUNS_MAX 128
/* Data that is read ahead is best written while it is in the processor's cache: a piece of this
 * size ends with its run, which is best written in one call. */
#define COPY_READ_BYTES (64 * 1024)

/*
 * A table cannot be read during salvaging: the range up to the next multiple of the piece size is
 * treated as data, and reading it either succeeds or fails.
 */
static gboolean
plan_look_past(SinterTransferState *self, GError **error)
{
    guint64 end = MIN(self->end, (self->at / self->piece_bytes + 1) * self->piece_bytes);

    self->extent = (SinterExtent){ .offset = self->at,
                                   .length = end - self->at,
                                   .kind = SINTER_EXTENT_DATA,
                                   .layer = self->job->first_layer };
    sinter_chain_walk_clear(&self->walk);
    return sinter_chain_walk_init(&self->walk, self->job->source, end, self->end - end,
                                  SINTER_MAP_FILE_HOLES_AUTO, error);
}

/* Makes self->extent cover self->at, which is before the end. */
static gboolean
plan_look(SinterTransferState *self, GError **error)
{
    while (self->at >= self->extent.offset + self->extent.length) {
        if (sinter_chain_walk_next(&self->walk, &self->extent, self->job->salvages ? NULL : error))
            continue;
        if (self->job->salvages)
            return plan_look_past(self, error);
        sinter_error_prefix(
            error, "error while reading block status at offset %" G_GUINT64_FORMAT ": ", self->at);
        return FALSE;
    }
    return TRUE;
}

/* Makes self->same cover self->at; beyond the end of that chain everything is zero. */
static gboolean
plan_look_same(SinterTransferState *self, GError **error)
{
    while (self->at >= self->same.offset + self->same.length) {
        if (!sinter_chain_walk_next(&self->same_walk, &self->same, error))
            return FALSE;
        if (self->same.length == 0)
            self->same = (SinterExtent){ .offset = self->at, .length = self->end - self->at };
    }
    return TRUE;
}

/* Returns whether one of the layers of the transfer decides the extent. */
static gboolean
plan_is_decided(const SinterTransferState *self)
{
    const SinterExtent *extent = &self->extent;

    guint last_end = self->last_layer + (self->job->takes_end ? 1 : 0);

    /* a layer that ends before this position decides that it is zero */
    if (extent->flags & SINTER_EXTENT_BEYOND_END)
        return extent->layer + 1 >= self->job->first_layer &&
               (self->all_layers || extent->layer + 1 <= last_end);
    if (extent->kind == SINTER_EXTENT_HOLE)
        return self->all_layers;
    return extent->layer >= self->job->first_layer && extent->layer <= self->last_layer;
}

/* Zeros: ranges where @unless_same reads as zeros as well are skipped. */
static gboolean
plan_zero_step(SinterTransferState *self, SinterTransferStep *step, GError **error)
{
    step->kind = SINTER_STEP_ZERO;
    if (self->job->unless_same) {
        if (!plan_look_same(self, error))
            return FALSE;
        step->end = MIN(step->end, self->same.offset + self->same.length);
        step->kind = sinter_extent_is_zero(&self->same) ? SINTER_STEP_LEAVE : SINTER_STEP_READ;
    } else if (self->job->zeros == SINTER_TRANSFER_ZEROS_SKIP) {
        step->kind = SINTER_STEP_LEAVE;
    } else if (self->job->zeros == SINTER_TRANSFER_ZEROS_WRITE &&
               self->job->compression == SINTER_TRANSFER_COMPRESS) {
        /* explicit zeros are compressed like other data */
        step->kind = SINTER_STEP_READ;
    }
    return TRUE;
}

/* Returns whether the target accepts compressed clusters of @image unchanged. */
static gboolean
plan_takes_streams(const SinterTransferState *self, const SinterImage *image)
{
    const SinterImageInfo *info = image->info;
    const SinterFormatTraits *traits = self->traits;

    return (traits->flags & SINTER_FORMAT_TAKES_STREAMS) &&
           self->job->compression != SINTER_TRANSFER_PLAIN && !self->job->unless_same &&
           !self->job->salvages && image->format == sinter_handle_get_format(self->job->target) &&
           image->format->read_streams && !image->encrypted &&
           info->cluster_size == traits->cluster_size &&
           g_strcmp0(info->compression, traits->compression) == 0 &&
           (self->job->target_offset - self->job->offset) % traits->cluster_size == 0;
}

/* Compressed: whole clusters are moved unchanged if the target accepts them. */
static void
plan_compressed_step(SinterTransferState *self, SinterTransferStep *step)
{
    const SinterImage *image = sinter_chain_layer(self->job->source, self->extent.layer);
    guint64 size = self->cluster_size ? self->cluster_size : 1;
    guint64 whole_end = step->end / size * size;

    step->kind = SINTER_STEP_READ;
    if (!plan_takes_streams(self, image))
        return;
    /* the last cluster of the disk counts as whole if both disks end there */
    if (step->end == image->virtual_size &&
        step->end + self->job->target_offset - self->job->offset == self->traits->virtual_size)
        whole_end = step->end;
    if (self->at % size != 0) {
        step->end = MIN(step->end, (self->at / size + 1) * size);
    } else if (whole_end > self->at) {
        step->kind = SINTER_STEP_STREAMS;
        step->end = whole_end;
    }
}

/* Returns whether the data at @host can be shared instead of copied, so that zeros in it use no
 * space. */
static gboolean
plan_is_shared(const SinterTransferState *self, guint64 host)
{
    guint64 target = self->at + self->job->target_offset - self->job->offset;

    return self->shares[self->extent.layer] &&
           (!self->cluster_size || self->cluster_size >= SINTER_IO_SHARED_BLOCK_BYTES) &&
           (host - target) % SINTER_IO_SHARED_BLOCK_BYTES == 0;
}

static void
plan_data_step(SinterTransferState *self, SinterTransferStep *step)
{
    const SinterTransfer *job = self->job;
    const SinterExtent *extent = &self->extent;
    guint64 host = extent->host_offset + (self->at - extent->offset);

    step->kind = SINTER_STEP_READ;
    if (job->via_memory || job->salvages || job->unless_same ||
        job->compression == SINTER_TRANSFER_COMPRESS || (extent->flags & SINTER_EXTENT_ENCRYPTED) ||
        !(extent->flags & SINTER_EXTENT_HAS_HOST) ||
        (job->sparse_bytes && !plan_is_shared(self, host)))
        return;
    /* data beyond the end of the file, or only partly in it, is left to the reader */
    if (host >= self->sizes[extent->layer])
        return;
    step->kind = SINTER_STEP_COPY;
    step->end = MIN(step->end, self->at + (self->sizes[extent->layer] - host));
}

/* Cuts @step where the answer of the filter, or what the target holds, changes. */
static gboolean
plan_filter(SinterTransferState *self, SinterTransferStep *step, GError **error)
{
    const SinterTransfer *job = self->job;
    guint64 to_target = job->target_offset - job->offset;
    gboolean skip = FALSE;
    guint64 n = step->end - self->at;

    if (job->filter && !job->filter(self->at, n, &skip, &n, job->filter_data, error))
        return FALSE;
    if (!skip && job->only_missing &&
        !sinter_handle_holds_at(job->target, self->at + to_target, n, &skip, &n, error))
        return FALSE;
    if (skip)
        step->kind = SINTER_STEP_LEAVE;
    step->end = self->at + n;
    return TRUE;
}

/* Returns the end of the target's unit that contains the position @at of the source. */
static guint64
plan_unit_end(const SinterTransferState *self, guint64 at, guint64 unit)
{
    guint64 to_target = self->job->target_offset - self->job->offset;

    return ((at + to_target) / unit + 1) * unit - to_target;
}

/*
 * If everything is decided, rounds the step to whole units of the target, so that no unit is
 * written in two parts: zeros that do not fill a unit are read together with their neighbours.
 */
static void
plan_round(SinterTransferState *self, SinterTransferStep *step)
{
    guint64 to_target = self->job->target_offset - self->job->offset;
    gboolean aligned = (self->at + to_target) % self->unit == 0;
    guint64 floor = (step->end + to_target) / self->unit * self->unit - to_target;

    if (!self->rounds || step->kind == SINTER_STEP_STREAMS)
        return;
    if (step->end == self->end)
        floor = self->end;
    if (step->kind == SINTER_STEP_READ || !aligned || floor <= self->at) {
        guint64 last = step->kind == SINTER_STEP_READ ? step->end - 1 : self->at;

        step->kind = SINTER_STEP_READ;
        step->end = MIN(self->end, plan_unit_end(self, last, self->unit));
    } else {
        step->end = floor;
    }
}

/* A stream always covers its whole cluster. If part of the cluster must be skipped, the rest is
 * read. */
static void
plan_keep_whole(SinterTransferState *self, SinterTransferStep *step, guint64 end_before)
{
    guint64 size = self->cluster_size ? self->cluster_size : 1;
    guint64 whole_end = step->end / size * size;

    if (step->kind != SINTER_STEP_STREAMS || step->end == end_before)
        return;
    if (whole_end > self->at)
        step->end = whole_end;
    else
        step->kind = SINTER_STEP_READ;
}

gboolean
sinter_transfer_plan_adopts(const SinterTransferState *self, SinterTransferStep *step)
{
    guint64 host = self->extent.host_offset + (self->at - self->extent.offset);
    guint64 size = self->cluster_size;
    guint64 within;

    if (step->kind != SINTER_STEP_COPY || !(self->traits->flags & SINTER_FORMAT_ADOPTS) ||
        !plan_is_shared(self, host))
        return FALSE;
    within = (self->at + self->job->target_offset - self->job->offset) % size;
    if (within != 0) {
        step->end = MIN(step->end, self->at + size - within);
        return FALSE;
    }
    if (step->end - self->at < size)
        return FALSE;
    step->end -= (step->end - self->at) % size;
    return TRUE;
}

gboolean
sinter_transfer_plan_step(SinterTransferState *self, SinterTransferStep *step, GError **error)
{
    guint64 end;

    if (!plan_look(self, error))
        return FALSE;
    *step = (SinterTransferStep){ SINTER_STEP_LEAVE, self->extent.offset + self->extent.length };
    if (!plan_is_decided(self))
        return TRUE;
    if (sinter_extent_is_zero(&self->extent)) {
        if (!plan_zero_step(self, step, error))
            return FALSE;
    } else if (self->extent.kind == SINTER_EXTENT_COMPRESSED) {
        plan_compressed_step(self, step);
    } else {
        plan_data_step(self, step);
    }
    end = step->end;
    if (step->kind != SINTER_STEP_LEAVE && !plan_filter(self, step, error))
        return FALSE;
    plan_keep_whole(self, step, end);
    plan_round(self, step);
    return TRUE;
}

/* The same, without the ranges that were adopted. */
static gboolean
plan_step(SinterTransferState *self, SinterTransferStep *step, GError **error)
{
    if (!sinter_transfer_plan_step(self, step, error))
        return FALSE;
    if (self->at >= self->adopted_end)
        return TRUE;
    step->end = MIN(step->end, self->adopted_end);
    if (sinter_transfer_plan_adopts(self, step))
        step->kind = SINTER_STEP_LEAVE;
    return TRUE;
}

static guint64
copy_piece_bytes(const SinterTransfer *job)
{
    guint64 rate = sinter_transfer_get_rate(job);

    return rate ? CLAMP(rate / 10, COPY_PIECE_BYTES_MIN, COPY_PIECE_BYTES) : COPY_PIECE_BYTES;
}

/*
 * Runs that need not be searched: copies and zeros, as many as fit in a piece. Data that the kernel
 * cannot copy is read ahead, as much as the buffer holds.
 */
static void
plan_fill_runs(SinterTransferState *self, SinterTransferPiece *piece, SinterTransferStep step)
{
    SinterIo *from = sinter_chain_get_data_io(self->job->source, self->extent.layer);
    gboolean copies = sinter_handle_copies(self->job->target, from);
    guint64 limit = MIN(copy_piece_bytes(self->job), copies ? G_MAXUINT64 : 2 * self->piece_bytes);
    guint64 copied = 0;
    guint64 zeroed = 0;

    piece->kind = copies ? SINTER_PIECE_RUNS : SINTER_PIECE_COPIES;
    do {
        gboolean zero = step.kind == SINTER_STEP_ZERO;
        guint64 room = zero ? ZERO_PIECE_BYTES - zeroed : limit - copied;
        SinterTransferRun run = {
            .kind = zero ? SINTER_RUN_ZERO : SINTER_RUN_COPY,
            .offset = self->at,
            .length = MIN(step.end - self->at, room),
        };

        if (step.kind != SINTER_STEP_LEAVE) {
            if (!zero) {
                run.layer = self->extent.layer;
                run.from = self->extent.host_offset + (self->at - self->extent.offset);
            }
            sinter_transfer_piece_add(piece, &run);
            *(zero ? &zeroed : &copied) += run.length;
            step.end = self->at + run.length;
        }
        self->at = step.end;
        /* the next piece reports a failure here */
        if (!copies && copied >= COPY_READ_BYTES && step.kind == SINTER_STEP_LEAVE)
            break;
    } while (piece->n_runs < COPY_RUNS_MAX && copied < limit && zeroed < ZERO_PIECE_BYTES &&
             self->at < self->end && plan_step(self, &step, NULL) &&
             (step.kind == SINTER_STEP_COPY || step.kind == SINTER_STEP_ZERO ||
              step.kind == SINTER_STEP_LEAVE));
}

/* Data that must be read, up to a multiple of the piece size in the target. */
static void
plan_fill_read(SinterTransferState *self, SinterTransferPiece *piece, SinterTransferStep step)
{
    guint64 limit = plan_unit_end(self, self->at, self->piece_bytes);
    SinterTransferStepKind kind = step.kind;

    /* each stream is a run */
    if (kind == SINTER_STEP_STREAMS)
        limit = MIN(limit, self->at + (guint64)(SINTER_TRANSFER_RUNS_MAX - 1) * self->cluster_size);
    piece->kind = kind == SINTER_STEP_STREAMS ? SINTER_PIECE_STREAMS : SINTER_PIECE_READ;
    piece->offset = self->at;
    piece->layer = self->extent.layer;
    do {
        self->at = MIN(limit, step.end);
    } while (self->at < limit && self->at < self->end && plan_step(self, &step, NULL) &&
             step.kind == kind && (kind == SINTER_STEP_READ || self->extent.layer == piece->layer));
    piece->length = self->at - piece->offset;
}

gboolean
sinter_transfer_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error)
{
    SinterTransferState *self = user_data;
    SinterTransferPiece *piece = data;
    guint64 before = self->at;
    SinterTransferStep step = { SINTER_STEP_LEAVE, self->at };

    while (step.kind == SINTER_STEP_LEAVE) {
        self->at = step.end;
        *ret_end = self->at >= self->end;
        if (*ret_end)
            return TRUE;
        if (!plan_step(self, &step, error))
            return FALSE;
    }
    if (step.kind == SINTER_STEP_COPY || step.kind == SINTER_STEP_ZERO)
        plan_fill_runs(self, piece, step);
    else
        plan_fill_read(self, piece, step);
    piece->progress = self->at - before;
    return TRUE;
}

gboolean
sinter_transfer_plan_begin(SinterTransferState *self, GError **error)
{
    const SinterTransfer *job = self->job;
    guint n_layers = sinter_chain_get_n_layers(job->source);

    self->sizes = g_new0(guint64, n_layers);
    self->shares = g_new0(gboolean, n_layers);
    for (guint i = 0; i < n_layers; i++) {
        SinterIo *io = sinter_chain_get_data_io(job->source, i);
        SinterIoStat st;

        if (!sinter_io_stat(io, &st, error))
            return FALSE;
        self->sizes[i] = st.size_bytes;
        self->shares[i] = sinter_io_shares_blocks(sinter_handle_get_data_io(job->target), io);
    }
    return sinter_transfer_plan_rewind(self, error);
}

static void
plan_clear_walks(SinterTransferState *self)
{
    sinter_chain_walk_clear(&self->walk);
    sinter_chain_walk_clear(&self->same_walk);
}

gboolean
sinter_transfer_plan_rewind(SinterTransferState *self, GError **error)
{
    const SinterTransfer *job = self->job;

    plan_clear_walks(self);
    self->at = job->offset;
    self->extent = self->same = (SinterExtent){ 0 };
    if (!sinter_chain_walk_init(&self->walk, job->source, job->offset, self->end - job->offset,
                                SINTER_MAP_FILE_HOLES_AUTO, error))
        return FALSE;
    if (job->unless_same) {
        guint64 size = sinter_chain_get_virtual_size(job->unless_same);
        guint64 from = MIN(size, job->offset);

        return sinter_chain_walk_init(&self->same_walk, job->unless_same, from,
                                      MIN(size, self->end) - from, SINTER_MAP_FILE_HOLES_AUTO,
                                      error);
    }
    return TRUE;
}

void
sinter_transfer_plan_end(SinterTransferState *self)
{
    plan_clear_walks(self);
    g_clear_pointer(&self->sizes, g_free);
    g_clear_pointer(&self->shares, g_free);
}
