/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-job-progress.h"
#include "sinter-job-record.h"

G_BEGIN_DECLS

/**
 * SinterJob:
 *
 * One piece of work on one disk, from its acceptance to its one end: done, failed, cancelled or
 * quarantined. Seen from the main context it is a set of values that change and two requests.
 *
 * Signals, on the main context:
 *  - "changed": a value below is new. Often; whoever passes it on must bound the rate.
 *  - "ended": once, when the phase is final and the record durable.
 */
#define SINTER_TYPE_JOB (sinter_job_get_type())
G_DECLARE_FINAL_TYPE(SinterJob, sinter_job, SINTER, JOB, GObject)

/* (transfer none): as of now; valid until the main context runs again */
const SinterJobRecord *sinter_job_get_record(SinterJob *self);
const SinterJobProgress *sinter_job_get_progress(SinterJob *self);

/* Whether a request to cancel would still be heeded (not once the pivot is asked for). */
gboolean sinter_job_is_cancelable(SinterJob *self);

/* Asks for the end; the job then ends as cancelled, or as done when it was too late.
 * BUSY when it no longer can be, FAILED when it has ended. */
gboolean sinter_job_cancel(SinterJob *self, GError **error);

/* A new limit, 0 for none, at once. FAILED when it has ended. */
gboolean sinter_job_set_bandwidth(SinterJob *self, guint64 bytes_per_sec, GError **error);

G_END_DECLS
