/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-offline-file.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/* What a worker is started with: a request, and the descriptors that it names. The descriptors stay
 * with the files that they belong to. */
typedef struct {
    SinterWorkerRequest *request;
    GArray *fds; /* of int: descriptor number SINTER_WORKER_SOCKET_FD + 1 + index in the worker */
} SinterWorkerTask;

void sinter_worker_task_init(SinterWorkerTask *task, SinterWorkerAction action);
void sinter_worker_task_clear(SinterWorkerTask *task);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterWorkerTask, sinter_worker_task_clear)

/* (transfer none): an open file, added to the request, with its O_DIRECT descriptor if it has one.
 * @file must stay open until the worker is started. */
SinterWorkerFile *sinter_worker_task_add_file(SinterWorkerTask *task,
                                              const SinterOfflineFile *file);

/* Adds @fd, which must stay open until the worker is started, as the undo file of @file. */
void sinter_worker_task_add_undo_file(SinterWorkerTask *task, SinterWorkerFile *file, int fd);

G_END_DECLS
