/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registry of image formats. A format is a struct of callbacks, few of them required; which
 * one an image has is said by the caller or probed from its first bytes, never guessed in
 * between.
 */

#include "io/sinter-io.h"
#include "sinter/chain.h"
#include "sinter/check.h"
#include "sinter/dump.h"
#include "sinter/image.h"

G_BEGIN_DECLS

/* What probing reads: enough for every magic number known here. */
#define SINTER_FORMAT_PROBE_BYTES 2048

typedef struct _SinterImage SinterImage;

typedef struct {
    const char *name;

    /* Whether @start (the file's first bytes, at least its first sector) is of this format. */
    gboolean (*probe)(const guint8 *start, gsize len);

    /*
     * Fills @info, whose path, format, file_size and allocated_size are set. Opens nothing. Fails
     * where reading fails or the file is not of this format at all.
     */
    gboolean (*inspect)(SinterIo *io, SinterImageInfo *info, GError **error);

    /*
     * Prepares @image, whose io and info are set and whose info shows no trouble, for reading:
     * @snapshot of it where that is not NULL. Sets virtual_size, host_unit_bytes and, where guest
     * data lies in another file, data_io. @cache_bytes bounds what is kept in memory.
     */
    gboolean (*open)(SinterImage *image, const char *snapshot, SinterIoFlags flags,
                     gsize cache_bytes, GError **error);

    /* As sinter_image_map(). Any thread. */
    gboolean (*map)(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                    GError **error);

    /* Optional below. */

    /* Undoes open(), a half done one too. */
    void (*close)(SinterImage *image);
    /* Reads a range that map() called COMPRESSED. Any thread. */
    gboolean (*read_compressed)(SinterImage *image, guint64 offset, void *buf, gsize len,
                                GError **error);
    gboolean (*is_preallocated)(SinterImage *image);
    /* Add SinterSnapshotInfo and SinterBitmapInfo to @list, which frees them. */
    gboolean (*list_snapshots)(SinterIo *io, GPtrArray *list, GError **error);
    gboolean (*list_bitmaps)(SinterIo *io, GPtrArray *list, GError **error);
    /* Examines the file and puts what it finds into @result, which is new. */
    gboolean (*check)(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
                      GError **error);
    /* Tells all metadata. */
    gboolean (*dump)(SinterIo *io, const SinterDumpVisitor *visitor, gpointer user_data,
                     GCancellable *cancellable, GError **error);
    /* Fills @info, zeroed, from the LUKS header. */
    gboolean (*read_luks)(SinterIo *io, SinterLuksInfo *info, GError **error);
} SinterFormat;

extern const SinterFormat sinter_format_qcow2;
extern const SinterFormat sinter_format_raw;

/* The format of that name, or NULL with an UNSUPPORTED error. */
const SinterFormat *sinter_format_find(const char *name, GError **error);

/*
 * The format of @io by its first bytes; raw where they are nothing known. Bytes of a format that
 * exists but has no driver here are UNSUPPORTED: to read them as raw would be a mistake.
 */
const SinterFormat *sinter_format_probe(SinterIo *io, GError **error);

/* What @io says about itself, read by @format. */
SinterImageInfo *sinter_image_info_new_for_driver(SinterIo *io, const SinterFormat *format,
                                                  GError **error);

/* sinter_format_find() where @name is given, else sinter_format_probe(). */
const SinterFormat *sinter_format_choose(SinterIo *io, const char *name, GError **error);

G_END_DECLS
