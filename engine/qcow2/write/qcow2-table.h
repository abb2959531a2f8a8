/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tables of an image that is open for writing: whole clusters (L2 tables, refcount blocks) in
 * memory, each with the range that differs from the file. Not thread-safe: protected by the
 * writer's lock.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    guint64 offset; /* in the file */
    guint8 *data;
    guint32 dirty_from; /* bytes; clean if from >= to */
    guint32 dirty_to;
    gboolean is_new; /* nothing durable refers to it yet */
    guint64 used;    /* the set's clock at the last access */
} SinterQcow2Table;

typedef struct {
    SinterIo *io; /* a reference */
    guint32 table_bytes;
    gsize budget_bytes;
    GHashTable *tables; /* by offset */
    guint64 clock;
} SinterQcow2TableSet;

void sinter_qcow2_table_set_init(SinterQcow2TableSet *self, SinterIo *io, guint32 table_bytes,
                                 gsize budget_bytes);
void sinter_qcow2_table_set_clear(SinterQcow2TableSet *self);

/* Returns the table at @offset, read if necessary. Valid until make_room(). */
SinterQcow2Table *sinter_qcow2_table_get(SinterQcow2TableSet *self, guint64 offset, GError **error);

/* Adds a zeroed table at @offset, dirty as a whole, replacing any table there. */
SinterQcow2Table *sinter_qcow2_table_add(SinterQcow2TableSet *self, guint64 offset);

/* Forgets the table at @offset, written or not. */
void sinter_qcow2_table_forget(SinterQcow2TableSet *self, guint64 offset);

static inline void
sinter_qcow2_table_touch(SinterQcow2Table *table, guint32 from, guint32 len)
{
    if (table->dirty_from >= table->dirty_to) {
        table->dirty_from = from;
        table->dirty_to = from + len;
    } else {
        table->dirty_from = MIN(table->dirty_from, from);
        table->dirty_to = MAX(table->dirty_to, from + len);
    }
}

gboolean sinter_qcow2_table_set_is_dirty(const SinterQcow2TableSet *self);
gboolean sinter_qcow2_table_set_has_new(const SinterQcow2TableSet *self);

/* Writes dirty tables, in file order; with @only_new only new ones. */
gboolean sinter_qcow2_table_set_write(SinterQcow2TableSet *self, gboolean only_new, GError **error);

/* After a flush: marks the written tables as clean. */
void sinter_qcow2_table_set_mark_clean(SinterQcow2TableSet *self, gboolean only_new);

gboolean sinter_qcow2_table_set_is_over_budget(const SinterQcow2TableSet *self);
/* Drops clean tables, least recently used first, down to half of the budget. */
void sinter_qcow2_table_set_make_room(SinterQcow2TableSet *self);

G_END_DECLS
