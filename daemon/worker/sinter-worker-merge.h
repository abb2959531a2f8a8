/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sinter/io.h>

#include "sinter-worker-message.h"

G_BEGIN_DECLS

/* Called in any thread. */
typedef void (*SinterWorkerProgressFunc)(guint64 done_bytes, guint64 total_bytes,
                                         gpointer user_data);

/* What may change, or is told, while a merge runs. */
typedef struct {
    guint64 bandwidth_bytes_per_sec; /* atomic; 0: no limit */
    GCancellable *cancellable;
    SinterWorkerProgressFunc func;
    gpointer user_data;
} SinterWorkerControl;

/**
 * sinter_worker_merge:
 * @fs: the files of @request
 *
 * Carries @request out. When it returns %TRUE all of it is durable, the new backing name of the
 * layer above the stretch too. Whatever cuts it off, the chain reads as before, and the same
 * request finishes it.
 */
gboolean sinter_worker_merge(SinterFs *fs, const SinterWorkerRequest *request,
                             SinterWorkerControl *control, GError **error);

G_END_DECLS
