/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One image, open for reading: a file, possibly a data file, and the format driver's state. The
 * layers of a chain are such images.
 */

#include "sinter-format.h"
#include "sinter/chain.h"

G_BEGIN_DECLS

struct _SinterImage {
    const SinterFormat *format;
    SinterFs *fs;      /* a reference: where the data file is opened */
    SinterIo *io;      /* a reference */
    SinterIo *data_io; /* a reference: where host offsets of DATA point to; often @io itself */
    SinterImageInfo *info;
    guint64 virtual_size;
    /* unit of host space: only the file's last unit may be incomplete */
    guint64 host_unit_bytes;
    gboolean encrypted;
    gboolean probed;   /* the format was not stated */
    gboolean salvages; /* opened with salvage_open() */
    gpointer state;    /* the driver's */
};

typedef struct {
    const char *format;   /* nullable: probe */
    const char *snapshot; /* nullable */
    SinterIoFlags flags;
    gsize cache_bytes;
    gboolean salvages; /* the image may be damaged: open with salvage_open() if there is one */
} SinterImageOptions;

/* Opens @path for reading and locks it. Errors begin with "Could not open 'PATH': ". */
SinterImage *sinter_image_open(SinterFs *fs, const char *path, const SinterImageOptions *options,
                               GError **error);

/* Accepts NULL and half-open images. */
void sinter_image_close(SinterImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImage, sinter_image_close)

/*
 * Returns the extent at @offset, which must be below the virtual size: at most @len bytes of one
 * kind, with contiguous host offsets. HOLE means that this image holds nothing there. The layer is
 * 0. Any thread.
 */
gboolean sinter_image_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                          GError **error);

/*
 * The same for an image that was opened to be salvaged: damage is a result, never an error. The
 * range must not be empty. One thread.
 */
void sinter_image_salvage_map(SinterImage *image, guint64 offset, guint64 len,
                              SinterFormatSalvage *ret);

/* Reads an extent from sinter_image_map(), or a part of it. Any thread. */
gboolean sinter_image_read_run(SinterImage *image, const SinterExtent *run, void *buf,
                               GError **error);

/* Returns whether QEMU would query the file system about holes in the image's data. Any thread. */
gboolean sinter_image_is_preallocated(SinterImage *image);

G_END_DECLS
