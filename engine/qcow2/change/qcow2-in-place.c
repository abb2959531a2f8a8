/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes of metadata in place, for which no space is needed. Invariant: everything is durable
 * before the root refers to it, and refcounts are decremented after nothing durable refers to a
 * cluster. While refcounts do not match, an image of version 3 is marked as not closed cleanly, so
 * that the next program to open it repairs them.
 */

#include "qcow2-in-place.h"
#include "qcow2/write/qcow2-alloc.h"
#include "qcow2/write/qcow2-rebuild.h"
#include "qcow2/write/qcow2-sparse.h"
#include "sinter-error.h"

typedef struct {
    guint64 first;
    guint64 n;
} Run;

/* Returns whether the first @len bytes of the run take space in the file already. */
static gboolean
run_takes_space(SinterQcow2Writer *writer, const Run *run, gsize len)
{
    guint64 at = run->first << writer->geo.cluster_bits;
    guint64 end = at + len;

    while (at < end) {
        SinterIoExtent extent;

        if (!sinter_io_extent(writer->io, at, end - at, &extent, NULL) || extent.is_hole)
            return FALSE;
        at += extent.length_bytes;
    }
    return TRUE;
}

/* Allocates @n contiguous clusters; what does not fit is added to @skipped (of Run). */
static gboolean
take_contiguous(SinterQcow2Writer *writer, guint64 n, Run *run, GArray *skipped, GError **error)
{
    *run = (Run){ 0 };
    while (run->n < n) {
        Run next = { 0 };
        gboolean ok = sinter_qcow2_alloc_take(writer, n - run->n, &next.first, &next.n, error);

        if (ok && run->n > 0 && next.first == run->first + run->n) {
            run->n += next.n;
            continue;
        }
        if (run->n > 0)
            g_array_append_vals(skipped, run, 1);
        *run = next;
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

static void
untake_all(SinterQcow2Writer *writer, const GArray *runs)
{
    for (guint i = 0; i < runs->len; i++) {
        const Run *one = &g_array_index(runs, Run, i);

        sinter_qcow2_alloc_untake(writer, one->first, one->n);
    }
}

static gboolean
take_lowest(SinterQcow2Writer *writer, guint64 n, Run *run, GError **error)
{
    g_autoptr(GArray) skipped = g_array_new(FALSE, FALSE, sizeof(Run));
    gboolean ok = take_contiguous(writer, n, run, skipped, error);

    untake_all(writer, skipped);
    return ok;
}

/*
 * Allocates contiguous clusters for @len bytes: free ones that take space already, because a full
 * file system may keep what is freed for itself; otherwise the lowest.
 */
static gboolean
take_run(SinterQcow2Writer *writer, gsize len, Run *run, GError **error)
{
    g_autoptr(GArray) skipped = g_array_new(FALSE, FALSE, sizeof(Run));
    guint64 n = sinter_qcow2_geometry_clusters(&writer->geo, len);
    gboolean ok;
    gboolean suits = FALSE;

    do {
        ok = take_contiguous(writer, n, run, skipped, error);
        suits = ok && run_takes_space(writer, run, len);
        if (ok && !suits)
            g_array_append_vals(skipped, run, 1);
    } while (ok && !suits && run->first + n < writer->first_end);
    untake_all(writer, skipped);
    return ok && (suits || take_lowest(writer, n, run, error));
}

gboolean
sinter_qcow2_in_place_store(SinterQcow2Writer *writer, const guint8 *data, gsize len, guint64 *ret,
                            GError **error)
{
    guint bits = writer->geo.cluster_bits;
    g_autoptr(GError) local = NULL;
    g_autoptr(GError) undone = NULL;
    Run run;

    sinter_qcow2_sparse_tables(writer);
    if (!take_run(writer, len, &run, error))
        return FALSE;
    *ret = run.first << bits;
    if (sinter_qcow2_writer_finish(writer, &local) &&
        sinter_io_write(writer->io, *ret, data, len, &local) && sinter_io_flush(writer->io, &local))
        return TRUE;
    sinter_qcow2_alloc_untake(writer, run.first, run.n);
    /* a flush that fails is never passed over, also not for lack of space */
    if (sinter_qcow2_writer_finish(writer, &undone))
        sinter_io_discard(writer->io, *ret, run.n << bits, NULL);
    g_propagate_error(error, undone ? g_steal_pointer(&undone) : g_steal_pointer(&local));
    return FALSE;
}

gboolean
sinter_qcow2_in_place_release(SinterQcow2Writer *writer, const GArray *clusters, GError **error)
{
    for (guint i = 0; i < clusters->len; i++)
        sinter_qcow2_alloc_release(writer, g_array_index(clusters, guint64, i));
    return sinter_qcow2_writer_finish(writer, error);
}

gboolean
sinter_qcow2_in_place_recount(SinterQcow2Writer *writer, const SinterQcow2Root *root, GArray *freed,
                              GError **error)
{
    SinterQcow2Root marked = *root;

    if (writer->header->version >= 3)
        marked.incompatible |= SINTER_QCOW2_INCOMPAT_DIRTY;
    return sinter_qcow2_root_write(writer->io, writer->header, &marked, error) &&
           sinter_qcow2_writer_rebuild(writer, freed, error);
}

static void
punch_run(SinterQcow2Writer *writer, Run *run)
{
    guint bits = writer->geo.cluster_bits;

    if (run->n > 0)
        sinter_io_discard(writer->io, run->first << bits, run->n << bits, NULL);
    *run = (Run){ 0 };
}

void
sinter_qcow2_in_place_punch(SinterQcow2Writer *writer, const GArray *freed)
{
    Run run = { 0 };

    for (guint i = 0; i < freed->len; i++) {
        guint64 cluster = g_array_index(freed, guint64, i);
        guint64 count = 1;

        if (!sinter_qcow2_alloc_get_refcount(writer, cluster, &count, NULL) || count != 0)
            continue;
        if (run.n > 0 && run.first + run.n == cluster) {
            run.n++;
            continue;
        }
        punch_run(writer, &run);
        run = (Run){ cluster, 1 };
    }
    punch_run(writer, &run);
}
