/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Handles on a connection of the calling thread. Invariant: a handle keeps its connection open
 * until it is freed; a call on a domain that does not respond blocks its own thread only, because
 * no two threads share a connection.
 */

#include "sinter-virt-handle.h"

static void
close_line(gpointer data)
{
    virConnectClose(data);
}

static GPrivate own_line = G_PRIVATE_INIT(close_line);

/* (transfer none) (nullable) */
static virConnectPtr
get_own_line(SinterLinePool *lines, GError **error)
{
    virConnectPtr line = g_private_get(&own_line);

    if (line && virConnectIsAlive(line) == 1)
        return line;
    line = sinter_line_pool_take(lines, error);
    g_private_replace(&own_line, line);
    return line;
}

virConnectPtr
sinter_virt_open_connection(SinterVirt *virt, GError **error)
{
    SinterConnection *connection = ((SinterVirtLibvirt *)virt)->connection;
    SinterLinePool *lines = sinter_connection_get_lines(connection);
    virConnectPtr line = lines ? get_own_line(lines, error) : NULL;

    if (!lines)
        return sinter_connection_dup(connection, error);
    return line && virConnectRef(line) == 0 ? line : NULL;
}

virDomainPtr
sinter_virt_open_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(ConnectionHandle) connection = sinter_virt_open_connection(virt, error);
    virDomainPtr domain;

    if (!connection)
        return NULL;
    domain = virDomainLookupByUUIDString(connection, uuid);
    if (!domain)
        sinter_connection_set_error(error, "looking up domain %s", uuid);
    return domain;
}
