/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Puts an overlay on a disk of a running domain. libvirt creates the file, readable and writable
 * only for QEMU. */

#include "sinter-virt-libvirt-private.h"

/* (transfer full): a snapshot of one disk, and of no other */
static char *
snapshot_xml(const SinterDomain *domain, const char *target, const char *path)
{
    GString *xml = g_string_new("<domainsnapshot><disks>");

    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];
        g_autofree char *element = NULL;

        if (g_str_equal(disk->target, target))
            element = g_markup_printf_escaped("<disk name='%s' snapshot='external'>"
                                              "<driver type='qcow2'/><source file='%s'/></disk>",
                                              target, path);
        else
            element = g_markup_printf_escaped("<disk name='%s' snapshot='no'/>", disk->target);
        g_string_append(xml, element);
    }
    g_string_append(xml, "</disks></domainsnapshot>");
    return g_string_free(xml, FALSE);
}

gboolean
sinter_virt_libvirt_seal(SinterVirt *virt, const SinterDomain *domain, const char *disk,
                         const char *path, GError **error)
{
    g_auto(DomainHandle) handle = sinter_virt_open_domain(virt, domain->uuid, error);
    g_autofree char *xml = snapshot_xml(domain, disk, path);
    g_auto(SnapshotHandle) snapshot = NULL;

    if (!handle)
        return FALSE;
    snapshot = virDomainSnapshotCreateXML(handle, xml,
                                          VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                                              VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA |
                                              VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC);
    sinter_virt_note_change(virt, domain->uuid);
    if (snapshot)
        return TRUE;
    sinter_connection_set_error(error, "putting the temporary overlay '%s' on domain '%s', disk %s",
                                path, domain->name, disk);
    return FALSE;
}
