/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The request for one scan. It owns the tasks and events that wait for its end. The number of
 * waiting events is bounded, because a guest can cause some without end.
 */

#include "sinter-scan-request.h"

#define MAX_EVENTS 256

SinterScanRequest *
sinter_scan_request_new(void)
{
    SinterScanRequest *request = g_new0(SinterScanRequest, 1);

    request->uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    request->tasks = g_ptr_array_new_with_free_func(g_object_unref);
    request->events = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_event_free);
    return request;
}

void
sinter_scan_request_free(SinterScanRequest *request)
{
    if (!request)
        return;
    g_hash_table_unref(request->uuids);
    g_ptr_array_unref(request->tasks);
    g_ptr_array_unref(request->events);
    g_free(request);
}

static void
add_uuid(GHashTable *uuids, const char *uuid, gint64 since_usec)
{
    const gint64 *before = g_hash_table_lookup(uuids, uuid);
    gint64 latest = before ? MAX(*before, since_usec) : since_usec;

    g_hash_table_replace(uuids, g_strdup(uuid), g_memdup2(&latest, sizeof latest));
}

void
sinter_scan_request_add(SinterScanRequest *request, const char *uuid, gint64 since_usec,
                        GTask *task)
{
    if (!uuid)
        request->all = TRUE;
    else
        add_uuid(request->uuids, uuid, since_usec);
    if (task)
        g_ptr_array_add(request->tasks, task);
}

gboolean
sinter_scan_request_take_event(SinterScanRequest *request, const SinterEvent *event)
{
    if (!request || !event->uuid || request->events->len >= MAX_EVENTS)
        return FALSE;
    if (!request->all && !g_hash_table_contains(request->uuids, event->uuid))
        return FALSE;
    g_ptr_array_add(request->events, sinter_event_copy(event));
    return TRUE;
}

void
sinter_scan_request_answer(const SinterScanRequest *request, const GError *error)
{
    for (guint i = 0; i < request->tasks->len; i++) {
        GTask *task = g_ptr_array_index(request->tasks, i);

        if (error)
            g_task_return_error(task, g_error_copy(error));
        else
            g_task_return_boolean(task, TRUE);
    }
}
