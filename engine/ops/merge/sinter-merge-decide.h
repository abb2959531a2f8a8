/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which way a merge goes: a pure function of facts about the chain. */

#include "sinter/merge.h"

G_BEGIN_DECLS

/* A part of a chain: layers, both included; none where @top is G_MAXUINT. */
typedef struct {
    guint top;
    guint base;
} SinterMergeStretch;

/* One image of the chain. */
typedef struct {
    const char *path;
    guint64 virtual_size;
    guint version; /* 0: the format has none */
    guint n_snapshots;
    gboolean encrypted;
    gboolean corrupt;
    gboolean is_device;
    gboolean read_only; /* its format cannot be written */
} SinterMergeImage;

typedef struct {
    const SinterMergeImage *images; /* of the whole chain, the top first */
    guint n_images;
    SinterMergeStretch down; /* what would be merged down, and up: the same but for a removal */
    SinterMergeStretch up;
    SinterMergeDirection direction; /* that is asked for */
    gboolean drops_shadowed;
    gboolean deletes;
    guint64 bytes_down; /* that each would move */
    guint64 bytes_up;
} SinterMergeFacts;

/*
 * Sets direction, bytes_to_move, bytes_down, bytes_up and the reasons in @plan. An error where it
 * cannot be done at all, or not in the direction that is asked for.
 */
gboolean sinter_merge_decide(const SinterMergeFacts *facts, SinterMergePlan *plan, GError **error);

G_END_DECLS
