/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The live operations on a real libvirt: scans and running block jobs; the other files of this
 * folder have the rest. Invariant: every handle is freed; errors name the domain, the disk and the
 * operation.
 */

#include "sinter-virt-libvirt.h"

#include "sinter-scan.h"
#include "sinter-virt-libvirt-private.h"

static SinterDomain *
scan_domain(SinterVirt *virt, const char *uuid, gint64 since_usec, GError **error)
{
    g_auto(ConnectionHandle) connection = sinter_virt_open_connection(virt, error);
    SinterVirtLibvirt *self = (SinterVirtLibvirt *)virt;
    SinterScanSource source = { connection, sinter_connection_get_lines(self->connection),
                                self->settings };

    return connection ? sinter_scan_domain(&source, uuid, since_usec, error) : NULL;
}

static SinterHost *
scan_all(SinterVirt *virt, GError **error)
{
    g_auto(ConnectionHandle) connection = sinter_virt_open_connection(virt, error);
    SinterVirtLibvirt *self = (SinterVirtLibvirt *)virt;
    SinterScanSource source = { connection, sinter_connection_get_lines(self->connection),
                                self->settings };

    return connection ? sinter_scan_all(&source, error) : NULL;
}

static gboolean
end_block_job(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    /* ASYNC: completion is reported by an event; without it libvirt would hold the domain
     * meanwhile */
    unsigned int flags = VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;
    int rc;

    if (!domain)
        return FALSE;
    if (pivot)
        flags |= VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;
    rc = virDomainBlockJobAbort(domain, disk, flags);
    sinter_virt_note_change(virt, uuid);
    if (rc < 0) {
        sinter_connection_set_error(error, "%s domain '%s', disk %s",
                                    pivot ? "pivoting to the merged image of"
                                          : "aborting the block job of",
                                    virDomainGetName(domain), disk);
        return FALSE;
    }
    return TRUE;
}

static gboolean
get_info(SinterVirt *virt, const char *uuid, const char *disk, SinterBlockJobInfo *ret_info,
         GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    virDomainBlockJobInfo info = { 0 };
    int rc;

    if (!domain)
        return FALSE;
    rc = virDomainGetBlockJobInfo(domain, disk, &info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES);
    if (rc < 0) {
        sinter_connection_set_error(error, "reading the block job of domain '%s', disk %s",
                                    virDomainGetName(domain), disk);
        return FALSE;
    }
    *ret_info = (SinterBlockJobInfo){ 0 };
    if (rc > 0)
        *ret_info = (SinterBlockJobInfo){
            .type = (SinterBlockJobType)info.type,
            .done_bytes = info.cur,
            .total_bytes = info.end,
            .bandwidth_bytes_per_sec = info.bandwidth,
        };
    return TRUE;
}

static gboolean
set_bandwidth(SinterVirt *virt, const char *uuid, const char *disk, guint64 bytes_per_sec,
              GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);

    if (!domain)
        return FALSE;
    if (virDomainBlockJobSetSpeed(domain, disk,
                                  (unsigned long)MIN(bytes_per_sec, (guint64)G_MAXLONG),
                                  VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES) < 0) {
        sinter_connection_set_error(
            error,
            "limiting the block job of domain '%s', disk %s to %" G_GUINT64_FORMAT
            " bytes per second",
            virDomainGetName(domain), disk, bytes_per_sec);
        return FALSE;
    }
    return TRUE;
}

static const SinterVirtClass virt_libvirt_class = {
    .scan_domain = scan_domain,
    .scan_all = scan_all,
    .start = sinter_virt_libvirt_start,
    .seal = sinter_virt_libvirt_seal,
    .create_snapshot = sinter_virt_libvirt_create_snapshot,
    .end = end_block_job,
    .get_info = get_info,
    .set_bandwidth = set_bandwidth,
    .get_io_limits = sinter_virt_libvirt_get_io_limits,
    .set_io_limits = sinter_virt_libvirt_set_io_limits,
    .suspend = sinter_virt_libvirt_suspend,
    .resume = sinter_virt_libvirt_resume,
    .resume_failed = sinter_virt_libvirt_resume_failed,
    .stop_failed = sinter_virt_libvirt_stop_failed,
    .start_domain = sinter_virt_libvirt_start_domain,
    .drop_snapshot = sinter_virt_libvirt_drop_snapshot,
    .drop_checkpoint = sinter_virt_libvirt_drop_checkpoint,
    .redefine_snapshot = sinter_virt_libvirt_redefine_snapshot,
    .redefine_disk = sinter_virt_libvirt_redefine_disk,
    .guard_disk = sinter_virt_libvirt_guard_disk,
    .unguard_disk = sinter_virt_libvirt_unguard_disk,
    .identify = sinter_virt_libvirt_identify,
    .explain_denial = sinter_virt_libvirt_explain_denial,
    .sync_definition = sinter_virt_libvirt_sync_definition,
    .sync_snapshots = sinter_virt_libvirt_sync_snapshots,
    .refresh_pool = sinter_virt_libvirt_refresh_pool,
};

SinterVirt *
sinter_virt_libvirt_new(SinterConnection *connection, SinterScanSettings *settings)
{
    SinterVirtLibvirt *self = g_new0(SinterVirtLibvirt, 1);

    self->parent.klass = &virt_libvirt_class;
    self->connection = g_object_ref(connection);
    self->settings = sinter_scan_settings_ref(settings);
    return &self->parent;
}

void
sinter_virt_libvirt_free(SinterVirt *virt)
{
    SinterVirtLibvirt *self = (SinterVirtLibvirt *)virt;

    g_object_unref(self->connection);
    sinter_scan_settings_unref(self->settings);
    g_free(self);
}
