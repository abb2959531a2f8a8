/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A qcow2 image that is open for writing. Guest data is written to the file at once; refcounts and
 * mapping change in memory and reach the file in epochs (qcow2-flush.c), so a crash at any moment
 * leaves leaked clusters at worst:
 *
 *   data, incremented refcounts | flush | L2 tables | flush | L1 | flush | decremented refcounts
 *
 * The refcount of a cluster that the guest no longer uses is decremented, and the cluster reused,
 * only after the mapping without it is durable.
 *
 * Not thread-safe: protected by the handle's lock.
 */

#include "qcow2-alloc.h"
#include "qcow2-flush.h"

G_BEGIN_DECLS

typedef struct {
    SinterIoFlags io_flags; /* for the further files */
    gboolean probe_backing;
    gboolean no_backing;   /* open no backing file: an operation that needs its content fails */
    gboolean no_recording; /* the caller maintains the bitmaps: none records writes */
    SinterChain *backing;  /* nullable, always taken: used instead of the image's backing file */
    SinterIo *data_io;     /* nullable, open and locked: used instead of the image's data file */
} SinterQcow2WriterOptions;

/*
 * Opens @io, which must be locked, for writing. Refuses images that cannot be written safely, opens
 * data file and backing file, and clears autoclear bits that this engine does not maintain.
 */
SinterQcow2Writer *sinter_qcow2_writer_open(SinterFs *fs, SinterIo *io,
                                            const SinterQcow2WriterOptions *options,
                                            GError **error);

/*
 * Completes the work: everything is durable, nothing leaks, and bitmaps that record writes are
 * stored.
 */
gboolean sinter_qcow2_writer_close(SinterQcow2Writer *self, GError **error);

/*
 * Drops what was not flushed, but stores bitmaps that recorded it, as far as they fit. Accepts NULL
 * and half-open writers.
 */
void sinter_qcow2_writer_free(SinterQcow2Writer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Writer, sinter_qcow2_writer_free)

/* The ranges of all functions below must be inside the virtual size. */

gboolean sinter_qcow2_writer_read(SinterQcow2Writer *self, guint64 offset, void *buf, gsize len,
                                  GError **error);
gboolean sinter_qcow2_writer_write(SinterQcow2Writer *self, guint64 offset, const void *buf,
                                   gsize len, GError **error);
/* The same with the bytes of @from from @from_offset on, which must all exist. */
gboolean sinter_qcow2_writer_copy(SinterQcow2Writer *self, guint64 offset, SinterIo *from,
                                  guint64 from_offset, guint64 len, GError **error);
/*
 * Stores @data, @n_bytes of a compressed stream of the image's type, as the whole cluster at
 * @offset. The bytes are packed directly after the previous stream.
 */
gboolean sinter_qcow2_writer_put_compressed(SinterQcow2Writer *self, guint64 offset,
                                            const void *data, gsize n_bytes, GError **error);
/*
 * Returns whether the image itself, not its backing file, holds the first bytes of the range, and
 * for how many bytes this is so.
 */
gboolean sinter_qcow2_writer_holds(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                   gboolean *ret_held, guint64 *ret_len, GError **error);
/* Makes the range read as zeros. */
gboolean sinter_qcow2_writer_zero(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                  GError **error);
/* Frees whole clusters of the range, which then read as zeros; the rest keeps its content. */
gboolean sinter_qcow2_writer_discard(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                     GError **error);

/* Mapping (qcow2-writer.c). */

/* Sets @ret to the L2 table that maps @offset; NULL if there is none. */
gboolean sinter_qcow2_writer_l2_get(SinterQcow2Writer *self, guint64 offset, SinterQcow2Table **ret,
                                    GError **error);
/* The same for changing: created if missing, copied if a snapshot shares it. */
SinterQcow2Table *sinter_qcow2_writer_l2_own(SinterQcow2Writer *self, guint64 offset,
                                             GError **error);

/* Sets the L1 entry at @index to @entry. */
void sinter_qcow2_writer_l1_set(SinterQcow2Writer *self, guint32 index, guint64 entry);

G_END_DECLS
