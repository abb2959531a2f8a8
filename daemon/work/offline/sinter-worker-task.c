/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers the descriptors of a worker in the order in which they are added. */

#include "sinter-worker-task.h"

void
sinter_worker_task_init(SinterWorkerTask *task, SinterWorkerAction action)
{
    task->request = sinter_worker_request_new();
    task->request->action = action;
    task->fds = g_array_new(FALSE, FALSE, sizeof(int));
}

void
sinter_worker_task_clear(SinterWorkerTask *task)
{
    g_clear_pointer(&task->request, sinter_worker_request_free);
    g_clear_pointer(&task->fds, g_array_unref);
}

/* The number that @fd will have in the worker; 0 if there is none. */
static guint
add_fd(SinterWorkerTask *task, int fd)
{
    if (fd < 0)
        return 0;
    g_array_append_val(task->fds, fd);
    return SINTER_WORKER_SOCKET_FD + task->fds->len;
}

SinterWorkerFile *
sinter_worker_task_add_file(SinterWorkerTask *task, const SinterOfflineFile *file)
{
    guint fd = add_fd(task, file->fd);
    guint direct_fd = add_fd(task, file->direct_fd);

    return sinter_worker_request_add_file(task->request, file->name, file->format, fd, direct_fd);
}

void
sinter_worker_task_add_undo_file(SinterWorkerTask *task, SinterWorkerFile *file, int fd)
{
    file->undo_fd = add_fd(task, fd);
}
