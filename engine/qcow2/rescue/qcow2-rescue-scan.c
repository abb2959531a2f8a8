/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the whole file once, without its holes, and examines it cluster by cluster. Invariant: the
 * clues are in the order of the clusters; what cannot be read counts as empty.
 */

#include "qcow2-rescue-scan.h"
#include "qcow2-clue-find.h"
#include "qcow2-rescue-backing.h"
#include "qcow2/layout/qcow2-table-judge.h"
#include "sinter-progress.h"

typedef struct {
    SinterQcow2Rescue *rescue;
    guint8 *buf;     /* the cluster that is being assembled; zeros where nothing was read */
    guint64 cluster; /* its number, NO_CLUSTER: none */
} Scan;

static gboolean
is_zero(const guint8 *data, gsize len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void
scan_add_table(SinterQcow2Rescue *self, guint64 cluster, guint32 n_used, guint32 n_bad)
{
    SinterQcow2RescueTable table = { .cluster = cluster,
                                     .slot = SINTER_QCOW2_NO_SLOT,
                                     .first = SINTER_QCOW2_NO_CLUSTER,
                                     .last = SINTER_QCOW2_NO_CLUSTER,
                                     .n_used = n_used,
                                     .n_bad = n_bad };

    g_array_append_val(self->tables, table);
    self->use[cluster] = SINTER_QCOW2_RESCUE_TABLE;
}

static void
scan_cluster(SinterQcow2Rescue *self, guint64 cluster, const guint8 *data)
{
    SinterQcow2TableJudgement judgement;

    if (self->use[cluster] == SINTER_QCOW2_RESCUE_METADATA || is_zero(data, self->geo.cluster_size))
        return;
    if (self->use[cluster] == SINTER_QCOW2_RESCUE_EMPTY) {
        self->use[cluster] = SINTER_QCOW2_RESCUE_ORPHAN;
        judgement = sinter_qcow2_judge_table(&self->geo, self->n_clusters, data);
        if (sinter_qcow2_judgement_is_table(&judgement)) {
            scan_add_table(self, cluster, judgement.n_used, judgement.n_bad);
            return;
        }
        if (sinter_qcow2_judge_refblock(&self->geo, data)) {
            self->use[cluster] = SINTER_QCOW2_RESCUE_REFBLOCK;
            return;
        }
    }
    if (self->use[cluster] == SINTER_QCOW2_RESCUE_ORPHAN)
        sinter_qcow2_rescue_remember(self, cluster, data);
    sinter_qcow2_clues_find(&self->clues, cluster, data, self->geo.cluster_size);
}

static void
scan_finish(Scan *self)
{
    if (self->cluster == SINTER_QCOW2_NO_CLUSTER)
        return;
    scan_cluster(self->rescue, self->cluster, self->buf);
    memset(self->buf, 0, self->rescue->geo.cluster_size);
    self->cluster = SINTER_QCOW2_NO_CLUSTER;
}

/* Pieces come in order; a hole may split a cluster. */
static gboolean
scan_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Scan *self = user_data;
    guint bits = self->rescue->geo.cluster_bits;
    gsize size = self->rescue->geo.cluster_size;

    while (len > 0 && at >> bits < self->rescue->n_clusters) {
        gsize inner = (gsize)(at & (size - 1));
        gsize part = MIN(len, size - inner);

        if (at >> bits != self->cluster)
            scan_finish(self);
        if (part == size) {
            scan_cluster(self->rescue, at >> bits, data);
        } else {
            memcpy(self->buf + inner, data, part);
            self->cluster = at >> bits;
        }
        at += part;
        data += part;
        len -= part;
    }
    return TRUE;
}

static gboolean
scan_goes_on(const GError *failed, guint64 offset, guint64 bytes, gpointer user_data)
{
    return TRUE;
}

gboolean
sinter_qcow2_rescue_scan(SinterQcow2Rescue *self, GError **error)
{
    g_autofree guint8 *buf = g_malloc0(self->geo.cluster_size);
    const SinterQcow2Range range = { 0, self->file_bytes };
    Scan scan = { self, buf, SINTER_QCOW2_NO_CLUSTER };
    const SinterQcow2Reader reader = {
        .io = self->io,
        .file_bytes = self->file_bytes,
        .skip_holes = TRUE,
        .cancellable = self->cancellable,
        .progress = self->progress,
        .failed = scan_goes_on,
    };

    sinter_progress_set_total(self->progress, self->file_bytes);
    if (!sinter_qcow2_reader_run(&reader, &range, 1, scan_piece, &scan, error))
        return FALSE;
    scan_finish(&scan);
    return TRUE;
}
