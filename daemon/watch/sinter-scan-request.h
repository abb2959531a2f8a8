/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-event.h"

G_BEGIN_DECLS

/**
 * SinterScanRequest: what one scan is to read, and the tasks that wait for its end. Main context; a
 * worker may read @all and @uuids while the scan runs.
 */
typedef struct {
    gboolean all; /* every domain */
    GHashTable
        *uuids; /* uuid → gint64*: these domains, unless all, as read then (monotonic) or later */
    GPtrArray *tasks;  /* of GTask */
    GPtrArray *events; /* of SinterEvent: their disks may be known when the scan has ended */
} SinterScanRequest;

SinterScanRequest *sinter_scan_request_new(void);
void sinter_scan_request_free(SinterScanRequest *request);

/* @uuid: %NULL for all, which are read anew; @since_usec: when the reading of the domain must have
 * begun at the earliest; @task: (transfer full) (nullable): answered at the end */
void sinter_scan_request_add(SinterScanRequest *request, const char *uuid, gint64 since_usec,
                             GTask *task);

/* Copies @event, which then waits for the end. Returns %FALSE if the scan (%NULL for none) does not
 * read the event's domain, or too many events are waiting. */
gboolean sinter_scan_request_take_event(SinterScanRequest *request, const SinterEvent *event);

/* Answers the tasks; @error: (nullable): why the scan failed. */
void sinter_scan_request_answer(const SinterScanRequest *request, const GError *error);

G_END_DECLS
