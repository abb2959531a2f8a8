/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-connection.h"
#include "sinter-model.h"
#include "sinter-scan-request.h"
#include "sinter-scan-settings.h"

G_BEGIN_DECLS

/* A scan for the inventory, in a thread. */
typedef struct {
    SinterConnection *connection;
    SinterScanSettings *settings;
    SinterScanRequest *request;
    GHashTable *known; /* uuid (owned by the domain) → SinterDomain: what the inventory shows */
} SinterScanWork;

void sinter_scan_work_free(gpointer work);

/* The result of one scan. */
typedef struct {
    gboolean all;
    GHashTable *domains; /* uuid → SinterDomain, %NULL for one that no longer exists */
    GPtrArray *strays;   /* as in SinterHost; %NULL unless all */
} SinterFindings;

void sinter_findings_free(gpointer findings);

/* A GTaskThreadFunc; @task_data: a SinterScanWork. Returns SinterFindings to the task. */
void sinter_scan_work_run(GTask *task, gpointer source_object, gpointer task_data,
                          GCancellable *cancellable);

G_END_DECLS
