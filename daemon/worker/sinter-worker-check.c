/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the engine's check for the worker. Progress is counted in bytes of the image files: the
 * check reads only a part of each, but in proportion to its size. Invariant: nothing is written.
 */

#include "sinter-worker-check.h"

#include <sinter/check.h>

#include "sinter-error.h"
#include "sinter-progress.h"

typedef struct {
    SinterWorkerControl *control;
    guint64 before_bytes; /* of the images that are done */
    guint64 now_bytes;    /* of the image that is being checked */
    guint64 total_bytes;
} Told;

static void
tell(double fraction, gpointer user_data)
{
    const Told *told = user_data;
    guint64 here = (guint64)((double)told->now_bytes * CLAMP(fraction, 0.0, 1.0));

    told->control->func(told->before_bytes + here, told->total_bytes, told->control->user_data);
}

static const SinterWorkerFile *
get_file(const SinterWorkerRequest *request, guint place)
{
    return g_ptr_array_index(request->files, place);
}

static gboolean
get_size(SinterFs *fs, const SinterWorkerFile *file, guint64 *ret_bytes, GError **error)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, file->path, SINTER_IO_READ, error);

    return io && sinter_io_get_size(io, ret_bytes, error);
}

/* (transfer full): the size of each file */
static guint64 *
measure(SinterFs *fs, const SinterWorkerRequest *request, guint64 *ret_total, GError **error)
{
    g_autofree guint64 *sizes = g_new0(guint64, request->files->len);

    *ret_total = 0;
    for (guint i = 0; i < request->files->len; i++) {
        if (!get_size(fs, get_file(request, i), &sizes[i], error))
            return NULL;
        if (__builtin_add_overflow(*ret_total, sizes[i], ret_total))
            *ret_total = G_MAXUINT64;
    }
    return g_steal_pointer(&sizes);
}

/* --- the report ------------------------------------------------------------------------------- */

static void
add_finding(SinterImageReport *report, const SinterFinding *found)
{
    SinterImageFinding *finding = sinter_image_report_add(report);

    if (!finding)
        return;
    finding->code = g_strdup(sinter_finding_code_name(found->code));
    finding->klass = g_strdup(sinter_finding_class_name(sinter_finding_code_class(found->code)));
    finding->text = sinter_finding_get_text(found);
    finding->guest_offset = found->guest_offset;
    finding->host_offset = found->host_offset;
    finding->times = found->times;
}

/* The worst first: what does not fit is dropped. */
SinterImageReport *
sinter_worker_check_report(const SinterCheckResult *result)
{
    static const SinterFindingClass order[] = { SINTER_FINDING_CORRUPTION, SINTER_FINDING_ERROR,
                                                SINTER_FINDING_LEAK, SINTER_FINDING_NOTE };
    SinterImageReport *report = sinter_image_report_new(SINTER_IMAGE_CHECKED, result->trouble);

    report->complete = result->complete;
    report->leaks_are_safe = result->leaks_are_safe;
    report->corruptions = result->counts.corruptions;
    report->leaks = result->counts.leaks;
    report->errors = result->counts.errors;
    report->notes = result->counts.notes;
    for (gsize i = 0; i < G_N_ELEMENTS(order); i++) {
        for (guint j = 0; j < result->findings->len; j++) {
            const SinterFinding *found = &g_array_index(result->findings, SinterFinding, j);

            if (sinter_finding_code_class(found->code) == order[i])
                add_finding(report, found);
        }
    }
    return report;
}

/* --- the work --------------------------------------------------------------------------------- */

static SinterImageReport *
check_image(SinterFs *fs, const SinterWorkerFile *file, const SinterCheckOptions *options,
            GError **error)
{
    g_autoptr(SinterCheckResult) result =
        sinter_image_check(fs, file->path, file->format, options, error);

    return result ? sinter_worker_check_report(result) : NULL;
}

/* (transfer full) (nullable): %NULL if the work was cancelled */
static SinterImageReport *
work_on_image(SinterFs *fs, const SinterWorkerFile *file, SinterWorkerImageFunc func, Told *told,
              GError **error)
{
    g_autoptr(SinterProgress) progress = sinter_progress_new(tell, told);
    const SinterCheckOptions options = {
        .flags = SINTER_CHECK_KEEP_GOING,
        .cancellable = told->control->cancellable,
        .progress = progress,
    };
    g_autoptr(GError) local = NULL;
    SinterImageReport *report = func(fs, file, &options, &local);

    if (report)
        return report;
    if (!g_cancellable_is_cancelled(told->control->cancellable))
        return sinter_image_report_new(SINTER_IMAGE_FAILED, local->message);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CANCELLED, "cancelled on request");
    return NULL;
}

gboolean
sinter_worker_check(SinterFs *fs, const SinterWorkerRequest *request, SinterWorkerControl *control,
                    GError **error)
{
    return sinter_worker_check_each(fs, request, check_image, control, error);
}

gboolean
sinter_worker_check_each(SinterFs *fs, const SinterWorkerRequest *request,
                         SinterWorkerImageFunc func, SinterWorkerControl *control, GError **error)
{
    Told told = { .control = control };
    g_autofree guint64 *sizes = measure(fs, request, &told.total_bytes, error);

    if (!sizes)
        return FALSE;
    tell(0, &told);
    for (guint i = 0; i < request->files->len; i++) {
        g_autoptr(SinterImageReport) report = NULL;

        told.now_bytes = sizes[i];
        report = work_on_image(fs, get_file(request, i), func, &told, error);
        if (!report)
            return FALSE;
        control->report(i, report, control->user_data);
        told.before_bytes += sizes[i];
    }
    return TRUE;
}
