/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares two disks. The two maps are walked in parallel. Ranges that are zero in both are
 * skipped; the rest is read on both sides in pieces, by several threads. Invariant: the result is
 * the first difference in disk order, and a failure after it is not reported; if all differences
 * are wanted, any failure is reported.
 */

#include "sinter/compare.h"
#include "chain/sinter-chain.h"
#include "ops/transfer/sinter-bytes.h"
#include "sinter-error.h"
#include "ops/transfer/sinter-relay.h"

#include <string.h>

#define PIECE_BYTES (512 * 1024)
#define PIECE_SECTORS (PIECE_BYTES / SINTER_SECTOR_BYTES)

enum { A, B };

/* The map of one side, up to the current position. Beyond the end of its disk everything is
 * zero. */
typedef struct {
    SinterChain *chain;
    SinterChainWalk walk;
    SinterExtent extent; /* covers the current position */
    guint64 size;
} Side;

/* All differences: the range that is being joined from those of the pieces. */
typedef struct {
    SinterDifferenceFunc func; /* NULL: only the first difference is wanted */
    gpointer user_data;
    guint64 offset;
    guint64 length; /* 0: none */
} Differences;

typedef struct {
    Side sides[2];
    gboolean strict;
    Differences all;
    guint64 at; /* the next position to map */
    guint64 end;
    gint stage; /* atomic: a SinterCompareStage */
    SinterComparison outcome;
} Compare;

typedef struct {
    guint64 offset;
    gsize length;
    gboolean has_data[2];
    SinterCompareVerdict verdict;
    guint64 differs_at;
    guint8 differs[PIECE_SECTORS / 8]; /* by sector, if all differences are wanted */
    guint64 progress; /* bytes from the end of the previous piece to the end of this one */
} Piece;

/* The property that a strict comparison compares: whether there is data, not its location. */
static guint
extent_status(const SinterExtent *extent)
{
    enum { PRESENT = 1, ZERO = 2, DATA = 4, HAS_HOST = 8 };
    gboolean data = extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED;

    return (extent->kind != SINTER_EXTENT_HOLE ? PRESENT : 0) |
           (sinter_extent_is_zero(extent) ? ZERO : 0) | (data ? DATA : 0) |
           (extent->flags & SINTER_EXTENT_HAS_HOST ? HAS_HOST : 0);
}

static gboolean
side_init(Side *self, SinterChain *chain, GError **error)
{
    self->chain = chain;
    self->size = sinter_chain_get_virtual_size(chain);
    return sinter_chain_walk_init(&self->walk, chain, 0, self->size, SINTER_MAP_FILE_HOLES_AUTO,
                                  error);
}

/* Makes self->extent cover @at; @end is the end of the larger disk. */
static gboolean
side_look(Side *self, guint64 at, guint64 end, GError **error)
{
    if (at < self->extent.offset + self->extent.length)
        return TRUE;
    if (at >= self->size) {
        self->extent = (SinterExtent){ .offset = self->size, .length = end - self->size };
        return TRUE;
    }
    if (sinter_chain_walk_next(&self->walk, &self->extent, error))
        return TRUE;
    sinter_error_prefix(error, "Sector allocation test failed for %s: ",
                        sinter_chain_get_info(self->chain, 0)->path);
    return FALSE;
}

static guint64
side_end(const Side *self)
{
    return self->extent.offset + self->extent.length;
}

static gboolean
compare_look(Compare *self, GError **error)
{
    return side_look(&self->sides[A], self->at, self->end, error) &&
           side_look(&self->sides[B], self->at, self->end, error);
}

/* Returns up to where, from @at on, both maps stay the same. */
static guint64
compare_common_end(const Compare *self)
{
    return MIN(side_end(&self->sides[A]), side_end(&self->sides[B]));
}

/* Strict: returns whether the maps differ here. Beyond the end of one disk they are not
 * compared. */
static gboolean
compare_allocation_differs(const Compare *self)
{
    return self->strict && self->at < self->outcome.common_size &&
           extent_status(&self->sides[A].extent) != extent_status(&self->sides[B].extent);
}

/* Returns whether @piece, which began before the current position, continues there. */
static gboolean
piece_goes_on(const Piece *piece, const Compare *self)
{
    return !compare_allocation_differs(self) &&
           piece->has_data[A] == !sinter_extent_is_zero(&self->sides[A].extent) &&
           piece->has_data[B] == !sinter_extent_is_zero(&self->sides[B].extent);
}

