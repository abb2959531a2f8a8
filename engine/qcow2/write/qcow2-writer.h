/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A qcow2 image that is open for writing. Guest data goes to the file at once; refcounts and
 * mapping change in memory and reach the file in epochs (qcow2-flush.c), so that a cut at any
 * moment leaves unused clusters at worst:
 *
 *   data, refcounts that grew | flush | L2 tables | flush | L1 | flush | refcounts that shrank
 *
 * A cluster that the guest no longer uses is counted down, and can be used again, only after the
 * mapping without it is durable.
 *
 * Not thread-safe: the handle's lock covers it.
 */

#include "qcow2-alloc.h"
#include "qcow2-flush.h"

G_BEGIN_DECLS

typedef struct {
    SinterIoFlags io_flags; /* for the further files */
    gboolean probe_backing;
    gboolean no_backing;   /* no backing file is opened: to need what it holds is an error */
    gboolean no_recording; /* bitmaps are the caller's care: none records what is written */
    SinterChain *backing;  /* nullable, taken in any case: in place of the one that is named */
    SinterIo *data_io;     /* nullable, open and locked: in place of the data file that is named */
} SinterQcow2WriterOptions;

/*
 * Opens @io, which is locked already, for writing. Refuses what cannot be written safely, opens
 * data file and backing file, and clears autoclear bits that nobody here maintains.
 */
SinterQcow2Writer *sinter_qcow2_writer_open(SinterFs *fs, SinterIo *io,
                                            const SinterQcow2WriterOptions *options,
                                            GError **error);

/* The end of the work: all is durable, nothing leaks, and bitmaps that record writes are stored. */
gboolean sinter_qcow2_writer_close(SinterQcow2Writer *self, GError **error);

/*
 * Drops what was not flushed; bitmaps that recorded it are stored all the same, as far as they fit,
 * with what was recorded. Accepts NULL and half-open writers.
 */
void sinter_qcow2_writer_free(SinterQcow2Writer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Writer, sinter_qcow2_writer_free)

/* The ranges of all below lie inside the virtual size. */

gboolean sinter_qcow2_writer_read(SinterQcow2Writer *self, guint64 offset, void *buf, gsize len,
                                  GError **error);
gboolean sinter_qcow2_writer_write(SinterQcow2Writer *self, guint64 offset, const void *buf,
                                   gsize len, GError **error);
/* The same with the bytes of @from from @from_offset on, all of which must be there. */
gboolean sinter_qcow2_writer_copy(SinterQcow2Writer *self, guint64 offset, SinterIo *from,
                                  guint64 from_offset, guint64 len, GError **error);
/*
 * Makes @data, @n_bytes of a compressed stream of the image's type, the content of the whole
 * cluster at @offset. The bytes are packed behind those of the stream before.
 */
gboolean sinter_qcow2_writer_put_compressed(SinterQcow2Writer *self, guint64 offset,
                                            const void *data, gsize n_bytes, GError **error);
/*
 * Whether the image itself holds the first bytes of the range, whatever they are, and how many
 * that is true for.
 */
gboolean sinter_qcow2_writer_holds(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                   gboolean *ret_held, guint64 *ret_len, GError **error);
/* The range reads as zeros afterwards. */
gboolean sinter_qcow2_writer_zero(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                  GError **error);
/* Whole clusters of the range are given back and read as zeros; the rest keeps its content. */
gboolean sinter_qcow2_writer_discard(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                     GError **error);

/* Mapping (qcow2-writer.c). */

/* The L2 table that maps @offset, in @ret; NULL there where there is none. */
gboolean sinter_qcow2_writer_l2_get(SinterQcow2Writer *self, guint64 offset, SinterQcow2Table **ret,
                                    GError **error);
/* The same for changing: made where there is none, copied where a snapshot shares it. */
SinterQcow2Table *sinter_qcow2_writer_l2_own(SinterQcow2Writer *self, guint64 offset,
                                             GError **error);

/* The L1 entry at @index is @entry from now on. */
void sinter_qcow2_writer_l1_set(SinterQcow2Writer *self, guint32 index, guint64 entry);

G_END_DECLS
