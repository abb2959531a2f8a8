/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-event.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/* What the main context tells a job's thread. */
typedef enum {
    SINTER_MESSAGE_ADMIT, /* there is room in the budgets: begin; again: there may be more room */
    SINTER_MESSAGE_CANCEL,
    SINTER_MESSAGE_BANDWIDTH, /* bytes_per_sec */
    SINTER_MESSAGE_EVENT,     /* event */
    SINTER_MESSAGE_WORKER,    /* serial; worker, or that it has ended: text */
    SINTER_MESSAGE_STOP,      /* the daemon ends: leave everything as it is */
} SinterMessageKind;

typedef struct {
    SinterMessageKind kind;
    guint64 bytes_per_sec;
    SinterEvent *event;
    guint serial;                /* of the worker that it is from */
    SinterWorkerMessage *worker; /* what it said, or %NULL for its end … */
    char *text;                  /* … which came like this */
} SinterMessage;

/**
 * SinterMailbox:
 *
 * A queue of messages from any thread to one reader, in order. Nothing is ever dropped.
 */
typedef GAsyncQueue SinterMailbox;

SinterMailbox *sinter_mailbox_new(void);
void sinter_mailbox_post(SinterMailbox *self, SinterMessageKind kind);
void sinter_mailbox_post_bandwidth(SinterMailbox *self, guint64 bytes_per_sec);
void sinter_mailbox_post_event(SinterMailbox *self, const SinterEvent *event);

/* @worker, @text: (transfer full) (nullable) */
void sinter_mailbox_post_worker(SinterMailbox *self, guint serial, SinterWorkerMessage *worker,
                                char *text);

/* (transfer full) (nullable): the next message; %NULL after @timeout_usec without one, or, for
 * G_MAXUINT64, never %NULL. */
SinterMessage *sinter_mailbox_wait(SinterMailbox *self, guint64 timeout_usec);

void sinter_message_free(SinterMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterMessage, sinter_message_free)

G_END_DECLS
