/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The reader: a plan walks the ranges and joins them into runs, a thread reads the runs ahead into
 * a ring of buffers, and the caller's thread passes the pieces to the callback. Invariant: runs are
 * passed on in order; memory is limited to the ring; if holes are skipped, the number of bytes read
 * is proportional to the allocated size of the file.
 *
 *   ranges   [----]  [--]    [--------------------]
 *   runs     |   run 0   |   | run 1  |  run 2    |     gaps up to JOIN_GAP are read, too
 */

#include "qcow2-reader.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#include <string.h>

#define RUN_BYTES (1024 * 1024)
/* One is read while the other is processed: the thread has one read in progress at a time. */
#define RING 2
/* An entry that the end of the file cuts off is padded with zeros. */
#define PAD_BYTES 16
#define PIECE_ALIGN G_GUINT64_CONSTANT(4096)
#define JOIN_GAP G_GUINT64_CONSTANT(32768)
/* Smaller work does not justify a thread. */
#define THREAD_BYTES (4 * RUN_BYTES)

typedef struct {
    guint index;
    guint64 at; /* offset in the range */
    guint64 len;
} Piece;

/* A range of the file and the pieces in it. */
typedef struct {
    guint64 start;
    guint64 end;
    GArray *pieces; /* of Piece */
    guint8 *data;   /* in the ring's block */
    gsize len;      /* bytes in @data */
    GError *error;
} Run;

/* The walk over the ranges. */
typedef struct {
    const SinterQcow2Reader *reader;
    const SinterQcow2Range *ranges;
    guint n;
    guint index; /* range of the next piece */
    guint64 at;  /* and offset in it */
    /* the last extent returned by the file system */
    guint64 extent_start;
    guint64 extent_end;
    gboolean extent_is_hole;
} Plan;

/* Loads the extent that contains @offset into the plan. */
static gboolean
plan_ask(Plan *self, guint64 offset, GError **error)
{
    guint64 file_bytes = self->reader->file_bytes;
    SinterIoExtent extent;

    if (offset >= self->extent_start && offset < self->extent_end)
        return TRUE;
    if (!sinter_io_extent(self->reader->io, offset, file_bytes - offset, &extent, error))
        return FALSE;
    self->extent_start = offset;
    self->extent_end = offset + MAX(extent.length_bytes, 1);
    self->extent_is_hole = extent.is_hole;
    return TRUE;
}

/*
 * Returns the next piece to read, at most RUN_BYTES; *@ret_more is FALSE at the end. It remains the
 * next one until plan_take().
 */
static gboolean
plan_next(Plan *self, Piece *ret, gboolean *ret_more, GError **error)
{
    while (self->index < self->n) {
        SinterQcow2Range range = self->ranges[self->index];
        guint64 end = MIN(range.bytes, self->reader->file_bytes > range.offset
                                           ? self->reader->file_bytes - range.offset
                                           : 0);

        if (self->at >= end) {
            self->index++;
            self->at = 0;
            continue;
        }
        *ret = (Piece){ self->index, self->at, MIN(end - self->at, RUN_BYTES) };
        if (self->reader->skip_holes) {
            guint64 left;

            if (!plan_ask(self, range.offset + self->at, error))
                return FALSE;
            left = self->extent_end - (range.offset + self->at);
            if (self->extent_is_hole && left >= PIECE_ALIGN) {
                self->at += left & ~(PIECE_ALIGN - 1);
                continue;
            }
            if (self->extent_is_hole && left >= end - self->at) {
                self->at = end;
                continue;
            }
            ret->len = MIN(ret->len, (left + PIECE_ALIGN - 1) & ~(PIECE_ALIGN - 1));
        }
        *ret_more = TRUE;
        return TRUE;
    }
    *ret_more = FALSE;
    return TRUE;
}

static void
plan_take(Plan *self, const Piece *piece)
{
    self->at = piece->at + piece->len;
}

