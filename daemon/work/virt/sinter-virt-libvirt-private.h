/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-virt-libvirt.h"

#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* What the files of the real libvirt share: its handles, and the operations of SinterVirtClass that
 * do not stand in sinter-virt-libvirt.c. */

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
} SinterVirtLibvirt;

/* (transfer full) (nullable) */
virConnectPtr sinter_virt_libvirt_open_connection(SinterVirt *virt, GError **error);

/* (transfer full) (nullable): the domain, and with it a reference on its connection */
virDomainPtr sinter_virt_libvirt_open_domain(SinterVirt *virt, const char *uuid, GError **error);

/* --- sinter-virt-libvirt-start.c --- */

gboolean sinter_virt_libvirt_start(SinterVirt *virt, const SinterDomain *domain,
                                   const SinterDiskPlan *plan, guint64 bandwidth_bytes_per_sec,
                                   GError **error);

/* --- sinter-virt-libvirt-guest.c --- */

gboolean sinter_virt_libvirt_get_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                           SinterIoLimits *ret_limits, GError **error);
gboolean sinter_virt_libvirt_set_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                           const SinterIoLimits *limits, GError **error);
gboolean sinter_virt_libvirt_suspend(SinterVirt *virt, const char *uuid, GError **error);
gboolean sinter_virt_libvirt_resume(SinterVirt *virt, const char *uuid, GError **error);

/* --- sinter-virt-libvirt-define.c --- */

gboolean sinter_virt_libvirt_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot,
                                           GError **error);
gboolean sinter_virt_libvirt_redefine_snapshot(SinterVirt *virt, const char *uuid,
                                               const char *snapshot, const char *disk,
                                               const char *new_path, const char *new_format,
                                               GError **error);
gboolean sinter_virt_libvirt_redefine_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                           const char *path, const char *format, GError **error);
void sinter_virt_libvirt_sync_definition(SinterVirt *virt, const char *name);
gboolean sinter_virt_libvirt_refresh_pool(SinterVirt *virt, const char *folder, GError **error);

G_END_DECLS
