/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What operations need of a handle beyond <sinter/handle.h>: to open it on a file that is open
 * already, to leave copying to the kernel, and to place compressed clusters. Units, errors and
 * threads are as there.
 */

#include "format/sinter-format.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

typedef struct {
    SinterHandleFlags flags;
    /*
     * No backing file is opened. To read what the image does not hold, or to write a cluster of it
     * in part, is an error where the image names a backing file.
     */
    gboolean no_backing;
    /*
     * (nullable): what the image stands on, in place of the file that it names. Taken, on failure
     * as well.
     */
    SinterChain *backing;
    /* (nullable): open and locked, in place of the data file that the image names. */
    SinterIo *data_io;
} SinterHandleOptions;

/* How a file that is to be written to is opened. */
SinterIoFlags sinter_handle_io_flags(SinterHandleFlags flags);

/* @io, which is open for writing; it is locked as sinter_handle_open() does. @fs is not NULL. */
SinterHandle *sinter_handle_open_io(SinterFs *fs, SinterIo *io, const char *format,
                                    const SinterHandleOptions *options, GError **error);

/*
 * A raw disk of @virtual_size bytes over @io, which the caller has locked as it needs. @io may be a
 * stream, if what is written goes on where the write before ended.
 */
SinterHandle *sinter_handle_new_raw(SinterIo *io, guint64 virtual_size);

/* (transfer none): the driver, and what it said of the image when it was opened. */
const SinterFormat *sinter_handle_get_format(SinterHandle *handle);
const SinterFormatTraits *sinter_handle_get_traits(SinterHandle *handle);

/* (transfer none): the file that guest data lies in: the image, or its data file. */
SinterIo *sinter_handle_get_data_io(SinterHandle *handle);

/*
 * (transfer none, nullable): what the image stands on, the file right below it first. It may be
 * mapped and read while the handle is written to; it lives as long as the handle.
 */
SinterChain *sinter_handle_get_backing(SinterHandle *handle);

/*
 * An image will be put below this one: from now on zeros are stored in full, also where they could
 * be left out as long as nothing is below.
 */
void sinter_handle_store_zeros(SinterHandle *handle);

/*
 * Makes the image hold nothing: the disk becomes what it stands on. Durable at the end. UNSUPPORTED
 * where the format cannot do that.
 */
gboolean sinter_handle_empty(SinterHandle *handle, GError **error);

/*
 * Whether the image itself holds the first bytes of the range, whatever they are (zeros that it
 * says itself too), and for how many that is so: at least 1. An image of a format that does not
 * know this holds everything.
 */
gboolean sinter_handle_holds_at(SinterHandle *handle, guint64 offset, guint64 length,
                                gboolean *ret_held, guint64 *ret_length, GError **error);

/*
 * Parts a write in two, so that any number of threads can write at a time: place() says where the
 * front of the range belongs, put() brings the bytes there, and then they are what
 * the image holds. @length 0: that front has no place of its own, write_at() is for it. Between
 * the two calls nobody else may write to that range. What was placed is put or dropped. Only where
 * the format has write_place().
 */
gboolean sinter_handle_place_at(SinterHandle *handle, guint64 offset, guint64 length,
                                SinterFormatPlace *ret, GError **error);
gboolean sinter_handle_put_at(SinterHandle *handle, const SinterFormatPlace *place, const void *buf,
                              GError **error);
void sinter_handle_drop_at(SinterHandle *handle, const SinterFormatPlace *place);

/*
 * Writes the bytes of @from at @from_offset, all of which must be there. They stay in the kernel,
 * as sinter_io_copy() says, but where a cluster is written in part for the first time.
 */
gboolean sinter_handle_copy_at(SinterHandle *handle, guint64 offset, SinterIo *from,
                               guint64 from_offset, guint64 length, GError **error);

/*
 * The same for @n whole clusters, each where @offsets says, by as few copies as
 * @from has runs for it: for blocks that are shared. Only with %SINTER_FORMAT_ADOPTS.
 */
gboolean sinter_handle_adopt_at(SinterHandle *handle, const guint64 *offsets, guint64 n,
                                SinterIo *from, guint64 from_offset, GError **error);

/* Whether copy_at() may get by without the bytes passing through memory. */
gboolean sinter_handle_copies(SinterHandle *handle, SinterIo *from);

/*
 * Gives the whole cluster at @offset the content of @data, a compressed stream of the image's own
 * type, of at most a cluster's size. Bytes behind the stream do no harm. Only where the format has
 * write_stream().
 */
gboolean sinter_handle_put_compressed_at(SinterHandle *handle, guint64 offset, const void *data,
                                         gsize n_bytes, GError **error);

/*
 * Compresses @cluster, one whole cluster of the image, for put_compressed_at(). @out has room for a
 * cluster. Returns the stream's length, 0 where it gets no shorter. Takes no lock: any number of
 * threads at once.
 */
gsize sinter_handle_compress(SinterHandle *handle, const guint8 *cluster, guint8 *out);

G_END_DECLS
