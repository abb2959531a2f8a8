/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Owns tables in memory until they are written. Invariant: only clean tables are dropped, and a
 * table stays dirty until a flush after its write is reported; so a failed write or flush can be
 * retried and loses nothing.
 */

#include "qcow2-table.h"
#include "sinter-error.h"

#include <string.h>

static void
table_free(gpointer data)
{
    g_free(((SinterQcow2Table *)data)->data);
    g_free(data);
}

void
sinter_qcow2_table_set_init(SinterQcow2TableSet *self, SinterIo *io, guint32 table_bytes,
                            gsize budget_bytes)
{
    self->io = sinter_io_ref(io);
    self->table_bytes = table_bytes;
    self->budget_bytes = MAX(budget_bytes, (gsize)4 * table_bytes);
    self->tables = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, table_free);
}

void
sinter_qcow2_table_set_clear(SinterQcow2TableSet *self)
{
    g_clear_pointer(&self->tables, g_hash_table_unref);
    g_clear_pointer(&self->io, sinter_io_unref);
}

/* Takes @data. */
static SinterQcow2Table *
set_insert(SinterQcow2TableSet *self, guint64 offset, guint8 *data)
{
    SinterQcow2Table *table = g_new0(SinterQcow2Table, 1);

    table->offset = offset;
    table->data = data;
    table->used = ++self->clock;
    g_hash_table_replace(self->tables, &table->offset, table);
    return table;
}

SinterQcow2Table *
sinter_qcow2_table_get(SinterQcow2TableSet *self, guint64 offset, GError **error)
{
    SinterQcow2Table *table = g_hash_table_lookup(self->tables, &offset);
    g_autofree guint8 *data = NULL;

    if (table) {
        table->used = ++self->clock;
        return table;
    }
    if (offset == 0 || (offset & (self->table_bytes - 1)) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': invalid table offset %" G_GUINT64_FORMAT
                    "; repair the image with 'sinter-img check -r all'",
                    sinter_io_get_path(self->io), offset);
        return NULL;
    }
    data = g_malloc(self->table_bytes);
    if (!sinter_io_read(self->io, offset, data, self->table_bytes, error))
        return NULL;
    return set_insert(self, offset, g_steal_pointer(&data));
}

SinterQcow2Table *
sinter_qcow2_table_add(SinterQcow2TableSet *self, guint64 offset)
{
    SinterQcow2Table *table = set_insert(self, offset, g_malloc0(self->table_bytes));

    table->is_new = TRUE;
    table->dirty_to = self->table_bytes;
    return table;
}

void
sinter_qcow2_table_forget(SinterQcow2TableSet *self, guint64 offset)
{
    g_hash_table_remove(self->tables, &offset);
}

static gboolean
table_is_dirty(const SinterQcow2Table *table)
{
    return table->dirty_from < table->dirty_to;
}

static gint
compare_offsets(gconstpointer a, gconstpointer b)
{
    const SinterQcow2Table *x = *(SinterQcow2Table *const *)a;
    const SinterQcow2Table *y = *(SinterQcow2Table *const *)b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

static gint
compare_used(gconstpointer a, gconstpointer b)
{
    const SinterQcow2Table *x = *(SinterQcow2Table *const *)a;
    const SinterQcow2Table *y = *(SinterQcow2Table *const *)b;

    return (x->used > y->used) - (x->used < y->used);
}

/* Returns the dirty (or clean) tables, unsorted. */
static GPtrArray *
set_pick(const SinterQcow2TableSet *self, gboolean dirty, gboolean only_new)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->tables);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        SinterQcow2Table *table = value;

        if (table_is_dirty(table) == dirty && (!only_new || table->is_new))
            g_ptr_array_add(list, table);
    }
    return list;
}

gboolean
sinter_qcow2_table_set_is_dirty(const SinterQcow2TableSet *self)
{
    g_autoptr(GPtrArray) list = set_pick(self, TRUE, FALSE);

    return list->len > 0;
}

gboolean
sinter_qcow2_table_set_has_new(const SinterQcow2TableSet *self)
{
    g_autoptr(GPtrArray) list = set_pick(self, TRUE, TRUE);

    return list->len > 0;
}

gboolean
sinter_qcow2_table_set_write(SinterQcow2TableSet *self, gboolean only_new, GError **error)
{
    g_autoptr(GPtrArray) list = set_pick(self, TRUE, only_new);

    g_ptr_array_sort(list, compare_offsets);
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Table *table = g_ptr_array_index(list, i);

        if (!sinter_io_write(self->io, table->offset + table->dirty_from,
                             table->data + table->dirty_from, table->dirty_to - table->dirty_from,
                             error))
            return FALSE;
    }
    return TRUE;
}

void
sinter_qcow2_table_set_mark_clean(SinterQcow2TableSet *self, gboolean only_new)
{
    g_autoptr(GPtrArray) list = set_pick(self, TRUE, only_new);

    for (guint i = 0; i < list->len; i++) {
        SinterQcow2Table *table = g_ptr_array_index(list, i);

        table->dirty_from = table->dirty_to = 0;
        table->is_new = FALSE;
    }
}

gboolean
sinter_qcow2_table_set_is_over_budget(const SinterQcow2TableSet *self)
{
    return (gsize)g_hash_table_size(self->tables) * self->table_bytes > self->budget_bytes;
}

void
sinter_qcow2_table_set_make_room(SinterQcow2TableSet *self)
{
    g_autoptr(GPtrArray) list = set_pick(self, FALSE, FALSE);

    g_ptr_array_sort(list, compare_used);
    for (guint i = 0; i < list->len; i++) {
        SinterQcow2Table *table = g_ptr_array_index(list, i);

        if ((gsize)g_hash_table_size(self->tables) * self->table_bytes <= self->budget_bytes / 2)
            return;
        g_hash_table_remove(self->tables, &table->offset);
    }
}
