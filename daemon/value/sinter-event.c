/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events as plain values. An event owns all its strings, so it may be kept or cross threads. */

#include "sinter-event.h"

SinterEvent *
sinter_event_new(SinterEventKind kind)
{
    SinterEvent *event = g_new0(SinterEvent, 1);

    event->kind = kind;
    event->time_usec = g_get_real_time();
    return event;
}

SinterEvent *
sinter_event_copy(const SinterEvent *event)
{
    SinterEvent *copy = g_memdup2(event, sizeof *event);

    copy->uuid = g_strdup(event->uuid);
    copy->name = g_strdup(event->name);
    copy->disk = g_strdup(event->disk);
    copy->device = g_strdup(event->device);
    copy->node = g_strdup(event->node);
    copy->path = g_strdup(event->path);
    copy->text = g_strdup(event->text);
    return copy;
}

void
sinter_event_free(SinterEvent *event)
{
    if (!event)
        return;
    g_free(event->uuid);
    g_free(event->name);
    g_free(event->disk);
    g_free(event->device);
    g_free(event->node);
    g_free(event->path);
    g_free(event->text);
    g_free(event);
}

const char *
sinter_event_kind_name(SinterEventKind kind)
{
    static const char *const names[] = {
        [SINTER_EVENT_LIFECYCLE] = "lifecycle",
        [SINTER_EVENT_BLOCK_JOB] = "block-job",
        [SINTER_EVENT_IO_ERROR] = "io-error",
        [SINTER_EVENT_JOB_COMPLETED] = "job-completed",
        [SINTER_EVENT_DEVICE_ADDED] = "device-added",
        [SINTER_EVENT_DEVICE_REMOVED] = "device-removed",
        [SINTER_EVENT_BLOCK_THRESHOLD] = "block-threshold",
        [SINTER_EVENT_METADATA_CHANGE] = "metadata-change",
        [SINTER_EVENT_QMP_JOB_ERROR] = "qmp-job-error",
        [SINTER_EVENT_QMP_CORRUPTED] = "qmp-corrupted",
        [SINTER_EVENT_CONNECTED] = "connected",
        [SINTER_EVENT_DISCONNECTED] = "disconnected",
    };

    return (gsize)kind < G_N_ELEMENTS(names) ? names[kind] : "unknown";
}
