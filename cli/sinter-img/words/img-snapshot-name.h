/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "img-open.h"

G_BEGIN_DECLS

/* The internal snapshot that -l selects: by id or name, or by those of the two that are given. */
typedef struct {
    gboolean asked;   /* -l was given */
    char *id_or_name; /* NULL: see below */
    char *id;         /* NULL: any */
    char *name;       /* NULL: any */
} SinterImgSnapshot;

void sinter_img_snapshot_clear(SinterImgSnapshot *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImgSnapshot, sinter_img_snapshot_clear)

/* @text: "NAME", "snapshot.id=ID,snapshot.name=NAME". Prints a message on failure. */
gboolean sinter_img_snapshot_parse(SinterImgSnapshot *self, const char *text);

/* For SinterOption.take: the same, into a SinterImgSnapshot. */
gboolean sinter_img_snapshot_take(const SinterOption *option, gpointer options, const char *value);

/*
 * @chain: (inout): the chain of @name in its current state; replaced by its state in the requested
 * snapshot. Returns FALSE after a message.
 */
gboolean sinter_img_snapshot_go(const SinterImgSnapshot *self, const SinterImgName *name,
                                SinterChain **chain);

G_END_DECLS
