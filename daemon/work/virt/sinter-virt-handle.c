/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Handles on the connection that is open at the moment of a call. Invariant: a handle keeps its
 * connection open until it is freed.
 */

#include "sinter-virt-handle.h"

virConnectPtr
sinter_virt_open_connection(SinterVirt *virt, GError **error)
{
    return sinter_connection_dup(((SinterVirtLibvirt *)virt)->connection, error);
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
