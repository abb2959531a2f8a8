/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The first pass of a transfer between files that share blocks. If the data to copy is scattered
 * over the disk but is in a few runs in its file, these runs are copied as a whole into new
 * clusters and then mapped, instead of one kernel call for each run of the disk. Invariant: up to
 * @adopted_end it adopts exactly the clusters that sinter_transfer_plan_adopts() reports, and the
 * second pass skips them; clusters that were adopted after it are copied again, over themselves.
 *
 *   the disk:        a c b . d          calls, cluster by cluster: 4
 *   the layer's file:  a b c d          calls, adopted: 1
 */

#include "sinter-transfer-adopt.h"
#include "sinter-relay.h"
#include "sinter-transfer-plan.h"
#include "sinter-error.h"

/* With fewer runs, copying is faster than sorting. */
#define RUNS_MIN 64
/* Processed at a time: 6 MiB of runs, and the same again for sorting. */
#define RUNS_MAX (256 * 1024)
/* Adopted clusters are not in disk order, so the gain must be worth it. */
#define GAIN_MIN 4
/* Amount per call, so that a cancellation takes effect soon. */
#define ADOPT_MAX_BYTES (64 * 1024 * 1024)

typedef struct {
    guint32 layer;
    guint32 n_clusters;
    guint64 from;   /* in the layer's file */
    guint64 offset; /* in the target */
} Stray;

static gint
compare_strays(gconstpointer a, gconstpointer b)
{
    const Stray *x = a;
    const Stray *y = b;

    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static gboolean
strays_follow(const SinterTransferState *self, const Stray *one, const Stray *next)
{
    return one->layer == next->layer &&
           one->from + one->n_clusters * self->cluster_size == next->from;
}

/* Collects runs that could be adopted, from the position of the walk on, up to RUNS_MAX. */
static gboolean
collect(SinterTransferState *self, GArray *strays, GError **error)
{
    const SinterTransfer *job = self->job;

    g_array_set_size(strays, 0);
    while (self->at < self->end && strays->len < RUNS_MAX) {
        SinterTransferStep step;
        Stray stray = { 0 };

        if (!sinter_relay_check_cancelled(job->cancellable, error) ||
            !sinter_transfer_plan_step(self, &step, error))
            return FALSE;
        if (sinter_transfer_plan_adopts(self, &step)) {
            guint64 n = (step.end - self->at) / self->cluster_size;

            /* a run may be longer than the fields of a stray allow */
            stray.n_clusters = (guint32)MIN(n, G_MAXUINT32);
            step.end = self->at + stray.n_clusters * self->cluster_size;
            stray.layer = self->extent.layer;
            stray.from = self->extent.host_offset + (self->at - self->extent.offset);
            stray.offset = self->at - job->offset + job->target_offset;
            g_array_append_val(strays, stray);
        }
        self->at = step.end;
    }
    return TRUE;
}

static guint
count_runs(const SinterTransferState *self, GArray *strays)
{
    guint n = strays->len > 0 ? 1 : 0;

    for (guint i = 1; i < strays->len; i++) {
        if (!strays_follow(self, &g_array_index(strays, Stray, i - 1),
                           &g_array_index(strays, Stray, i)))
            n++;
    }
    return n;
}

/* Adopts clusters that are contiguous in their file: at most as many as fit in @guests. */
static gboolean
adopt_run(SinterTransferState *self, const Stray *first, GArray *guests, GError **error)
{
    const SinterTransfer *job = self->job;
    guint64 bytes = guests->len * self->cluster_size;

    if (!sinter_relay_check_cancelled(job->cancellable, error))
        return FALSE;
    if (!sinter_handle_adopt_at(job->target, (const guint64 *)(gpointer)guests->data, guests->len,
                                sinter_chain_get_data_io(job->source, first->layer), first->from,
                                error)) {
        sinter_error_prefix(error, "error while writing at byte %" G_GUINT64_FORMAT ": ",
                            first->offset);
        return FALSE;
    }
    self->stats.copied += bytes;
    g_array_set_size(guests, 0);
    return TRUE;
}

static gboolean
adopt_all(SinterTransferState *self, GArray *strays, GError **error)
{
    g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(guint64));
    guint64 size = self->cluster_size;
    guint max = (guint)MAX(ADOPT_MAX_BYTES / size, 1);
    Stray first = { 0 }; /* of @guests */
    Stray last = { 0 };  /* the previous cluster */

    for (guint i = 0; i < strays->len; i++) {
        Stray one = g_array_index(strays, Stray, i);
        guint64 end = one.offset + one.n_clusters * size;

        for (one.n_clusters = 1; one.offset < end; one.offset += size) {
            if (guests->len > 0 && (guests->len == max || !strays_follow(self, &last, &one)) &&
                !adopt_run(self, &first, guests, error))
                return FALSE;
            if (guests->len == 0)
                first = one;
            g_array_append_val(guests, one.offset);
            last = one;
            one.from += size;
        }
    }
    return guests->len == 0 || adopt_run(self, &first, guests, error);
}

/* Returns whether the collected data is in few enough runs for adoption to be worth it. */
static gboolean
is_worth_it(const SinterTransferState *self, GArray *strays)
{
    guint n_runs = count_runs(self, strays);

    if (n_runs < RUNS_MIN)
        return FALSE;
    g_array_sort(strays, compare_strays);
    return (guint64)count_runs(self, strays) * GAIN_MIN <= n_runs;
}

/* Returns whether the layers that are moved are still assumed to share blocks, as before. */
static gboolean
still_shares(const SinterTransferState *self)
{
    const SinterTransfer *job = self->job;

    for (guint i = job->first_layer; i <= self->last_layer; i++) {
        if (self->shares[i] && !sinter_io_shares_blocks(sinter_handle_get_data_io(job->target),
                                                        sinter_chain_get_data_io(job->source, i)))
            return FALSE;
    }
    return TRUE;
}

/* Returns whether any step would copy by sharing blocks. */
static gboolean
can_adopt(const SinterTransferState *self)
{
    const SinterTransfer *job = self->job;

    if (!(self->traits->flags & SINTER_FORMAT_ADOPTS) || job->filter || job->unless_same ||
        job->via_memory || job->salvages || job->compression == SINTER_TRANSFER_COMPRESS)
        return FALSE;
    for (guint i = job->first_layer; i <= self->last_layer; i++) {
        if (self->shares[i])
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_transfer_adopt(SinterTransferState *self, GError **error)
{
    g_autoptr(GArray) strays = NULL;

    if (!can_adopt(self))
        return TRUE;
    strays = g_array_new(FALSE, FALSE, sizeof(Stray));
    while (self->at < self->end) {
        if (!collect(self, strays, error))
            return FALSE;
        if (!is_worth_it(self, strays))
            break;
        if (!adopt_all(self, strays, error))
            return FALSE;
        /* the bytes were copied after all: the normal way is better for the rest */
        if (!still_shares(self))
            break;
        self->adopted_end = self->at;
    }
    return sinter_transfer_plan_rewind(self, error);
}
