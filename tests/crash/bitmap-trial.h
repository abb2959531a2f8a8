/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of dirty bitmaps do to an image, and how they tell what has become of it. */

#include "io/sinter-io.h"

typedef struct {
    const char *name;
    guint cluster_size;
    gboolean has_bitmaps;
    gboolean (*run)(SinterFs *fs, GError **error);
    gboolean may_distrust; /* bitmaps may be in use when it does not come to its end */
    guint n_idle;          /* flushes that part nothing */
} BitmapTrial;

extern const BitmapTrial bitmap_trials[];
extern const gsize n_bitmap_trials;

/* "image", as a trial begins, and "other", which it leaves alone. */
void bitmap_trial_prepare(SinterFs *fs, const BitmapTrial *trial);

/*
 * The size of the disk and its bitmaps in words: names, flags, bits. Those that are in use are
 * counted instead. Free with g_free().
 */
char *bitmap_trial_describe(SinterFs *fs, guint *ret_n_distrusted);
