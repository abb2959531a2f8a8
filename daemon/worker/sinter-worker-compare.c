/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the engine's comparison for the worker. Invariant: nothing is written, and a report is sent
 * only if both disks were read to their ends.
 */

#include "sinter-worker-compare.h"

#include <sinter/compare.h>

#include "sinter-progress.h"
#include "sinter-units.h"

#define FINDING_CODE "content-differs"

typedef struct {
    SinterWorkerControl *control;
    guint64 total_bytes;
    SinterImageReport *report;
    guint64 differing_bytes;
} Comparison;

static void
tell(double fraction, gpointer user_data)
{
    const Comparison *self = user_data;
    guint64 done_bytes = (guint64)((double)self->total_bytes * CLAMP(fraction, 0.0, 1.0));

    self->control->func(done_bytes, self->total_bytes, self->control->user_data);
}

/* All ranges are counted; the report keeps the first ones. */
static void
take_difference(guint64 offset, guint64 length, gpointer user_data)
{
    Comparison *self = user_data;
    SinterImageFinding *finding = sinter_image_report_add(self->report);
    g_autofree char *size = NULL;

    self->report->notes++;
    self->differing_bytes += length;
    if (!finding)
        return;
    size = sinter_units_format_bytes(length);
    finding->code = g_strdup(FINDING_CODE);
    finding->klass = g_strdup("note");
    finding->text = g_strdup_printf("%s differ", size);
    finding->guest_offset = offset;
    finding->length = length;
}

static SinterChain *
open_chain(SinterFs *fs, const SinterWorkerRequest *request, guint place, GError **error)
{
    const SinterWorkerFile *top = g_ptr_array_index(request->files, place);
    const SinterChainOptions options = { .fs = fs, .format = top->format };

    return sinter_chain_open(top->path, &options, error);
}

static char *
summarize(const Comparison *self)
{
    g_autofree char *size = sinter_units_format_bytes(self->differing_bytes);

    if (self->report->notes == 0)
        return g_strdup("a guest reads the same content");
    return g_strdup_printf("%" G_GUINT64_FORMAT " range%s differ%s, %s in all", self->report->notes,
                           self->report->notes == 1 ? "" : "s", self->report->notes == 1 ? "s" : "",
                           size);
}

gboolean
sinter_worker_compare(SinterFs *fs, const SinterWorkerRequest *request,
                      SinterWorkerControl *control, GError **error)
{
    g_autoptr(SinterChain) one = open_chain(fs, request, 0, error);
    g_autoptr(SinterChain) other = one ? open_chain(fs, request, request->last, error) : NULL;
    g_autoptr(SinterImageReport) report = sinter_image_report_new(SINTER_IMAGE_CHECKED, NULL);
    Comparison self = { .control = control, .report = report };
    g_autoptr(SinterProgress) progress = sinter_progress_new(tell, &self);
    const SinterCompareOptions options = { .cancellable = control->cancellable,
                                           .progress = progress };

    if (!other)
        return FALSE;
    self.total_bytes =
        MAX(sinter_chain_get_virtual_size(one), sinter_chain_get_virtual_size(other));
    tell(0, &self);
    if (!sinter_compare_all(one, other, &options, take_difference, &self, error))
        return FALSE;
    report->complete = TRUE;
    report->text = summarize(&self);
    control->report(request->last, report, control->user_data);
    return TRUE;
}
