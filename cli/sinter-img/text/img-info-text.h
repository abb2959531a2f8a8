/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/image.h>

G_BEGIN_DECLS

/* All that is told of one image. */
typedef struct {
    SinterImageInfo *info;
    GPtrArray *snapshots;  /* of SinterSnapshotInfo */
    GPtrArray *bitmaps;    /* of SinterBitmapInfo */
    SinterLuksInfo *luks;  /* NULL: not encrypted that way */
    JsonNode *specific;    /* what only its format has; NULL: nothing */
    char *backing_to_open; /* NULL: none */
} SinterImgInfo;

/* (transfer full): the members of a qcow2 image that others have not; NULL for another format. */
JsonNode *sinter_img_info_specific(const SinterImgInfo *self);

/* (transfer full) */
JsonNode *sinter_img_info_to_json(const SinterImgInfo *self);

void sinter_img_info_print_human(const SinterImgInfo *self);

/* The list of SinterSnapshotInfo, as `snapshot -l` and `info` print it; nothing where it is empty.
 */
void sinter_img_info_print_snapshots(const GPtrArray *snapshots);

G_END_DECLS
