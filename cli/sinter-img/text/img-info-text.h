/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/image.h>

G_BEGIN_DECLS

/* All information about one image. */
typedef struct {
    SinterImageInfo *info;
    GPtrArray *snapshots;  /* of SinterSnapshotInfo */
    GPtrArray *bitmaps;    /* of SinterBitmapInfo */
    SinterLuksInfo *luks;  /* NULL: no LUKS encryption */
    JsonNode *specific;    /* format-specific information; NULL: none */
    char *backing_to_open; /* NULL: none */
} SinterImgInfo;

/* (transfer full): the members that only a qcow2 image has; NULL for other formats. */
JsonNode *sinter_img_info_specific(const SinterImgInfo *self);

/* (transfer full) */
JsonNode *sinter_img_info_to_json(const SinterImgInfo *self);

void sinter_img_info_print_human(const SinterImgInfo *self);

/* Prints a list of SinterSnapshotInfo in the format of `snapshot -l` and `info`; nothing if it is
 * empty. */
void sinter_img_info_print_snapshots(const GPtrArray *snapshots);

G_END_DECLS
