/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Creates snapshots. libvirt creates the overlays of a running domain, readable and writable only
 * for QEMU; those of a domain that is shut off exist. */

#include "sinter-virt-libvirt-private.h"

/* (nullable): the place of the disk in the plan, NULL if it is not part of the snapshot */
static const char *
find_overlay(const SinterDiskPlan *plan, const char *target)
{
    for (guint i = 0; plan->snapshot_disks[i]; i++) {
        if (g_str_equal(plan->snapshot_disks[i], target))
            return plan->overlay_paths[i];
    }
    return NULL;
}

static void
append_element(GString *xml, const char *name, const char *text)
{
    g_autofree char *element =
        text ? g_markup_printf_escaped("<%s>%s</%s>", name, text, name) : g_strdup("");

    g_string_append(xml, element);
}

/* (transfer full) */
static char *
snapshot_xml(const SinterDomain *domain, const SinterDiskPlan *plan)
{
    GString *xml = g_string_new("<domainsnapshot>");

    append_element(xml, "name", plan->snapshot_name);
    append_element(xml, "description", plan->snapshot_description);
    g_string_append(xml, "<disks>");
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = domain->disks->pdata[i];
        const char *path = find_overlay(plan, disk->target);
        g_autofree char *element = NULL;

        if (path)
            element = g_markup_printf_escaped("<disk name='%s' snapshot='external' type='file'>"
                                              "<driver type='qcow2'/><source file='%s'/></disk>",
                                              disk->target, path);
        else
            element = g_markup_printf_escaped("<disk name='%s' snapshot='no'/>", disk->target);
        g_string_append(xml, element);
    }
    g_string_append(xml, "</disks></domainsnapshot>");
    return g_string_free(xml, FALSE);
}

gboolean
sinter_virt_libvirt_create_snapshot(SinterVirt *virt, const SinterDomain *domain,
                                    const SinterDiskPlan *plan, GError **error)
{
    g_auto(DomainHandle) handle = sinter_virt_open_domain(virt, domain->uuid, error);
    g_autofree char *xml = snapshot_xml(domain, plan);
    g_auto(SnapshotHandle) snapshot = NULL;

    if (!handle)
        return FALSE;
    snapshot = virDomainSnapshotCreateXML(handle, xml,
                                          VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                                              (plan->offline ? VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
                                                             : VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC));
    sinter_virt_note_change(virt, domain->uuid);
    if (snapshot)
        return TRUE;
    sinter_connection_set_error(error, "creating snapshot '%s' of domain '%s'", plan->snapshot_name,
                                domain->name);
    return FALSE;
}
