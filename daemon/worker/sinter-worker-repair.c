/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the engine's repair for the worker. Invariant: an image is changed only through the set that
 * records its former content in its undo file.
 */

#include "sinter-worker-repair.h"

#include <sinter/repair.h>
#include <sinter/undo.h>
#include <unistd.h>

#include "sinter-worker-check.h"

/* The name of the undo file in the set of files: no image has it, because images are regular files
 * or devices and their names do not end with a slash. */
static char *
undo_name(const SinterWorkerFile *file)
{
    return g_strconcat(file->path, "/undo", NULL);
}

gboolean
sinter_worker_repair_take_undo_files(SinterFs *fs, const SinterWorkerRequest *request,
                                     GError **error)
{
    for (guint i = 0; i < request->files->len; i++) {
        const SinterWorkerFile *file = g_ptr_array_index(request->files, i);
        g_autofree char *name = undo_name(file);

        if (file->undo_fd == 0)
            continue;
        if (!sinter_fs_add_new_descriptor(fs, name, (int)file->undo_fd, error))
            return FALSE;
        close((int)file->undo_fd);
    }
    return TRUE;
}

/* Counts what became of the findings. */
static void
count_steps(const SinterRepairResult *result, SinterImageReport *report)
{
    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);

        if (step->state == SINTER_REPAIR_DONE)
            report->repaired += step->times;
        else if (step->state == SINTER_REPAIR_LEFT)
            report->left += step->times;
    }
}

static SinterImageReport *
repair_image(SinterFs *fs, const SinterWorkerFile *file, const SinterCheckOptions *check,
             SinterRepairLevel level, GError **error)
{
    const SinterRepairOptions options = { .level = level, .check = *check };
    g_autofree char *name = undo_name(file);
    const SinterUndoRecording what = {
        .image_path = file->path,
        .undo_path = name,
        .undo_fs = fs,
        .operation = level == SINTER_REPAIR_ALL ? "sinter check --repair=all"
                                                : "sinter check --repair=leaks",
    };
    g_autoptr(SinterFs) recording = sinter_undo_record_new(fs, &what, error);
    g_autoptr(SinterRepairResult) result = NULL;
    SinterImageReport *report;

    if (recording)
        result = sinter_image_repair(recording, file->path, file->format, &options, error);
    if (recording && !sinter_undo_record_finish(recording, NULL, result ? error : NULL))
        return NULL;
    if (!result)
        return NULL;
    report = sinter_worker_check_report(sinter_repair_result_get_state(result));
    count_steps(result, report);
    return report;
}

static SinterImageReport *
repair_leaks(SinterFs *fs, const SinterWorkerFile *file, const SinterCheckOptions *options,
             GError **error)
{
    return repair_image(fs, file, options, SINTER_REPAIR_LEAKS, error);
}

static SinterImageReport *
repair_all(SinterFs *fs, const SinterWorkerFile *file, const SinterCheckOptions *options,
           GError **error)
{
    return repair_image(fs, file, options, SINTER_REPAIR_ALL, error);
}

gboolean
sinter_worker_repair(SinterFs *fs, const SinterWorkerRequest *request, SinterWorkerControl *control,
                     GError **error)
{
    return sinter_worker_check_each(
        fs, request, request->action == SINTER_WORKER_REPAIR_ALL ? repair_all : repair_leaks,
        control, error);
}
