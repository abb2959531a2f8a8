/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Internal operations on a handle, in addition to <sinter/handle.h>: opening it on a file that is
 * already open, copying in the kernel, and storing compressed clusters. Units, errors and threads
 * are the same as there.
 */

#include "format/sinter-format.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

typedef struct {
    SinterHandleFlags flags;
    /*
     * No backing file is opened. If the image has a backing file, reading a range that it does not
     * hold, or writing part of a cluster that it does not hold, is an error.
     */
    gboolean no_backing;
    /*
     * (nullable): the backing chain, instead of the backing file that the image names. Ownership is
     * taken, also on failure.
     */
    SinterChain *backing;
    /* (nullable): open and locked, instead of the data file that the image names. */
    SinterIo *data_io;
} SinterHandleOptions;

/* Returns the flags for opening a file for writing. */
SinterIoFlags sinter_handle_io_flags(SinterHandleFlags flags);

/* @io is open for writing; it is locked in the same way as by sinter_handle_open(). @fs is not
 * NULL. */
SinterHandle *sinter_handle_open_io(SinterFs *fs, SinterIo *io, const char *format,
                                    const SinterHandleOptions *options, GError **error);

/*
 * A raw disk of @virtual_size bytes over @io, which the caller has locked as needed. @io may be a
 * stream if each write starts at the end of the previous one.
 */
SinterHandle *sinter_handle_new_raw(SinterIo *io, guint64 virtual_size);

/* (transfer none): the driver, and the traits that it reported when the image was opened. */
const SinterFormat *sinter_handle_get_format(SinterHandle *handle);
const SinterFormatTraits *sinter_handle_get_traits(SinterHandle *handle);

/* (transfer none): the file that contains the guest data: the image, or its data file. */
SinterIo *sinter_handle_get_data_io(SinterHandle *handle);

/*
 * (transfer none, nullable): the backing chain; its first layer is the direct backing file. It may
 * be mapped and read while the handle is written to. It lives as long as the handle.
 */
SinterChain *sinter_handle_get_backing(SinterHandle *handle);

/*
 * Announces that an image will be inserted below this one: from now on zeros are stored explicitly,
 * even if they could be omitted as long as there is no backing file.
 */
void sinter_handle_store_zeros(SinterHandle *handle);

/*
 * Removes all data from the image, so that the disk reads the same as its backing file. Durable on
 * return. UNSUPPORTED if the format cannot do this.
 */
gboolean sinter_handle_empty(SinterHandle *handle, GError **error);

/*
 * Fails if a flush of the image's files has failed, or fails now: with an error other than
 * NO_SPACE, because more space would not bring back what was lost.
 */
gboolean sinter_handle_check_flushes(SinterHandle *handle, GError **error);

/*
 * Removes the whole clusters of the range from the image, so that the disk reads there like its
 * backing file; durable after a flush. Sets @ret_end to the end of what was removed: @offset if the
 * format cannot do this.
 */
gboolean sinter_handle_uncover_at(SinterHandle *handle, guint64 offset, guint64 length,
                                  guint64 *ret_end, GError **error);

/*
 * Returns whether the image itself holds the first bytes of the range (data or explicit zeros), and
 * for how many bytes, at least 1, the answer is valid. An image whose format cannot tell holds
 * everything.
 */
gboolean sinter_handle_holds_at(SinterHandle *handle, guint64 offset, guint64 length,
                                gboolean *ret_held, guint64 *ret_length, GError **error);

/*
 * Split a write into two steps, so that any number of threads can write concurrently: place()
 * chooses a location for the beginning of the range, put() writes the data there and maps it.
 * @length 0: the beginning of the range has no location of its own; use write_at(). Between the two
 * calls no other caller may write to that range. Every place must be put or dropped. Available only
 * if the format has write_place().
 */
gboolean sinter_handle_place_at(SinterHandle *handle, guint64 offset, guint64 length,
                                SinterFormatPlace *ret, GError **error);
gboolean sinter_handle_put_at(SinterHandle *handle, const SinterFormatPlace *place, const void *buf,
                              GError **error);
void sinter_handle_drop_at(SinterHandle *handle, const SinterFormatPlace *place);

/*
 * Writes bytes of @from, starting at @from_offset; all of them must exist. The data is copied in
 * the kernel as described for sinter_io_copy(), except for the first write to part of a cluster.
 */
gboolean sinter_handle_copy_at(SinterHandle *handle, guint64 offset, SinterIo *from,
                               guint64 from_offset, guint64 length, GError **error);

/*
 * The same for @n whole clusters at the disk offsets in @offsets, with one copy per contiguous run
 * in @from. Used to share blocks. Only with %SINTER_FORMAT_ADOPTS.
 */
gboolean sinter_handle_adopt_at(SinterHandle *handle, const guint64 *offsets, guint64 n,
                                SinterIo *from, guint64 from_offset, GError **error);

/* Returns whether copy_at() may be able to copy without passing the data through memory. */
gboolean sinter_handle_copies(SinterHandle *handle, SinterIo *from);

/*
 * Stores @data, a compressed stream of the image's own compression type and of at most the size of
 * a cluster, as the content of the whole cluster at @offset. Bytes after the end of the stream are
 * ignored. Available only if the format has write_stream().
 */
gboolean sinter_handle_put_compressed_at(SinterHandle *handle, guint64 offset, const void *data,
                                         gsize n_bytes, GError **error);

/*
 * Compresses @cluster, one whole cluster of the image, for put_compressed_at(). @out has the size
 * of a cluster. Returns the length of the stream, or 0 if it is not shorter than the cluster. Takes
 * no lock: any number of threads may call it concurrently.
 */
gsize sinter_handle_compress(SinterHandle *handle, const guint8 *cluster, guint8 *out);

G_END_DECLS
