/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-job-progress.h"
#include "sinter-job-record.h"

G_BEGIN_DECLS

/**
 * SinterJob:
 *
 * A job on one disk, from its acceptance to its end: done, failed, cancelled or quarantined. For
 * the main context it is a set of changing values and some requests.
 *
 * Signals, on the main context:
 *  - "changed": a value below has changed. Frequent: a handler that forwards it must limit the
 *    rate.
 *  - "ended": when the phase is final and the record durable; again after sinter_job_resolve().
 */
#define SINTER_TYPE_JOB (sinter_job_get_type())
G_DECLARE_FINAL_TYPE(SinterJob, sinter_job, SINTER, JOB, GObject)

/* (transfer none): the present state; valid until the main context runs again */
const SinterJobRecord *sinter_job_get_record(SinterJob *self);
const SinterJobProgress *sinter_job_get_progress(SinterJob *self);

/* Returns whether a request to cancel would still have an effect (not after the pivot was
 * requested). */
gboolean sinter_job_is_cancelable(SinterJob *self);

/* Requests cancellation; the job then ends as cancelled, or as done if it was too late. BUSY if it
 * can no longer be cancelled, FAILED if it has ended. */
gboolean sinter_job_cancel(SinterJob *self, GError **error);

/**
 * sinter_job_resolve:
 * @choice: a SINTER_JOB_CHOICE
 *
 * Continues a job that is in doubt (see SinterJobRecord): compares its images, or uses the one that
 * @choice names. It enters the phase SINTER_PHASE_RESOLVING at once and ends again: as done (new),
 * as cancelled (old), or, after a comparison or if the choice cannot be carried out, quarantined as
 * before. BUSY if that is running, FAILED if the job is not in doubt, INVALID_ARGUMENT.
 */
gboolean sinter_job_resolve(SinterJob *self, const char *choice, GError **error);

/* Sets a new limit, 0 for none; takes effect at once. FAILED if the job has ended. */
gboolean sinter_job_set_bandwidth(SinterJob *self, guint64 bytes_per_sec, GError **error);

G_END_DECLS
