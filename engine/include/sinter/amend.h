/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:amend
 *
 * Changes what an image was made with.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; one image is changed by
 * one thread.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterAmendSwitch:
 *
 * What becomes of a property that is on or off.
 */
typedef enum {
    SINTER_AMEND_KEEP,
    SINTER_AMEND_ON,
    SINTER_AMEND_OFF,
} SinterAmendSwitch;

/**
 * SinterAmendOptions:
 * @version: 2 (compat 0.10) or 3 (compat 1.1); 0: as it is
 * @refcount_bits: a power of two from 1 to 64; 0: as it is
 * @lazy_refcounts: writers may leave reference counts stale
 * @data_file_name: (nullable): the guest's data lies there, for an image that has a data file;
 *   stored as it is, and the file is not looked for. %NULL: as it is
 * @data_file_raw: the data file is by itself a raw image of the disk; can be turned off only
 * @size: of the disk, as sinter_image_resize() with shrinking allowed; 0: as it is
 *
 * Zero-initialized it changes nothing.
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
 * @fs: (nullable): where the image is; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is right only for trusted content
 * @progress: (nullable): moves while reference counts are rebuilt
 *
 * Changes one after the other what @options say, which are looked at as a whole before anything
 * changes. Going back to version 2 removes dirty bitmaps. UNSUPPORTED for formats without such
 * options. When it returns %TRUE the change is durable; a crash at any moment leaves the image
 * sound, with some of the changes made, and with leaks at worst.
 */
gboolean sinter_image_amend(SinterFs *fs, const char *path, const char *format,
                            SinterHandleFlags flags, const SinterAmendOptions *options,
                            SinterProgress *progress, GError **error);

G_END_DECLS
