/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job's message queue: GLib's asynchronous queue with typed messages. */

#include "sinter-mailbox.h"

static SinterMessage *
message_new(SinterMessageKind kind)
{
    SinterMessage *message = g_new0(SinterMessage, 1);

    message->kind = kind;
    return message;
}

void
sinter_message_free(SinterMessage *message)
{
    if (!message)
        return;
    g_clear_pointer(&message->event, sinter_event_free);
    sinter_worker_message_free(message->worker);
    g_free(message->text);
    g_free(message);
}

SinterMailbox *
sinter_mailbox_new(void)
{
    return g_async_queue_new_full((GDestroyNotify)sinter_message_free);
}

void
sinter_mailbox_post(SinterMailbox *self, SinterMessageKind kind)
{
    g_async_queue_push(self, message_new(kind));
}

void
sinter_mailbox_post_bandwidth(SinterMailbox *self, guint64 bytes_per_sec)
{
    SinterMessage *message = message_new(SINTER_MESSAGE_BANDWIDTH);

    message->bytes_per_sec = bytes_per_sec;
    g_async_queue_push(self, message);
}

void
sinter_mailbox_post_event(SinterMailbox *self, const SinterEvent *event)
{
    SinterMessage *message = message_new(SINTER_MESSAGE_EVENT);

    message->event = sinter_event_copy(event);
    g_async_queue_push(self, message);
}

void
sinter_mailbox_post_worker(SinterMailbox *self, guint serial, SinterWorkerMessage *worker,
                           char *text)
{
    SinterMessage *message = message_new(SINTER_MESSAGE_WORKER);

    message->serial = serial;
    message->worker = worker;
    message->text = text;
    g_async_queue_push(self, message);
}

SinterMessage *
sinter_mailbox_wait(SinterMailbox *self, guint64 timeout_usec)
{
    if (timeout_usec == G_MAXUINT64)
        return g_async_queue_pop(self);
    return g_async_queue_timeout_pop(self, timeout_usec);
}
