/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/**
 * SinterLinePool:
 *
 * Connections to libvirt for calls that may not return for a long time. libvirtd handles only a few
 * calls of one connection at a time (max_client_requests), so such calls would block all others,
 * and the keepalive messages, on the connection that the daemon receives its events on. A line is
 * used by one thread at a time. Any thread.
 */
typedef struct _SinterLinePool SinterLinePool;

SinterLinePool *sinter_line_pool_new(const char *uri);
SinterLinePool *sinter_line_pool_ref(SinterLinePool *self);
void sinter_line_pool_unref(SinterLinePool *self);

const char *sinter_line_pool_get_uri(const SinterLinePool *self);

/* (transfer full) (nullable): an open connection, an idle one or a new one. Blocking. */
virConnectPtr sinter_line_pool_take(SinterLinePool *self, GError **error);

/* @line: (transfer full): kept for the next use, or closed. Blocking. */
void sinter_line_pool_give(SinterLinePool *self, virConnectPtr line);

G_END_DECLS
