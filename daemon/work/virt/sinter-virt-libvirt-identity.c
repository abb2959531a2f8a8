/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The QEMU process that runs a domain: its rights, and its identity, which is libvirt's ID of the
 * domain, the process ID, its start time, and the boot ID of the host. Invariant: an identity is
 * returned only if all four are known; none of them alone is unique after a restart of libvirtd or
 * of the host.
 */

#include "sinter-qemu-process.h"
#include "sinter-virt-libvirt-private.h"
#include "sinter-write-denial.h"

#include <string.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* In /proc/PID/stat, counted from the field after the command's name. */
#define START_TIME_FIELD 19

/* (transfer full) (nullable): the start time in clock ticks since the host's boot. The command's
 * name, in parentheses, may contain any character. */
static char *
read_start_time(const char *pid)
{
    g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
    g_autofree char *text = sinter_qemu_process_read_line(path);
    const char *end = text ? strrchr(text, ')') : NULL;
    g_auto(GStrv) fields = end && end[1] ? g_strsplit(end + 2, " ", -1) : NULL;

    if (!fields || g_strv_length(fields) <= START_TIME_FIELD)
        return NULL;
    return g_strdup(fields[START_TIME_FIELD]);
}

char *
sinter_virt_libvirt_identify(SinterVirt *virt, const char *uuid, GError **error)
{
    const char *uri = sinter_connection_get_uri(((SinterVirtLibvirt *)virt)->connection);
    g_auto(DomainHandle) domain = sinter_virt_look_up_domain(virt, uuid, error);
    g_autofree char *pid = NULL;
    g_autofree char *start = NULL;
    g_autofree char *boot = NULL;
    unsigned int id;

    if (!domain)
        return NULL;
    id = virDomainGetID(domain);
    pid = sinter_qemu_process_find(uri, virDomainGetName(domain));
    start = pid ? read_start_time(pid) : NULL;
    boot = sinter_qemu_process_read_line(BOOT_ID_FILE);
    if (id != (unsigned int)-1 && start && boot)
        return g_strdup_printf("domain %u, process %s, started %s, boot %s", id, pid, start, boot);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "the QEMU process of domain '%s' is not known", virDomainGetName(domain));
    return NULL;
}

char *
sinter_virt_libvirt_explain_denial(SinterVirt *virt, const char *uuid, const char *image,
                                   gint64 since_usec)
{
    const char *uri = sinter_connection_get_uri(((SinterVirtLibvirt *)virt)->connection);
    g_auto(DomainHandle) domain = sinter_virt_look_up_domain(virt, uuid, NULL);
    g_autofree char *pid = domain ? sinter_qemu_process_find(uri, virDomainGetName(domain)) : NULL;
    const SinterDenial denial = { image, pid, uuid, since_usec };

    return pid ? sinter_write_denial_explain(&sinter_denial_places, &denial) : NULL;
}
