/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Idle connections to libvirt. Invariant: a line in the pool has no user; a broken one is closed
 * when it is found, and never handed out.
 */

#include "sinter-line-pool.h"

#include "sinter-connection-error.h"

/* A peer that does not respond to three of these in a row is considered gone. */
#define KEEPALIVE_INTERVAL_SEC 30
#define KEEPALIVE_COUNT 3

#define MAX_IDLE 4

struct _SinterLinePool {
    gatomicrefcount ref_count;
    char *uri;
    GMutex lock;
    GPtrArray *idle; /* of virConnectPtr */
};

SinterLinePool *
sinter_line_pool_new(const char *uri)
{
    SinterLinePool *self = g_new0(SinterLinePool, 1);

    g_atomic_ref_count_init(&self->ref_count);
    self->uri = g_strdup(uri);
    g_mutex_init(&self->lock);
    self->idle = g_ptr_array_new();
    return self;
}

SinterLinePool *
sinter_line_pool_ref(SinterLinePool *self)
{
    g_atomic_ref_count_inc(&self->ref_count);
    return self;
}

void
sinter_line_pool_unref(SinterLinePool *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->ref_count))
        return;
    for (guint i = 0; i < self->idle->len; i++)
        virConnectClose(self->idle->pdata[i]);
    g_ptr_array_unref(self->idle);
    g_mutex_clear(&self->lock);
    g_free(self->uri);
    g_free(self);
}

const char *
sinter_line_pool_get_uri(const SinterLinePool *self)
{
    return self->uri;
}

static virConnectPtr
take_idle(SinterLinePool *self)
{
    virConnectPtr line = NULL;

    g_mutex_lock(&self->lock);
    if (self->idle->len > 0)
        line = g_ptr_array_steal_index_fast(self->idle, self->idle->len - 1);
    g_mutex_unlock(&self->lock);
    return line;
}

static virConnectPtr
open_line(SinterLinePool *self, GError **error)
{
    virConnectPtr line = virConnectOpen(self->uri);

    if (!line)
        sinter_connection_set_error(error, "opening another connection");
    else if (virConnectSetKeepAlive(line, KEEPALIVE_INTERVAL_SEC, KEEPALIVE_COUNT) < 0)
        virResetLastError(); /* a driver in this process has no keepalive */
    return line;
}

virConnectPtr
sinter_line_pool_take(SinterLinePool *self, GError **error)
{
    virConnectPtr line;

    while ((line = take_idle(self))) {
        if (virConnectIsAlive(line) == 1)
            return line;
        virConnectClose(line);
    }
    return open_line(self, error);
}

void
sinter_line_pool_give(SinterLinePool *self, virConnectPtr line)
{
    gboolean keep = virConnectIsAlive(line) == 1;

    g_mutex_lock(&self->lock);
    keep = keep && self->idle->len < MAX_IDLE;
    if (keep)
        g_ptr_array_add(self->idle, line);
    g_mutex_unlock(&self->lock);
    if (!keep)
        virConnectClose(line);
}
