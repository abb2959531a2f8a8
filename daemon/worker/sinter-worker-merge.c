/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the engine's merge for the worker. It keeps no journal: the daemon's job record serves as
 * one, and after an interruption the same request repeats the merge.
 */

#include "sinter-worker-merge.h"

#include <sinter/merge.h>

#include "sinter-progress.h"

typedef struct {
    SinterWorkerControl *control;
    guint64 total_bytes;
} Told;

static void
tell(double fraction, gpointer user_data)
{
    const Told *told = user_data;
    guint64 done_bytes = (guint64)((double)told->total_bytes * CLAMP(fraction, 0.0, 1.0));

    told->control->func(done_bytes, told->total_bytes, told->control->user_data);
}

static const SinterWorkerFile *
get_file(const SinterWorkerRequest *request, guint place)
{
    return g_ptr_array_index(request->files, place);
}

gboolean
sinter_worker_merge(SinterFs *fs, const SinterWorkerRequest *request, SinterWorkerControl *control,
                    GError **error)
{
    const SinterWorkerFile *active = get_file(request, 0);
    Told told = { .control = control };
    g_autoptr(SinterProgress) progress = sinter_progress_new(tell, &told);
    g_autoptr(SinterMergePlan) plan = NULL;
    const SinterMergeOptions options = {
        .fs = fs,
        .format = active->format,
        .top = get_file(request, request->first)->path,
        .base = get_file(request, request->last)->path,
        .direction = request->direction == SINTER_WORKER_UP ? SINTER_MERGE_UP : SINTER_MERGE_DOWN,
        .flags = SINTER_MERGE_NO_JOURNAL | SINTER_MERGE_BITMAPS,
        .rate_now = &control->bandwidth_bytes_per_sec,
        .cancellable = control->cancellable,
        .progress = progress,
    };

    plan = sinter_merge_plan_new(active->path, &options, error);
    if (!plan)
        return FALSE;
    told.total_bytes = plan->bytes_to_move;
    tell(0, &told);
    return sinter_merge(active->path, &options, NULL, error);
}
