/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the cluster size of an image from its L2 tables: their entries are multiples of it, and
 * half of them of nothing larger. Invariant: only sectors all of whose 8 or 16 byte units are
 * entries or zeros count; sizes that a good part of these sectors suggest are all reported.
 */

#include "qcow2-rescue-geometry.h"
#include "qcow2/layout/qcow2-layout.h"
#include "qcow2/layout/qcow2-reader.h"
#include "sinter-progress.h"

#define SECTOR_BYTES 512
#define WORDS (SECTOR_BYTES / 8)
/* Fewer entries in a sector may be an accident. */
#define ENTRIES_MIN 8
/* A size is a candidate if one sector in so many suggests it. */
#define CANDIDATE_SHARE 8
#define NOT_AN_ENTRY (SINTER_QCOW2_COMPRESSED | SINTER_QCOW2_L2_RESERVED)

typedef struct {
    guint64 file_bytes;
    guint64 by_bits[2][64]; /* sectors, plain and extended, by the alignment of their entries */
} Histogram;

static gboolean
is_entry(guint64 word, guint64 file_bytes)
{
    guint64 offset = word & SINTER_QCOW2_OFFSET_MASK;

    return (word & SINTER_QCOW2_COPIED) != 0 && (word & NOT_AN_ENTRY) == 0 && offset != 0 &&
           offset < file_bytes;
}

static guint32
trailing_zeros(guint64 value)
{
    return value ? (guint32)__builtin_ctzll(value) : 63;
}

/* Returns the number of entries at each @step words; 0 if one is not an entry. */
static guint32
count_entries(const guint8 *sector, guint64 file_bytes, guint step, guint32 *ret_bits)
{
    guint64 all = 0;
    guint32 n = 0;

    for (guint i = 0; i < WORDS; i += step) {
        guint64 word = sinter_be64_load(sector + i * 8);
        guint64 bitmap = step == 2 ? sinter_be64_load(sector + i * 8 + 8) : 0;

        if ((word == 0 && bitmap == 0) || (step == 1 && word == SINTER_QCOW2_ZERO))
            continue;
        if (!is_entry(word, file_bytes) || ((guint32)bitmap & (guint32)(bitmap >> 32)) != 0)
            return 0;
        /* the bitmap of an entry is never an entry */
        if (step == 2 && (bitmap == 0 || is_entry(bitmap, file_bytes)))
            return 0;
        all |= word & SINTER_QCOW2_OFFSET_MASK;
        n++;
    }
    *ret_bits = trailing_zeros(all);
    return n;
}

SinterQcow2TableSector
sinter_qcow2_examine_sector(const guint8 *sector, guint64 file_bytes)
{
    SinterQcow2TableSector found = { 0 };

    found.n_plain = count_entries(sector, file_bytes, 1, &found.align_bits);
    if (found.n_plain == 0)
        found.n_extended = count_entries(sector, file_bytes, 2, &found.align_bits);
    return found;
}

static gboolean
histogram_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
                GError **error)
{
    Histogram *self = user_data;

    for (gsize i = 0; i + SECTOR_BYTES <= len; i += SECTOR_BYTES) {
        SinterQcow2TableSector found;

        /* most sectors differ here already */
        if ((data[i] & 0x7f) != 0)
            continue;
        found = sinter_qcow2_examine_sector(data + i, self->file_bytes);
        if (found.n_plain >= ENTRIES_MIN)
            self->by_bits[0][found.align_bits]++;
        else if (found.n_extended >= ENTRIES_MIN / 2)
            self->by_bits[1][found.align_bits]++;
    }
    return TRUE;
}

static guint64
histogram_sum(const guint64 *by_bits, guint *ret_best)
{
    guint64 sum = 0;

    *ret_best = SINTER_QCOW2_CLUSTER_BITS_MIN;
    for (guint bits = SINTER_QCOW2_CLUSTER_BITS_MIN; bits <= SINTER_QCOW2_CLUSTER_BITS_MAX;
         bits++) {
        sum += by_bits[bits];
        if (by_bits[bits] > by_bits[*ret_best])
            *ret_best = bits;
    }
    return sum;
}

static void
histogram_choose(const Histogram *self, SinterQcow2GuessedGeometry *ret)
{
    guint best_plain;
    guint best_extended;
    guint64 n_plain = histogram_sum(self->by_bits[0], &best_plain);
    guint64 n_extended = histogram_sum(self->by_bits[1], &best_extended);
    guint64 sum = MAX(n_plain, n_extended);
    guint best = n_extended > n_plain ? best_extended : best_plain;

    *ret = (SinterQcow2GuessedGeometry){ .extended_l2 = n_extended > n_plain };
    if (sum == 0)
        return;
    ret->cluster_bits[ret->n_candidates++] = best;
    for (guint bits = SINTER_QCOW2_CLUSTER_BITS_MIN; bits <= SINTER_QCOW2_CLUSTER_BITS_MAX;
         bits++) {
        if (bits != best && ret->n_candidates < G_N_ELEMENTS(ret->cluster_bits) &&
            self->by_bits[ret->extended_l2][bits] >= MAX(sum / CANDIDATE_SHARE, 1))
            ret->cluster_bits[ret->n_candidates++] = bits;
    }
}

static gboolean
skip_unreadable(const GError *failed, guint64 offset, guint64 bytes, gpointer user_data)
{
    return TRUE;
}

gboolean
sinter_qcow2_guess_geometry(SinterIo *io, guint64 file_bytes, GCancellable *cancellable,
                            SinterProgress *progress, SinterQcow2GuessedGeometry *ret,
                            GError **error)
{
    const SinterQcow2Range range = { 0, file_bytes };
    Histogram histogram = { .file_bytes = file_bytes };
    const SinterQcow2Reader reader = {
        .io = io,
        .file_bytes = file_bytes,
        .skip_holes = TRUE,
        .cancellable = cancellable,
        .progress = progress,
        .failed = skip_unreadable,
    };

    sinter_progress_set_total(progress, file_bytes);
    if (!sinter_qcow2_reader_run(&reader, &range, 1, histogram_piece, &histogram, error))
        return FALSE;
    histogram_choose(&histogram, ret);
    return TRUE;
}
