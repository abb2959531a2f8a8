/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-image-report.h"

G_BEGIN_DECLS

/* Called from any thread. */
typedef void (*SinterWorkerProgressFunc)(guint64 done_bytes, guint64 total_bytes,
                                         gpointer user_data);

/* The image at @place of the request's files was checked. Called in the thread of the work. */
typedef void (*SinterWorkerReportFunc)(guint place, const SinterImageReport *report,
                                       gpointer user_data);

/* Control and progress of the running work. */
typedef struct {
    guint64 bandwidth_bytes_per_sec; /* atomic; 0: no limit */
    GCancellable *cancellable;
    SinterWorkerProgressFunc func;
    SinterWorkerReportFunc report;
    gpointer user_data;
} SinterWorkerControl;

G_END_DECLS
