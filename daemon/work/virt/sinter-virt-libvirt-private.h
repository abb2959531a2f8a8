/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-virt-handle.h"

G_BEGIN_DECLS

/* The operations of SinterVirtClass that are not in sinter-virt-libvirt.c. */

/* --- sinter-virt-libvirt-start.c --- */

gboolean sinter_virt_libvirt_start(SinterVirt *virt, const SinterDomain *domain,
                                   const SinterDiskPlan *plan, guint64 bandwidth_bytes_per_sec,
                                   GError **error);

/* --- sinter-virt-libvirt-snapshot.c --- */

gboolean sinter_virt_libvirt_create_snapshot(SinterVirt *virt, const SinterDomain *domain,
                                             const SinterDiskPlan *plan, GError **error);

/* --- sinter-virt-libvirt-seal.c --- */

gboolean sinter_virt_libvirt_seal(SinterVirt *virt, const SinterDomain *domain, const char *disk,
                                  const char *path, GError **error);

/* --- sinter-virt-libvirt-guest.c --- */

char **sinter_virt_libvirt_get_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                         GError **error);
gboolean sinter_virt_libvirt_set_io_limits(SinterVirt *virt, const char *uuid, const char *disk,
                                           char *const *limits, GError **error);
gboolean sinter_virt_libvirt_suspend(SinterVirt *virt, const char *uuid, GError **error);
gboolean sinter_virt_libvirt_resume(SinterVirt *virt, const char *uuid, GError **error);
gboolean sinter_virt_libvirt_resume_failed(SinterVirt *virt, const char *uuid, GError **error);
gboolean sinter_virt_libvirt_stop_failed(SinterVirt *virt, const char *uuid, GError **error);
gboolean sinter_virt_libvirt_start_domain(SinterVirt *virt, const char *uuid, GError **error);

/* --- sinter-virt-libvirt-define.c --- */

gboolean sinter_virt_libvirt_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot,
                                           GError **error);
gboolean sinter_virt_libvirt_drop_checkpoint(SinterVirt *virt, const char *uuid,
                                             const char *checkpoint, GError **error);
gboolean sinter_virt_libvirt_redefine_snapshot(SinterVirt *virt, const char *uuid,
                                               const char *snapshot, const char *disk,
                                               const char *new_path, const char *new_format,
                                               GError **error);
gboolean sinter_virt_libvirt_redefine_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                           const char *path, const char *format, GError **error);
gboolean sinter_virt_libvirt_guard_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                        const char *reason, GError **error);
gboolean sinter_virt_libvirt_unguard_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                          const char *path, const char *format, GError **error);
gboolean sinter_virt_libvirt_sync_definition(SinterVirt *virt, const char *name, GError **error);
gboolean sinter_virt_libvirt_sync_snapshots(SinterVirt *virt, const char *name, GError **error);
gboolean sinter_virt_libvirt_refresh_pool(SinterVirt *virt, const char *folder, GError **error);

/* --- sinter-virt-libvirt-identity.c --- */

char *sinter_virt_libvirt_identify(SinterVirt *virt, const char *uuid, GError **error);
char *sinter_virt_libvirt_explain_denial(SinterVirt *virt, const char *uuid, const char *image,
                                         gint64 since_usec);

G_END_DECLS
