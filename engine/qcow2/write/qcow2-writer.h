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

#include "chain/sinter-chain.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2-table.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;      /* a reference */
    SinterIo *io;      /* a reference */
    SinterIo *data_io; /* a reference: where guest clusters lie; often @io itself */
    SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    SinterChain *backing; /* NULL: none */

    guint64 *l1;           /* entries as numbers */
    guint32 l1_dirty_from; /* entries; nothing is dirty where from >= to */
    guint32 l1_dirty_to;
    SinterQcow2TableSet l2;

    guint64 *reftable; /* entries as numbers */
    guint32 reftable_entries;
    guint64 reftable_offset;
    guint32 reftable_dirty_from;
    guint32 reftable_dirty_to;
    gboolean reftable_moved; /* the header still names the former table */
    SinterQcow2TableSet blocks;

    guint64 hint;         /* no cluster below is free */
    guint64 packed_end;   /* bytes: where the last compressed stream ends; 0: nothing to go on at */
    GArray *frees;        /* of guint64: clusters to count down once the mapping is durable */
    GHashTable *metadata; /* cluster numbers that hold tables: never to be handed out */

    GPtrArray *bitmaps;   /* of SinterQcow2Bitmap */
    GPtrArray *recorders; /* those of them that record writes (qcow2-bitmap-record.c) */
    gboolean recording;   /* they are marked "in use" in the file */
} SinterQcow2Writer;

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

/*
 * Counts all references of an image that was not closed and stores them as the reference counts
 * (qcow2-rebuild.c); then it is marked as closed. Its tables are loaded, and nothing was changed.
 * CORRUPT where the mapping itself is damaged, before anything changes.
 */
gboolean sinter_qcow2_writer_rebuild(SinterQcow2Writer *self, GError **error);

/* Makes all durable. The writer can be used on, also after a failure. */
gboolean sinter_qcow2_writer_flush(SinterQcow2Writer *self, GError **error);

/* As flush, and the last refcounts too: nothing leaks. */
gboolean sinter_qcow2_writer_finish(SinterQcow2Writer *self, GError **error);

/* The end of the work: all is durable, nothing leaks, and bitmaps that record writes are stored. */
gboolean sinter_qcow2_writer_close(SinterQcow2Writer *self, GError **error);

/* Drops what was not flushed. Accepts NULL and half-open writers. */
void sinter_qcow2_writer_free(SinterQcow2Writer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Writer, sinter_qcow2_writer_free)

/* Commits and forgets tables where they take too much memory. Tables got before are invalid. */
gboolean sinter_qcow2_writer_make_room(SinterQcow2Writer *self, GError **error);

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

/* Allocation (qcow2-alloc.c). */

gboolean sinter_qcow2_alloc_get_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 *ret,
                                         GError **error);
/* For a rebuild, which knows what is free without asking the counts (qcow2-rebuild.c). */
gboolean sinter_qcow2_alloc_has_block(SinterQcow2Writer *self, guint64 cluster);
/* Puts a new block, all zero, that counts @counted on @cluster, which is counted by the caller. */
void sinter_qcow2_alloc_place_block(SinterQcow2Writer *self, guint64 counted, guint64 cluster);
/* @cluster has a block, and @value fits. */
gboolean sinter_qcow2_alloc_set_refcount(SinterQcow2Writer *self, guint64 cluster, guint64 value,
                                         GError **error);
/* 1 to @max clusters in a row, counted once each; the first one's number in @ret_first. */
gboolean sinter_qcow2_alloc_take(SinterQcow2Writer *self, guint64 max, guint64 *ret_first,
                                 guint64 *ret_n, GError **error);
/* Gives back what take() gave, as long as nothing names it. */
void sinter_qcow2_alloc_untake(SinterQcow2Writer *self, guint64 first, guint64 n);
/*
 * Room for @n_bytes of compressed data, less than two clusters of it, at @ret_offset: behind the
 * room that was given before where that goes on, else at the beginning of a cluster. Each cluster
 * that it touches is counted once more.
 */
gboolean sinter_qcow2_alloc_take_bytes(SinterQcow2Writer *self, gsize n_bytes, guint64 *ret_offset,
                                       GError **error);
/* Gives back what take_bytes() gave last, as long as nothing names it. */
void sinter_qcow2_alloc_untake_bytes(SinterQcow2Writer *self, guint64 offset, gsize n_bytes);
/* Counts @cluster down once the mapping is durable. */
void sinter_qcow2_alloc_release(SinterQcow2Writer *self, guint64 cluster);
/* The same for the host space of an L2 entry, whatever kind it is. */
void sinter_qcow2_alloc_release_entry(SinterQcow2Writer *self, SinterQcow2L2Entry l2);
/* The mapping is durable: counts down what was released. */
gboolean sinter_qcow2_alloc_apply_releases(SinterQcow2Writer *self, GError **error);

G_END_DECLS