/* Fills @run with the next pieces; it stays empty if none are left. */
static gboolean
plan_run(Plan *self, Run *run, GError **error)
{
    Piece piece;
    gboolean more;

    g_array_set_size(run->pieces, 0);
    for (;;) {
        guint64 start;
        guint64 end;

        if (!plan_next(self, &piece, &more, error))
            return FALSE;
        if (!more)
            return TRUE;
        start = self->ranges[piece.index].offset + piece.at;
        end = start + piece.len;
        if (run->pieces->len == 0) {
            run->start = start;
            run->end = end;
        } else if (start < run->start || start > run->end + MIN(JOIN_GAP, piece.len) ||
                   MAX(end, run->end) - run->start > RUN_BYTES) {
            return TRUE;
        }
        run->end = MAX(run->end, end);
        g_array_append_val(run->pieces, piece);
        plan_take(self, &piece);
    }
}

static void
run_read(Run *run, SinterIo *io)
{
    run->len = (gsize)(run->end - run->start);
    sinter_io_read(io, run->start, run->data, run->len, &run->error);
}

gboolean
sinter_qcow2_reader_go_on(const SinterQcow2Reader *self, GError **error)
{
    if (self->cancellable && g_cancellable_is_cancelled(self->cancellable)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED,
                    "'%s': the operation was cancelled", sinter_io_get_path(self->io));
        return FALSE;
    }
    if (self->deadline_usec > 0 && g_get_monotonic_time() >= self->deadline_usec) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT,
                    "'%s': the time limit was exceeded", sinter_io_get_path(self->io));
        return FALSE;
    }
    return TRUE;
}

/* Passes the content of @run to the callback. */
static gboolean
run_hand_out(const SinterQcow2Reader *self, Run *run, const SinterQcow2Range *ranges,
             SinterQcow2PieceFunc func, gpointer user_data, GError **error)
{
    if (!sinter_qcow2_reader_go_on(self, error))
        return FALSE;
    if (run->error) {
        if (self->failed &&
            self->failed(run->error, run->start, run->end - run->start, self->failed_data)) {
            g_clear_error(&run->error);
            return TRUE;
        }
        g_propagate_error(error, g_steal_pointer(&run->error));
        return FALSE;
    }
    memset(run->data + run->len, 0, PAD_BYTES);
    for (guint i = 0; i < run->pieces->len; i++) {
        Piece piece = g_array_index(run->pieces, Piece, i);
        guint64 offset = ranges[piece.index].offset + piece.at;
        guint64 left = ranges[piece.index].bytes - piece.at;
        guint64 len = MIN((piece.len + PAD_BYTES - 1) & ~(guint64)(PAD_BYTES - 1), left);

        if (!func(piece.index, piece.at, run->data + (offset - run->start), (gsize)len, user_data,
                  error))
            return FALSE;
        sinter_progress_advance(self->progress, piece.len);
    }
    return TRUE;
}

/* The ring: the reading thread fills it, the caller's thread empties it. */
typedef struct {
    Plan plan;
    Run runs[RING];
    guint8 *block;
    GMutex mutex; /* guards all below; the two numbers say which thread may access a run */
    GCond changed;
    guint64 n_filled;
    guint64 n_emptied;
    gboolean at_end; /* no run after n_filled */
    gboolean stop;
    GError *error; /* of the plan */
} Ring;

/*
 * Returns the size of the longest run for ranges of @total bytes: a gap is at most as long as what
 * follows.
 */
static gsize
run_room(guint64 total)
{
    return (gsize)MIN(total * 2, RUN_BYTES) + PAD_BYTES;
}

static void
ring_init(Ring *self, const SinterQcow2Reader *reader, const SinterQcow2Range *ranges, guint n,
          gsize room, guint n_runs)
{
    self->plan = (Plan){ .reader = reader, .ranges = ranges, .n = n };
    self->block = g_malloc(room * n_runs);
    for (guint i = 0; i < n_runs; i++) {
        self->runs[i].pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
        self->runs[i].data = self->block + room * i;
    }
    g_mutex_init(&self->mutex);
    g_cond_init(&self->changed);
}

