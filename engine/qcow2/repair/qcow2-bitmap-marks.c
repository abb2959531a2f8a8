/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes dirty bitmaps inconsistent before a repair changes guest data, because they would call the
 * changed ranges unchanged. Invariant: only the flag "in use" of an entry changes, in place; if the
 * directory shares clusters with something else, the feature bit is cleared instead, which makes
 * all bitmaps invalid.
 */

#include "qcow2-bitmap-marks.h"
#include "qcow2/layout/qcow2-root.h"

static gboolean
is_consistent(const SinterQcow2Bitmap *bitmap)
{
    return !(bitmap->flags & SINTER_QCOW2_BITMAP_IN_USE);
}

void
sinter_qcow2_bitmap_marks_plan(SinterQcow2Round *self, SinterRepairPass pass)
{
    const GPtrArray *bitmaps = self->check->bitmaps;

    for (guint i = 0; bitmaps && i < bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(bitmaps, i);
        SinterRepairStep step = {
            .code = SINTER_FINDING_BITMAP_IN_USE,
            .guest_offset = SINTER_OFFSET_NONE,
            .host_offset = bitmap->entry_offset,
            .old_value = bitmap->flags,
            .new_value = bitmap->flags | SINTER_QCOW2_BITMAP_IN_USE,
        };

        if (!is_consistent(bitmap))
            continue;
        step.evidence = g_strdup_printf("the content of the disk changes, so bitmap '%s' becomes "
                                        "inconsistent",
                                        bitmap->name);
        sinter_repair_plan_add_to_pass(&self->plan, &step, pass, SINTER_REPAIR_LOSES_METADATA);
    }
}

static gboolean
mark(SinterQcow2Round *self, SinterQcow2Bitmap *bitmap, GError **error)
{
    guint8 raw[4];

    bitmap->flags |= SINTER_QCOW2_BITMAP_IN_USE;
    sinter_be32_store(raw, bitmap->flags);
    return sinter_io_write(self->io, bitmap->entry_offset + SINTER_QCOW2_BITMAP_AT_FLAGS, raw,
                           sizeof raw, error);
}

static gboolean
invalidate_all(SinterQcow2Round *self, GError **error)
{
    SinterQcow2Root root = sinter_qcow2_root_of(self->check->header);

    root.autoclear &= ~SINTER_QCOW2_AUTOCLEAR_BITMAPS;
    return sinter_qcow2_root_write(self->io, self->check->header, &root, error);
}

gboolean
sinter_qcow2_bitmap_marks_write(SinterQcow2Round *self, GError **error)
{
    SinterQcow2Check *check = self->check;

    if (!check->bitmaps || check->bitmaps->len == 0)
        return TRUE;
    if (sinter_qcow2_round_overlaps(self, check->header->bitmap_directory_offset,
                                    check->header->bitmap_directory_bytes))
        return invalidate_all(self, error);
    for (guint i = 0; i < check->bitmaps->len; i++) {
        SinterQcow2Bitmap *bitmap = g_ptr_array_index(check->bitmaps, i);

        if (is_consistent(bitmap) && !mark(self, bitmap, error))
            return FALSE;
    }
    return sinter_io_flush(self->io, error);
}
