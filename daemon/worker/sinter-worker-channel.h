/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * SinterWorkerChannel:
 *
 * One end of the socket between sinterd and sinter-worker, blocking. One thread may receive while
 * others send.
 */
typedef struct _SinterWorkerChannel SinterWorkerChannel;

/* @fd: a stream socket; the channel takes ownership */
SinterWorkerChannel *sinter_worker_channel_new(int fd);
void sinter_worker_channel_free(SinterWorkerChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterWorkerChannel, sinter_worker_channel_free)

/* Fails if the other side does not accept the message within some seconds. */
gboolean sinter_worker_channel_send(SinterWorkerChannel *channel,
                                    const SinterWorkerMessage *message, GError **error);

/**
 * sinter_worker_channel_receive:
 * @ret_message: (transfer full): the next message; %NULL when the other side has closed its end
 *
 * Returns: %FALSE if the line is not a valid message, is longer than the limit, or could not be
 * read.
 */
gboolean sinter_worker_channel_receive(SinterWorkerChannel *channel,
                                       SinterWorkerMessage **ret_message, GError **error);

G_END_DECLS