static void
ring_clear(Ring *self)
{
    for (guint i = 0; i < RING; i++) {
        if (self->runs[i].pieces)
            g_array_unref(self->runs[i].pieces);
        g_clear_error(&self->runs[i].error);
    }
    g_free(self->block);
    g_clear_error(&self->error);
    g_mutex_clear(&self->mutex);
    g_cond_clear(&self->changed);
}

/* Waits for a free run; FALSE if reading has ended. */
static gboolean
ring_wait_free(Ring *self)
{
    gboolean go_on;

    g_mutex_lock(&self->mutex);
    while (!self->stop && self->n_filled - self->n_emptied == RING)
        g_cond_wait(&self->changed, &self->mutex);
    go_on = !self->stop;
    g_mutex_unlock(&self->mutex);
    return go_on;
}

static gpointer
ring_read_ahead(gpointer data)
{
    Ring *self = data;
    GError *error = NULL;
    gboolean at_end = FALSE;

    while (!at_end && ring_wait_free(self)) {
        Run *run = &self->runs[self->n_filled % RING];

        at_end = !plan_run(&self->plan, run, &error) || run->pieces->len == 0;
        if (!at_end)
            run_read(run, self->plan.reader->io);
        g_mutex_lock(&self->mutex);
        if (!at_end)
            self->n_filled++;
        self->at_end = at_end;
        self->error = error;
        g_cond_signal(&self->changed);
        g_mutex_unlock(&self->mutex);
    }
    return NULL;
}

/* Returns the next filled run, or NULL at the end. */
static Run *
ring_wait_filled(Ring *self)
{
    Run *run = NULL;

    g_mutex_lock(&self->mutex);
    while (!self->at_end && self->n_filled == self->n_emptied)
        g_cond_wait(&self->changed, &self->mutex);
    if (self->n_filled > self->n_emptied)
        run = &self->runs[self->n_emptied % RING];
    g_mutex_unlock(&self->mutex);
    return run;
}

static void
ring_give_back(Ring *self, gboolean go_on)
{
    g_mutex_lock(&self->mutex);
    self->n_emptied++;
    self->stop = !go_on;
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->mutex);
}

static gboolean
run_ahead(const SinterQcow2Reader *self, const SinterQcow2Range *ranges, guint n,
          SinterQcow2PieceFunc func, gpointer user_data, GError **error)
{
    Ring ring = { 0 };
    GThread *thread;
    gboolean ok = TRUE;
    Run *run;

    ring_init(&ring, self, ranges, n, run_room(RUN_BYTES), RING);
    thread = g_thread_new("sinter-reader", ring_read_ahead, &ring);
    while (ok && (run = ring_wait_filled(&ring))) {
        ok = run_hand_out(self, run, ranges, func, user_data, error);
        ring_give_back(&ring, ok);
    }
    g_thread_join(thread);
    if (ok && ring.error) {
        g_propagate_error(error, g_steal_pointer(&ring.error));
        ok = FALSE;
    }
    ring_clear(&ring);
    return ok;
}

static gboolean
run_plainly(const SinterQcow2Reader *self, const SinterQcow2Range *ranges, guint n, guint64 total,
            SinterQcow2PieceFunc func, gpointer user_data, GError **error)
{
    Ring ring = { 0 };
    Run *run = &ring.runs[0];
    gboolean ok;

    ring_init(&ring, self, ranges, n, run_room(total), 1);
    while ((ok = plan_run(&ring.plan, run, error)) && run->pieces->len > 0) {
        run_read(run, self->io);
        ok = run_hand_out(self, run, ranges, func, user_data, error);
        if (!ok)
            break;
    }
    ring_clear(&ring);
    return ok;
}

gboolean
sinter_qcow2_reader_run(const SinterQcow2Reader *self, const SinterQcow2Range *ranges, guint n,
                        SinterQcow2PieceFunc func, gpointer user_data, GError **error)
{
    guint64 total = 0;

    if (n == 0)
        return TRUE;
    for (guint i = 0; i < n && total < THREAD_BYTES; i++)
        total += MIN(ranges[i].bytes, THREAD_BYTES);
    if (total < THREAD_BYTES)
        return run_plainly(self, ranges, n, total, func, user_data, error);
    return run_ahead(self, ranges, n, func, user_data, error);
}
