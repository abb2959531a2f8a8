/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has become of the dirty bitmaps of an image whose disk changed. */

#include "io/sinter-io.h"

/* Returns: (transfer full): the bitmaps of the qcow2 image @path as they are now; free with
 * g_ptr_array_unref(). */
GPtrArray *crash_bitmaps_read(SinterFs *fs, const char *path);

/*
 * Judges the bitmaps of @path: those of @before are there, with each bit that was set; the enabled
 * ones also have a bit for each byte in which the disks @disk_before and @disk differ. With
 * @may_be_lost a bitmap may be marked as in use instead. Returns NULL, or what is wrong; free with
 * g_free().
 */
char *crash_bitmaps_judge(SinterFs *fs, const char *path, GPtrArray *before, GBytes *disk_before,
                          GBytes *disk, gboolean may_be_lost);
