/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events as plain values. An event owns all its strings, so it can be kept and passed to another
 * thread. */

#include "sinter-event.h"
#include "sinter-nick.h"
#include "sinter-value-types.h"

SinterEvent *
sinter_event_new(SinterEventKind kind)
{
    SinterEvent *event = g_new0(SinterEvent, 1);

    event->kind = kind;
    event->time_usec = g_get_real_time();
    event->arrived_usec = g_get_monotonic_time();
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
    const char *nick = sinter_nick_get(SINTER_TYPE_EVENT_KIND, kind);

    return nick ? nick : "unknown";
}
