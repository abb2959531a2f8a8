/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-open.h"

G_BEGIN_DECLS

/* Which internal snapshot -l asks for: by id or name, or by what is given of both. */
typedef struct {
    gboolean asked;   /* there was a -l */
    char *id_or_name; /* NULL: see below */
    char *id;         /* NULL: any */
    char *name;       /* NULL: any */
} SinterImgSnapshot;

void sinter_img_snapshot_clear(SinterImgSnapshot *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgSnapshot, sinter_img_snapshot_clear)

/* @text: "NAME", "snapshot.id=ID,snapshot.name=NAME". Says what is wrong. */
gboolean sinter_img_snapshot_parse(SinterImgSnapshot *self, const char *text);

/* For SinterOption.take: likewise, into a SinterImgSnapshot. */
gboolean sinter_img_snapshot_take(const SinterOption *option, gpointer options, const char *value);

/*
 * @chain: (inout): the chain of @name as it is now; in its place, as it was in the snapshot that
 *   is asked for. FALSE after a message.
 */
gboolean sinter_img_snapshot_go(const SinterImgSnapshot *self, const SinterImgName *name,
                                SinterChain **chain);

G_END_DECLS
