/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A cache of table pages: each page has one slot, chosen by its offset. Invariant: the budget
 * bounds the memory, whatever sizes the image claims, and a page is read only after its range was
 * found to be inside the file.
 */

#include "qcow1-tables.h"
#include "sinter-error.h"

#define MIN_SLOTS 16
#define MAX_SLOTS 4096

typedef struct {
    guint64 offset;
    gsize len; /* 0: the slot is free */
} Slot;

struct _SinterQcow1Tables {
    GMutex lock; /* guards slots and pages */
    SinterIo *io;
    guint64 file_bytes;
    guint n_slots; /* a power of two */
    Slot *slots;
    guint8 *pages;
};

SinterQcow1Tables *
sinter_qcow1_tables_new(SinterIo *io, guint64 file_bytes, gsize budget_bytes, GError **error)
{
    SinterQcow1Tables *self = g_new0(SinterQcow1Tables, 1);

    g_mutex_init(&self->lock);
    self->io = sinter_io_ref(io);
    self->file_bytes = file_bytes;
    self->n_slots = MIN_SLOTS;
    while (self->n_slots < MAX_SLOTS &&
           (gsize)self->n_slots * 2 * SINTER_QCOW1_PAGE_BYTES <= budget_bytes)
        self->n_slots *= 2;
    self->slots = g_new0(Slot, self->n_slots);
    self->pages = g_try_malloc((gsize)self->n_slots * SINTER_QCOW1_PAGE_BYTES);
    if (self->pages)
        return self;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "no memory for the mapping tables");
    sinter_qcow1_tables_free(self);
    return NULL;
}

void
sinter_qcow1_tables_free(SinterQcow1Tables *tables)
{
    if (!tables)
        return;
    sinter_io_unref(tables->io);
    g_mutex_clear(&tables->lock);
    g_free(tables->slots);
    g_free(tables->pages);
    g_free(tables);
}

void
sinter_qcow1_tables_lock(SinterQcow1Tables *tables)
{
    g_mutex_lock(&tables->lock);
}

void
sinter_qcow1_tables_unlock(SinterQcow1Tables *tables)
{
    g_mutex_unlock(&tables->lock);
}

/* Multiplies by the golden ratio, so that tables at regular distances do not share a slot. */
static guint
slot_of(const SinterQcow1Tables *self, guint64 offset)
{
    return (guint)(((offset >> 9) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> 40) &
           (self->n_slots - 1);
}

static gboolean
check_range(const SinterQcow1Tables *self, guint64 offset, gsize len, GError **error)
{
    if (offset <= self->file_bytes && len <= self->file_bytes - offset)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "the table at %" G_GUINT64_FORMAT
                " is beyond the end of the file at %" G_GUINT64_FORMAT,
                offset, self->file_bytes);
    return FALSE;
}

const guint8 *
sinter_qcow1_tables_page(SinterQcow1Tables *tables, guint64 offset, gsize len, GError **error)
{
    guint slot = slot_of(tables, offset);
    guint8 *page = tables->pages + (gsize)slot * SINTER_QCOW1_PAGE_BYTES;

    g_assert(len <= SINTER_QCOW1_PAGE_BYTES);
    if (tables->slots[slot].offset == offset && tables->slots[slot].len >= len)
        return page;
    if (!check_range(tables, offset, len, error))
        return NULL;
    tables->slots[slot].len = 0;
    if (!sinter_io_read(tables->io, offset, page, len, error))
        return NULL;
    tables->slots[slot] = (Slot){ offset, len };
    return page;
}
