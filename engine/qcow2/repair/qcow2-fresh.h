/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finds clusters for new tables and data while an image is repaired. Stored refcounts may be wrong,
 * so a cluster is free only if no reference to it was counted. If damaged entries may refer to
 * clusters that look unused, only clusters beyond the end of the file are taken, and only below the
 * lowest place that a damaged entry refers to, because the entry would otherwise find the new
 * content; if they do not suffice, clusters without references whose refcount is 0.
 *
 * What the present refcount table occupies or refers to is never taken, even where it is damaged
 * and was not counted: it is in use until a new table takes its place.
 */

#include "qcow2/check/qcow2-check-pass.h"

G_BEGIN_DECLS

typedef struct {
    SinterQcow2Check *check; /* borrowed */
    gboolean may_reuse;      /* what nothing refers to is certainly unused */
    guint64 inside;          /* where to search next in the file */
    guint64 beyond;          /* where to search next beyond its end */
    /* borrowed, NULL: none; references of another state, whose clusters are not taken either */
    const SinterQcow2RefcountMap *others;
    GArray *uncounted; /* of guint64, sorted: clusters of damaged refcount structures */
} SinterQcow2Fresh;

void sinter_qcow2_fresh_init(SinterQcow2Fresh *self, SinterQcow2Check *check, gboolean may_reuse);
void sinter_qcow2_fresh_clear(SinterQcow2Fresh *self);

/*
 * Returns the first of @n contiguous clusters, which are counted as metadata with one reference in
 * the check's map. Fails with UNSUPPORTED if there is no safe place.
 */
gboolean sinter_qcow2_fresh_take(SinterQcow2Fresh *self, guint64 n, guint64 *ret, GError **error);

G_END_DECLS
