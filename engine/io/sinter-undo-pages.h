/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pages of a file that are held back in memory, each with its content in the file and its new one.
 * Not thread-safe.
 */

#include "sinter-io.h"
#include "sinter-undo-layout.h"

G_BEGIN_DECLS

typedef struct {
    guint64 index;                      /* offset / SINTER_UNDO_PAGE_BYTES */
    guint8 was[SINTER_UNDO_PAGE_BYTES]; /* in the file; zeros beyond its end */
    guint8 now[SINTER_UNDO_PAGE_BYTES];
} SinterUndoPage;

typedef struct {
    GHashTable *pages; /* of SinterUndoPage, by index */
} SinterUndoPages;

void sinter_undo_pages_init(SinterUndoPages *self);
void sinter_undo_pages_clear(SinterUndoPages *self);
void sinter_undo_pages_drop_all(SinterUndoPages *self);

/* Changes @len bytes at @offset; pages that are missing are read from @io. */
gboolean sinter_undo_pages_put(SinterUndoPages *self, SinterIo *io, guint64 offset, const void *buf,
                               gsize len, GError **error);

/* Replaces those of @len bytes at @buf, read from the file at @offset, that are held back. */
void sinter_undo_pages_overlay(const SinterUndoPages *self, guint64 offset, guint8 *buf, gsize len);

guint64 sinter_undo_pages_get_bytes(const SinterUndoPages *self);

/* Returns: (transfer container): the pages whose content changes, sorted. */
GPtrArray *sinter_undo_pages_list_changed(const SinterUndoPages *self);

/* A set of pages, small where they lie together. */
typedef struct {
    GHashTable *chunks;
} SinterUndoPageSet;

void sinter_undo_page_set_init(SinterUndoPageSet *self);
void sinter_undo_page_set_clear(SinterUndoPageSet *self);
void sinter_undo_page_set_add(SinterUndoPageSet *self, guint64 index);
gboolean sinter_undo_page_set_has(const SinterUndoPageSet *self, guint64 index);

G_END_DECLS
