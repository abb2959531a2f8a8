/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-mailbox.h"
#include "sinter-worker-task.h"

G_BEGIN_DECLS

/**
 * SinterOfflineWorker:
 *
 * A running sinter-worker as seen by the job that started it: its messages arrive in the job's
 * mailbox as SINTER_MESSAGE_WORKER, the last one reports its end. One thread owns the worker and
 * must live as long, because the kernel kills the worker when the thread that started it ends.
 */
typedef struct _SinterOfflineWorker SinterOfflineWorker;

/**
 * sinter_offline_worker_start:
 * @program: (nullable): path of sinter-worker; %NULL for the one next to this daemon
 * @task: the worker gets its descriptors and shares their locks
 * @serial: part of each message, so that the last messages of a worker are not attributed to the
 *   next one
 */
SinterOfflineWorker *sinter_offline_worker_start(const char *program, const SinterWorkerTask *task,
                                                 SinterMailbox *mailbox, guint serial,
                                                 GError **error);

/* Requests cancellation; the worker's answer shows whether it was too late. */
void sinter_offline_worker_cancel(SinterOfflineWorker *worker);

void sinter_offline_worker_set_bandwidth(SinterOfflineWorker *worker, guint64 bytes_per_sec);

/* Kills the worker at once, which is harmless. */
void sinter_offline_worker_kill(SinterOfflineWorker *worker);

/* Kills the worker and waits until it has ended. Accepts %NULL. */
void sinter_offline_worker_free(SinterOfflineWorker *worker);

G_END_DECLS
