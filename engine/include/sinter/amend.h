/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:amend
 *
 * Changes the creation options of an image.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; only one thread may
 * change a given image.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterAmendSwitch:
 *
 * How to change a property that is on or off.
 */
typedef enum {
    SINTER_AMEND_KEEP,
    SINTER_AMEND_ON,
    SINTER_AMEND_OFF,
} SinterAmendSwitch;

/**
 * SinterAmendOptions:
 * @version: 2 (compat 0.10) or 3 (compat 1.1); 0 for no change
 * @refcount_bits: a power of two from 1 to 64; 0 for no change
 * @lazy_refcounts: writers may leave reference counts stale
 * @data_file_name: (nullable): name of the external data file, for an image that has one; stored
 *   unchanged, without a check that the file exists. %NULL for no change
 * @data_file_raw: the data file is a valid raw image of the disk on its own; can only be turned off
 * @size: size of the disk, as in sinter_image_resize() with shrinking allowed; 0 for no change
 *
 * A zero-initialized structure changes nothing.
 */
typedef struct {
    guint version;
    guint refcount_bits;
    SinterAmendSwitch lazy_refcounts;
    const char *data_file_name;
    SinterAmendSwitch data_file_raw;
    guint64 size;
} SinterAmendOptions;

/**
 * sinter_image_amend:
 * @fs: (nullable): the set of files that the image is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is safe only for trusted content
 * @progress: (nullable): receives the progress while reference counts are rebuilt
 *
 * Applies the changes in @options one after the other, after checking them as a whole. Downgrading
 * to version 2 removes dirty bitmaps. Fails with UNSUPPORTED for formats without such options. When
 * it returns %TRUE the change is durable; a crash at any moment leaves the image consistent, with
 * some of the changes made, and with leaks at worst.
 */
gboolean sinter_image_amend(SinterFs *fs, const char *path, const char *format,
                            SinterHandleFlags flags, const SinterAmendOptions *options,
                            SinterProgress *progress, GError **error);

G_END_DECLS
