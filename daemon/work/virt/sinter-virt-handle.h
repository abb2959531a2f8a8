/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-connection.h"
#include "sinter-scan-settings.h"
#include "sinter-virt.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* libvirt's handles with automatic cleanup, and the functions that open them. */

typedef virDomainPtr DomainHandle;
typedef virConnectPtr ConnectionHandle;

static inline void
domain_handle_clear(DomainHandle *handle)
{
    if (*handle)
        virDomainFree(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DomainHandle, domain_handle_clear)

static inline void
connection_handle_clear(ConnectionHandle *handle)
{
    if (*handle)
        virConnectClose(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConnectionHandle, connection_handle_clear)

typedef virDomainSnapshotPtr SnapshotHandle;

static inline void
snapshot_handle_clear(SnapshotHandle *handle)
{
    if (*handle)
        virDomainSnapshotFree(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SnapshotHandle, snapshot_handle_clear)

typedef struct {
    SinterVirt parent;
    SinterConnection *connection;
    SinterScanSettings *settings;
} SinterVirtLibvirt;

/* (transfer full) (nullable) */
virConnectPtr sinter_virt_open_connection(SinterVirt *virt, GError **error);

/* (transfer full) (nullable): the domain, which holds a reference to its connection. Does not ask
 * libvirt if this thread has looked the domain up before: its name and ID may be out of date, and
 * it may no longer exist, which the next call on it reports. */
virDomainPtr sinter_virt_open_domain(SinterVirt *virt, const char *uuid, GError **error);

/* (transfer full) (nullable): likewise, but with its present name and ID */
virDomainPtr sinter_virt_look_up_domain(SinterVirt *virt, const char *uuid, GError **error);

/* The caller has changed the domain: what was read of it before is out of date. */
void sinter_virt_note_change(SinterVirt *virt, const char *uuid);

G_END_DECLS
