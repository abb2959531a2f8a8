/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes of metadata for which the refcounts may be too narrow. Invariant: the width changes only
 * after a count exceeded its maximum; each width is tried in a generation of its own, and a failed
 * attempt changes nothing.
 */

#include "qcow2-refcount-width.h"

static gboolean
try_width(SinterQcow2Writer *writer, guint32 order, SinterQcow2BuildFunc build, gpointer data,
          gboolean *ret_too_narrow, GError **error)
{
    g_autoptr(SinterQcow2Shadow) shadow = sinter_qcow2_shadow_new(writer, order);
    gboolean ok =
        (order == writer->geo.refcount_order || sinter_qcow2_shadow_convert(shadow, NULL, error)) &&
        build(shadow, data, error) && sinter_qcow2_shadow_commit(shadow, error);

    *ret_too_narrow = shadow->is_too_narrow;
    return ok;
}

gboolean
sinter_qcow2_refcount_width_change(SinterQcow2Writer *writer, SinterQcow2BuildFunc build,
                                   gpointer data, GError **error)
{
    guint32 widest =
        writer->header->version < 3 ? writer->geo.refcount_order : SINTER_QCOW2_REFCOUNT_ORDER_MAX;

    for (guint32 order = writer->geo.refcount_order;; order++) {
        g_autoptr(GError) local = NULL;
        gboolean is_too_narrow = FALSE;

        if (try_width(writer, order, build, data, &is_too_narrow, &local))
            return TRUE;
        if (is_too_narrow && order < widest)
            continue;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
}
