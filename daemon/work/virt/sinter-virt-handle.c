/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Handles on a connection of the calling thread. Invariant: a handle keeps its connection open
 * until it is freed; a call on a domain that does not respond blocks its own thread only, because
 * no two threads share a connection. A handle is used again on its own connection only: libvirt
 * finds the domain of a handle by its UUID, so that each call answers for the present domain.
 */

#include "sinter-virt-handle.h"

/* What a thread keeps. */
typedef struct {
    SinterLinePool *lines; /* where the line goes when the thread ends */
    virConnectPtr line;
    virDomainPtr domain; /* on the line: the last one that was looked up, or NULL */
} Own;

static void
own_clear(Own *own)
{
    if (own->domain)
        virDomainFree(own->domain);
    if (own->line)
        sinter_line_pool_give(own->lines, own->line);
    sinter_line_pool_unref(own->lines);
    *own = (Own){ 0 };
}

static void
own_free(gpointer data)
{
    own_clear(data);
    g_free(data);
}

static GPrivate own_handles = G_PRIVATE_INIT(own_free);

static Own *
get_own(void)
{
    Own *own = g_private_get(&own_handles);

    if (!own) {
        own = g_new0(Own, 1);
        g_private_set(&own_handles, own);
    }
    return own;
}

/* (transfer none) (nullable) */
static virConnectPtr
get_own_line(SinterLinePool *lines, GError **error)
{
    Own *own = get_own();

    if (own->line && virConnectIsAlive(own->line) == 1)
        return own->line;
    own_clear(own);
    own->lines = sinter_line_pool_ref(lines);
    own->line = sinter_line_pool_take(lines, error);
    return own->line;
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
sinter_virt_look_up_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(ConnectionHandle) connection = sinter_virt_open_connection(virt, error);
    Own *own = get_own();
    virDomainPtr domain;

    if (!connection)
        return NULL;
    domain = virDomainLookupByUUIDString(connection, uuid);
    if (!domain)
        sinter_connection_set_error(error, "looking up domain %s", uuid);
    if (!domain || connection != own->line)
        return domain;
    if (own->domain)
        virDomainFree(own->domain);
    own->domain = domain;
    return virDomainRef(domain) == 0 ? domain : NULL;
}

/* (transfer full) (nullable): the handle that this thread has looked up before */
static virDomainPtr
ref_own_domain(SinterVirt *virt, const char *uuid)
{
    const Own *own = get_own();
    char own_uuid[VIR_UUID_STRING_BUFLEN];

    if (!own->domain || !sinter_connection_get_lines(((SinterVirtLibvirt *)virt)->connection) ||
        virConnectIsAlive(own->line) != 1 || virDomainGetUUIDString(own->domain, own_uuid) < 0 ||
        !g_str_equal(own_uuid, uuid))
        return NULL;
    return virDomainRef(own->domain) == 0 ? own->domain : NULL;
}

virDomainPtr
sinter_virt_open_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    virDomainPtr domain = ref_own_domain(virt, uuid);

    return domain ? domain : sinter_virt_look_up_domain(virt, uuid, error);
}

void
sinter_virt_note_change(SinterVirt *virt, const char *uuid)
{
    const SinterScanSettings *settings = ((SinterVirtLibvirt *)virt)->settings;

    sinter_scan_share_note_change(settings->memory->share, uuid, g_get_monotonic_time());
}
