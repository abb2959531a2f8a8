/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-mailbox.h"
#include "sinter-offline-files.h"

G_BEGIN_DECLS

/**
 * SinterOfflineWorker:
 *
 * A sinter-worker that runs, seen from the job that started it: what it says arrives in the job's
 * mailbox as SINTER_MESSAGE_WORKER, at last that it has ended. One thread owns it, and that must
 * live as long: the kernel ends the worker with the thread that started it.
 */
typedef struct _SinterOfflineWorker SinterOfflineWorker;

/**
 * sinter_offline_worker_start:
 * @program: (nullable): path of sinter-worker; %NULL for the one beside this daemon
 * @files: open and locked; the worker gets their descriptors, and keeps the locks with us
 * @serial: messages carry it, so that a worker's last words are not taken for the next one's
 */
SinterOfflineWorker *sinter_offline_worker_start(const char *program,
                                                 const SinterOfflineFiles *files,
                                                 guint64 bandwidth_bytes_per_sec,
                                                 SinterMailbox *mailbox, guint serial,
                                                 GError **error);

/* Asks it to give up; its answer tells whether it was too late. */
void sinter_offline_worker_cancel(SinterOfflineWorker *worker);

void sinter_offline_worker_set_bandwidth(SinterOfflineWorker *worker, guint64 bytes_per_sec);

/* Ends it at once, which harms nothing. */
void sinter_offline_worker_kill(SinterOfflineWorker *worker);

/* Likewise, and waits until it is gone. Accepts %NULL. */
void sinter_offline_worker_free(SinterOfflineWorker *worker);

G_END_DECLS