static gboolean
compare_skip_zeros(Compare *self, GError **error)
{
    while (self->at < self->end) {
        if (!compare_look(self, error))
            return FALSE;
        if (compare_allocation_differs(self) || !sinter_extent_is_zero(&self->sides[A].extent) ||
            !sinter_extent_is_zero(&self->sides[B].extent))
            return TRUE;
        self->at = compare_common_end(self);
    }
    return TRUE;
}

/* Extends @piece as far as the maps stay the same, up to a multiple of PIECE_BYTES. */
static void
compare_fill_piece(Compare *self, Piece *piece)
{
    guint64 limit = MIN(self->end, (piece->offset / PIECE_BYTES + 1) * PIECE_BYTES);

    do {
        self->at = MIN(limit, compare_common_end(self));
        piece->length = (gsize)(self->at - piece->offset);
        /* the next piece reports a failure here */
    } while (self->at < limit && compare_look(self, NULL) && piece_goes_on(piece, self));
}

static gboolean
compare_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error)
{
    Compare *self = user_data;
    Piece *piece = data;
    guint64 before = self->at;

    if (!compare_skip_zeros(self, error))
        return FALSE;
    piece->offset = self->at;
    if (self->at >= self->end) {
        *ret_end = before == self->end;
    } else if (compare_allocation_differs(self)) {
        piece->verdict = SINTER_COMPARE_ALLOCATION;
        piece->differs_at = self->at;
    } else {
        piece->has_data[A] = !sinter_extent_is_zero(&self->sides[A].extent);
        piece->has_data[B] = !sinter_extent_is_zero(&self->sides[B].extent);
        compare_fill_piece(self, piece);
    }
    piece->progress = self->at - before;
    return TRUE;
}

/* Returns the offset of the first sector that differs, or @len if none does. */
static gsize
first_difference(const guint8 *a, const guint8 *b, gsize len)
{
    if (memcmp(a, b, len) == 0)
        return len;
    for (gsize at = 0; at < len; at += SINTER_SECTOR_BYTES) {
        if (memcmp(a + at, b + at, MIN(len - at, SINTER_SECTOR_BYTES)) != 0)
            return at;
    }
    return len;
}

static gsize
first_nonzero(const guint8 *a, gsize len)
{
    gsize at = 0;

    if (sinter_bytes_are_zero(a, len))
        return len;
    while (sinter_bytes_are_zero(a + at, MIN(len - at, SINTER_SECTOR_BYTES)))
        at += SINTER_SECTOR_BYTES;
    return at;
}

/* The first sector from @at on where @a differs from @b, or from zeros if @b is NULL. */
static gsize
next_difference(const guint8 *a, const guint8 *b, gsize at, gsize len)
{
    return at + (b ? first_difference(a + at, b + at, len - at) : first_nonzero(a + at, len - at));
}

static void
piece_mark(Piece *piece, const guint8 *a, const guint8 *b)
{
    gsize at = next_difference(a, b, 0, piece->length);

    while (at < piece->length) {
        gsize sector = at / SINTER_SECTOR_BYTES;

        piece->differs[sector / 8] |= (guint8)(1U << sector % 8);
        at = MIN(at + SINTER_SECTOR_BYTES, piece->length);
        at = next_difference(a, b, at, piece->length);
    }
}

static void
differences_end_range(Differences *self)
{
    if (self->length > 0)
        self->func(self->offset, self->length, self->user_data);
    self->length = 0;
}

static void
differences_add(Differences *self, guint64 offset, guint64 length)
{
    if (self->offset + self->length != offset)
        differences_end_range(self);
    if (self->length == 0)
        self->offset = offset;
    self->length += length;
}

static void
differences_add_piece(Differences *self, const Piece *piece)
{
    for (gsize at = 0; at < piece->length; at += SINTER_SECTOR_BYTES) {
        gsize sector = at / SINTER_SECTOR_BYTES;

        if (piece->differs[sector / 8] & 1U << sector % 8)
            differences_add(self, piece->offset + at, MIN(piece->length - at, SINTER_SECTOR_BYTES));
    }
}

