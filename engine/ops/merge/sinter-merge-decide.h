/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Chooses the direction of a merge: a pure function of facts about the chain. */

#include "sinter/merge.h"

G_BEGIN_DECLS

/* A range of layers, both ends included; empty if @top is G_MAXUINT. */
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
    gboolean read_only; /* its format does not support writing */
    guint64 reach;      /* size of a device that stores the disk unencoded; otherwise G_MAXUINT64 */
} SinterMergeImage;

typedef struct {
    const SinterMergeImage *images; /* of the whole chain, the top first */
    guint n_images;
    SinterMergeStretch down; /* down and up differ only for a removal */
    SinterMergeStretch up;
    SinterMergeDirection direction; /* the requested direction */
    gboolean drops_shadowed;
    gboolean deletes;
    guint64 bytes_down; /* the amount that each direction would move */
    guint64 bytes_up;
} SinterMergeFacts;

/*
 * Sets direction, bytes_to_move, bytes_down, bytes_up and the reasons in @plan. Fails if no merge
 * is possible, or not in the requested direction.
 */
gboolean sinter_merge_decide(const SinterMergeFacts *facts, SinterMergePlan *plan, GError **error);

G_END_DECLS
