/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/* The messages to a job's thread. */
typedef enum {
    SINTER_MESSAGE_ADMIT, /* the budgets have a place: begin; if sent again: more space may be
                           * available */
    SINTER_MESSAGE_CANCEL,
    SINTER_MESSAGE_BANDWIDTH, /* bytes_per_sec */
    SINTER_MESSAGE_EVENT,     /* event */
    SINTER_MESSAGE_WORKER,    /* serial; worker, or text if the worker has ended */
    SINTER_MESSAGE_STOP,      /* the daemon stops: leave everything unchanged */
} SinterMessageKind;

typedef struct {
    SinterMessageKind kind;
    guint64 bytes_per_sec;
    SinterEvent *event;
    guint serial;                /* of the sending worker */
    SinterWorkerMessage *worker; /* its message, or %NULL for its end … */
    char *text;                  /* … and how it ended */
} SinterMessage;

/**
 * SinterMailbox:
 *
 * A queue of messages from any thread to one reader, in order. Messages are never dropped.
 */
typedef GAsyncQueue SinterMailbox;

SinterMailbox *sinter_mailbox_new(void);
void sinter_mailbox_post(SinterMailbox *self, SinterMessageKind kind);
void sinter_mailbox_post_bandwidth(SinterMailbox *self, guint64 bytes_per_sec);
void sinter_mailbox_post_event(SinterMailbox *self, const SinterEvent *event);

/* @worker, @text: (transfer full) (nullable) */
void sinter_mailbox_post_worker(SinterMailbox *self, guint serial, SinterWorkerMessage *worker,
                                char *text);

/* (transfer full) (nullable): the next message; %NULL after @timeout_usec without one. Never %NULL
 * with G_MAXUINT64. */
SinterMessage *sinter_mailbox_wait(SinterMailbox *self, guint64 timeout_usec);

void sinter_message_free(SinterMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterMessage, sinter_message_free)

G_END_DECLS