static gboolean
compare_work(gpointer user_data, gpointer data, guint8 *buffer, GError **error)
{
    Compare *self = user_data;
    Piece *piece = data;
    guint8 *halves[] = { buffer, buffer + PIECE_BYTES };
    const guint8 *first;
    const guint8 *second;
    gsize at;

    if (piece->length == 0)
        return TRUE;
    for (guint i = A; i <= B; i++) {
        if (piece->has_data[i] && !sinter_chain_read(self->sides[i].chain, piece->offset, halves[i],
                                                     piece->length, error)) {
            sinter_error_prefix(
                error, "Error while reading offset %" G_GUINT64_FORMAT " of %s: ", piece->offset,
                sinter_chain_get_info(self->sides[i].chain, 0)->path);
            g_atomic_int_set(&self->stage, SINTER_COMPARE_READING);
            return FALSE;
        }
    }
    first = halves[piece->has_data[A] ? A : B];
    second = piece->has_data[A] && piece->has_data[B] ? halves[B] : NULL;
    if (self->all.func) {
        piece_mark(piece, first, second);
        return TRUE;
    }
    at = next_difference(first, second, 0, piece->length);
    if (at < piece->length) {
        piece->verdict = SINTER_COMPARE_CONTENT;
        piece->differs_at = piece->offset + at;
    }
    return TRUE;
}

static gboolean
compare_deliver(gpointer user_data, gpointer data, guint8 *buffer, guint64 *ret_units,
                GError **error)
{
    Compare *self = user_data;
    Piece *piece = data;

    if (self->all.func)
        differences_add_piece(&self->all, piece);
    if (piece->verdict == SINTER_COMPARE_SAME)
        *ret_units = piece->progress;
    self->outcome.verdict = piece->verdict;
    self->outcome.offset = piece->differs_at;
    return piece->verdict == SINTER_COMPARE_SAME;
}

static const SinterRelayClass compare_class = {
    .piece_bytes = sizeof(Piece),
    .buffer_bytes = (gsize)2 * PIECE_BYTES,
    .next = compare_next,
    .work = compare_work,
    .deliver = compare_deliver,
};

static gboolean
compare_run(Compare *self, const SinterCompareOptions *options, GError **error)
{
    SinterRelayOptions relay = { .n_threads = options->n_threads,
                                 .cancellable = options->cancellable,
                                 .progress = options->progress };

    sinter_progress_set_total(options->progress, self->end);
    return sinter_relay_run(&compare_class, &relay, self, error);
}

/* Reads both disks, unless their sizes decide. */
static gboolean
compare_disks(Compare *self, SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
              GError **error)
{
    gboolean ok = side_init(&self->sides[A], a, error) && side_init(&self->sides[B], b, error);

    if (ok) {
        self->end = MAX(self->sides[A].size, self->sides[B].size);
        self->outcome.common_size = MIN(self->sides[A].size, self->sides[B].size);
        self->outcome.sizes_differ = self->end != self->outcome.common_size;
        if (self->strict && self->outcome.sizes_differ)
            self->outcome.verdict = SINTER_COMPARE_SIZE;
        else
            ok = compare_run(self, options, error);
    }
    sinter_chain_walk_clear(&self->sides[A].walk);
    sinter_chain_walk_clear(&self->sides[B].walk);
    return ok;
}

gboolean
sinter_compare(SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
               SinterComparison *ret, SinterCompareStage *ret_stage, GError **error)
{
    const SinterCompareOptions full = options ? *options : (SinterCompareOptions){ 0 };
    Compare self = { .strict = full.strict, .stage = SINTER_COMPARE_MAPPING };

    if (compare_disks(&self, a, b, &full, error)) {
        *ret = self.outcome;
        return TRUE;
    }
    if (ret_stage)
        *ret_stage = g_atomic_int_get(&self.stage);
    return FALSE;
}

gboolean
sinter_compare_all(SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
                   SinterDifferenceFunc func, gpointer user_data, GError **error)
{
    const SinterCompareOptions full = options ? *options : (SinterCompareOptions){ 0 };
    Compare self = { .stage = SINTER_COMPARE_MAPPING,
                     .all = { .func = func, .user_data = user_data } };

    if (!compare_disks(&self, a, b, &full, error))
        return FALSE;
    differences_end_range(&self.all);
    return TRUE;
}
