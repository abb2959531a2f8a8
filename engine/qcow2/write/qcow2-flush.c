/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes the changes of an image that is open for writing durable, in epochs separated by flushes:
 *
 *   1. new refcount blocks, a new refcount table
 *   2. the table's entries or the header that refers to it; refcounts (guest data is already
 * written)
 *   3. L2 tables
 *   4. L1 entries
 *   5. later: refcounts of what is no longer used
 *
 * Invariant: whatever a durable structure refers to was durable before it; so a crash at any moment
 * leaves refcounts that are too high at worst.
 */

#include "qcow2/layout/qcow2-entries.h"
#include "qcow2-flush.h"
#include "qcow2-alloc.h"

/* Clusters to decrement are collected until a commit; this many justify a commit of their own. */
#define FREES_MAX 65536

/* The two header fields are in one sector: they change together or not at all. */
static gboolean
switch_reftable(SinterQcow2Writer *self, GError **error)
{
    guint32 clusters = (guint32)(((guint64)self->reftable_entries * 8) >> self->geo.cluster_bits);
    guint8 raw[12];

    if (!sinter_qcow2_entries_store(self->io, self->reftable_offset, self->reftable, 0,
                                    self->reftable_entries, error) ||
        !sinter_io_flush(self->io, error))
        return FALSE;
    sinter_be64_store(raw, self->reftable_offset);
    sinter_be32_store(raw + 8, clusters);
    if (!sinter_io_write(self->io, SINTER_QCOW2_AT_REFTABLE_OFFSET, raw, sizeof raw, error))
        return FALSE;
    /* a later write of the header's first sector must not restore the old table */
    self->header->reftable_offset = self->reftable_offset;
    self->header->reftable_clusters = clusters;
    return TRUE;
}

static gboolean
commit_reftable(SinterQcow2Writer *self, GError **error)
{
    if (sinter_qcow2_table_set_has_new(&self->blocks)) {
        if (!sinter_qcow2_table_set_write(&self->blocks, TRUE, error) ||
            !sinter_io_flush(self->io, error))
            return FALSE;
    }
    if (self->reftable_moved)
        return switch_reftable(self, error);
    return self->reftable_dirty_from >= self->reftable_dirty_to ||
           sinter_qcow2_entries_store(self->io, self->reftable_offset, self->reftable,
                                      self->reftable_dirty_from, self->reftable_dirty_to, error);
}

static gboolean
commit_refcounts(SinterQcow2Writer *self, GError **error)
{
    if (!commit_reftable(self, error) ||
        !sinter_qcow2_table_set_write(&self->blocks, FALSE, error) ||
        (self->data_io != self->io && !sinter_io_flush(self->data_io, error)) ||
        !sinter_io_flush(self->io, error))
        return FALSE;
    sinter_qcow2_table_set_mark_clean(&self->blocks, FALSE);
    self->reftable_dirty_from = self->reftable_dirty_to = 0;
    self->reftable_moved = FALSE;
    return TRUE;
}

static gboolean
commit_mapping(SinterQcow2Writer *self, GError **error)
{
    gboolean l1_dirty = self->l1_dirty_from < self->l1_dirty_to;

    if (!l1_dirty && !sinter_qcow2_table_set_is_dirty(&self->l2))
        return TRUE;
    if (!sinter_qcow2_table_set_write(&self->l2, FALSE, error) || !sinter_io_flush(self->io, error))
        return FALSE;
    if (l1_dirty && (!sinter_qcow2_entries_store(self->io, self->header->l1_offset, self->l1,
                                                 self->l1_dirty_from, self->l1_dirty_to, error) ||
                     !sinter_io_flush(self->io, error)))
        return FALSE;
    sinter_qcow2_table_set_mark_clean(&self->l2, FALSE);
    self->l1_dirty_from = self->l1_dirty_to = 0;
    return TRUE;
}

gboolean
sinter_qcow2_writer_flush(SinterQcow2Writer *self, GError **error)
{
    return commit_refcounts(self, error) && commit_mapping(self, error) &&
           sinter_qcow2_alloc_apply_releases(self, error);
}

gboolean
sinter_qcow2_writer_finish(SinterQcow2Writer *self, GError **error)
{
    return sinter_qcow2_writer_flush(self, error) &&
           (!sinter_qcow2_table_set_is_dirty(&self->blocks) || commit_refcounts(self, error));
}

gboolean
sinter_qcow2_writer_make_room(SinterQcow2Writer *self, GError **error)
{
    gboolean many_frees = self->frees->len > FREES_MAX;

    if (!many_frees && !sinter_qcow2_table_set_is_over_budget(&self->l2) &&
        !sinter_qcow2_table_set_is_over_budget(&self->blocks))
        return TRUE;
    if (!sinter_qcow2_writer_finish(self, error))
        return FALSE;
    if (sinter_qcow2_table_set_is_over_budget(&self->l2))
        sinter_qcow2_table_set_make_room(&self->l2);
    if (sinter_qcow2_table_set_is_over_budget(&self->blocks))
        sinter_qcow2_table_set_make_room(&self->blocks);
    return TRUE;
}
