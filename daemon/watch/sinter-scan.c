/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From libvirt to the model: XML, state and snapshots of each domain, and its chains through the
 * layer reader. XML text is freed with the scan of its domain. What cannot be read of a domain
 * becomes its problem and does not affect the others; a lost connection ends the scan, so that an
 * outage is never mistaken for changed domains.
 */

#include "sinter-scan.h"
#include "sinter-connection-error.h"
#include "sinter-error.h"
#include "sinter-layer-reader.h"
#include "sinter-manager.h"
#include "sinter-scan-side.h"
#include "sinter-stray-search.h"
#include "sinter-scan-checkpoint.h"
#include "sinter-scan-snapshot.h"

#include <libvirt/virterror.h>
#include <stdlib.h>

typedef struct {
    const SinterScanSettings *settings;
    SinterLayerReader *reader;
    SinterStraySearch *search; /* NULL: one domain is read */
    gboolean knows_block_jobs; /* the driver supports them */
} Scan;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

static SinterXmlDomain *
read_domain_xml(virDomainPtr handle, guint flags, GError **error)
{
    g_autofree char *what = g_strdup_printf("domain '%s'", virDomainGetName(handle));
    SinterXmlDomain *domain;
    char *text = virDomainGetXMLDesc(handle, flags);

    if (!text) {
        sinter_connection_set_error(error, "%s: reading its XML", what);
        return NULL;
    }
    domain = sinter_xml_domain_new(text, what, error);
    free(text);
    return domain;
}

static SinterMirror
mirror_from_xml(SinterXmlMirror mirror)
{
    static const SinterMirror mirrors[] = {
        [SINTER_XML_MIRROR_NONE] = SINTER_MIRROR_NONE,
        [SINTER_XML_MIRROR_COPYING] = SINTER_MIRROR_COPYING,
        [SINTER_XML_MIRROR_READY] = SINTER_MIRROR_READY,
        [SINTER_XML_MIRROR_PIVOTING] = SINTER_MIRROR_PIVOTING,
        [SINTER_XML_MIRROR_ABORTING] = SINTER_MIRROR_ABORTING,
    };

    return mirrors[mirror];
}

static SinterDisk *
read_disk(Scan *scan, const SinterXmlDisk *xml)
{
    SinterDisk *disk = g_new0(SinterDisk, 1);

    disk->target = g_strdup(xml->target);
    disk->device = g_strdup(xml->device);
    disk->alias = g_strdup(xml->alias);
    disk->serial = g_strdup(xml->serial);
    disk->read_only = xml->read_only;
    disk->shareable = xml->shareable;
    disk->transient = xml->transient;
    disk->layers = sinter_layer_reader_read_chain(scan->reader, xml->sources, xml->chain_is_whole);
    disk->mirror = mirror_from_xml(xml->mirror);
    if (disk->mirror == SINTER_MIRROR_NONE)
        return disk;
    disk->mirror_job =
        xml->mirror_is_commit ? SINTER_BLOCK_JOB_ACTIVE_COMMIT : SINTER_BLOCK_JOB_COPY;
    disk->mirror_layers = sinter_layer_reader_read_chain(scan->reader, xml->mirror_sources,
                                                         xml->mirror_chain_is_whole);
    return disk;
}

static SinterDisk *
find_disk(SinterDomain *domain, const char *target)
{
    return (SinterDisk *)sinter_domain_find_disk(domain, target);
}

/* A disk that only the definition has is attached at the next boot: it has no layers now. */
static SinterDisk *
add_future_disk(SinterDomain *domain, const SinterXmlDisk *xml)
{
    SinterDisk *disk = sinter_disk_new();

    disk->target = g_strdup(xml->target);
    disk->device = g_strdup(xml->device);
    disk->alias = g_strdup(xml->alias);
    disk->serial = g_strdup(xml->serial);
    disk->read_only = xml->read_only;
    disk->shareable = xml->shareable;
    disk->transient = xml->transient;
    g_ptr_array_add(domain->disks, disk);
    return disk;
}

static void
read_inactive_disks(Scan *scan, SinterDomain *domain, const SinterXmlDomain *xml)
{
    for (guint i = 0; i < xml->disks->len; i++) {
        const SinterXmlDisk *xml_disk = g_ptr_array_index(xml->disks, i);
        SinterDisk *disk = find_disk(domain, xml_disk->target);

        if (!disk)
            disk = add_future_disk(domain, xml_disk);
        if (!disk->inactive_layers)
            disk->inactive_layers = sinter_layer_reader_read_chain(scan->reader, xml_disk->sources,
                                                                   xml_disk->chain_is_whole);
    }
}

/* Reads the definition of a running domain, which may differ from the live XML. */
static gboolean
read_definition(Scan *scan, SinterDomain *domain, virDomainPtr handle, GError **error)
{
    g_autoptr(SinterXmlDomain) xml = read_domain_xml(handle, VIR_DOMAIN_XML_INACTIVE, error);

    if (!xml)
        return FALSE;
    read_inactive_disks(scan, domain, xml);
    /* a different <metadata> for the next boot is a change as well; equal digests do not cancel
     * out */
    domain->metadata_digest = domain->metadata_digest * 31 + xml->metadata_digest;
    return TRUE;
}

/* A shut-off domain has one chain for both. */
static void
share_chains(SinterDomain *domain)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        disk->inactive_layers = g_ptr_array_ref(disk->layers);
    }
}

static gboolean
read_disks(Scan *scan, SinterDomain *domain, virDomainPtr handle, GError **error)
{
    g_autoptr(SinterXmlDomain) xml = read_domain_xml(handle, 0, error);

    if (!xml)
        return FALSE;
    domain->metadata_digest = xml->metadata_digest;
    sinter_scan_read_firmware(scan->reader, domain, xml);
    domain->manager =
        sinter_manager_recognize(domain->name, (const char *const *)xml->metadata_namespaces,
                                 (const char *const *)scan->settings->manager_names);
    for (guint i = 0; i < xml->disks->len; i++)
        g_ptr_array_add(domain->disks, read_disk(scan, g_ptr_array_index(xml->disks, i)));
    if (domain->active && domain->persistent)
        return read_definition(scan, domain, handle, error);
    if (!domain->active)
        share_chains(domain);
    return TRUE;
}

/* <mirror> shows copies and active commits only; other jobs must be queried from libvirt. */
static gboolean
read_block_job(Scan *scan, virDomainPtr handle, SinterDisk *disk, GError **error)
{
    virDomainBlockJobInfo info;
    int result = virDomainGetBlockJobInfo(handle, disk->target, &info, 0);

    if (result == 1)
        disk->block_job = (SinterBlockJobType)info.type;
    if (result >= 0)
        return TRUE;
    switch (virGetLastErrorCode()) {
    case VIR_ERR_NO_SUPPORT:
        scan->knows_block_jobs = FALSE;
        return TRUE;
    case VIR_ERR_INVALID_ARG:       /* the disk was unplugged meanwhile */
    case VIR_ERR_OPERATION_INVALID: /* the domain stopped meanwhile */
        return TRUE;
    default:
        sinter_connection_set_error(error, "domain '%s': reading the block job of disk %s",
                                    virDomainGetName(handle), disk->target);
        return FALSE;
    }
}

static gboolean
read_block_jobs(Scan *scan, SinterDomain *domain, virDomainPtr handle, GError **error)
{
    for (guint i = 0; scan->knows_block_jobs && i < domain->disks->len; i++) {
        SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (disk->read_only || disk->layers->len == 0)
            continue;
        if (!read_block_job(scan, handle, disk, error))
            return FALSE;
    }
    return TRUE;
}

/* The values are libvirt's, although the model's header does not include libvirt's. */
G_STATIC_ASSERT((int)SINTER_DOMAIN_RUNNING == VIR_DOMAIN_RUNNING);
G_STATIC_ASSERT((int)SINTER_DOMAIN_BLOCKED == VIR_DOMAIN_BLOCKED);
G_STATIC_ASSERT((int)SINTER_DOMAIN_PAUSED == VIR_DOMAIN_PAUSED);
G_STATIC_ASSERT((int)SINTER_DOMAIN_IN_SHUTDOWN == VIR_DOMAIN_SHUTDOWN);
G_STATIC_ASSERT((int)SINTER_DOMAIN_SHUT_OFF == VIR_DOMAIN_SHUTOFF);
G_STATIC_ASSERT((int)SINTER_DOMAIN_CRASHED == VIR_DOMAIN_CRASHED);
G_STATIC_ASSERT((int)SINTER_DOMAIN_PM_SUSPENDED == VIR_DOMAIN_PMSUSPENDED);
G_STATIC_ASSERT((int)SINTER_BLOCK_JOB_PULL == VIR_DOMAIN_BLOCK_JOB_TYPE_PULL);
G_STATIC_ASSERT((int)SINTER_BLOCK_JOB_COPY == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY);
G_STATIC_ASSERT((int)SINTER_BLOCK_JOB_COMMIT == VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT);
G_STATIC_ASSERT((int)SINTER_BLOCK_JOB_ACTIVE_COMMIT == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT);
G_STATIC_ASSERT((int)SINTER_BLOCK_JOB_BACKUP == VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP);

static gboolean
read_state(SinterDomain *domain, virDomainPtr handle, GError **error)
{
    int persistent = virDomainIsPersistent(handle);
    int active = persistent < 0 ? -1 : virDomainIsActive(handle);
    int state;

    if (active < 0 || virDomainGetState(handle, &state, &domain->reason, 0) < 0) {
        sinter_connection_set_error(error, "domain '%s': reading its state",
                                    virDomainGetName(handle));
        return FALSE;
    }
    domain->state = (SinterDomainState)state;
    domain->persistent = persistent == 1;
    domain->active = active == 1;
    domain->has_managed_save = virDomainHasManagedSaveImage(handle, 0) == 1;
    return TRUE;
}

static gboolean
read_parts(Scan *scan, SinterDomain *domain, virDomainPtr handle, GError **error)
{
    if (!read_state(domain, handle, error) || !read_disks(scan, domain, handle, error))
        return FALSE;
    sinter_scan_read_managed_save(scan->reader, domain, handle);
    return sinter_scan_read_snapshots(scan->reader, domain, handle, error) &&
           sinter_scan_read_checkpoints(domain, handle, error) &&
           (!domain->active || read_block_jobs(scan, domain, handle, error));
}

/* NULL with @error only if the domain no longer exists or the connection is lost. */
static SinterDomain *
read_domain(Scan *scan, virDomainPtr handle, GError **error)
{
    g_autoptr(SinterDomain) domain = sinter_domain_new();
    g_autoptr(GError) local = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(handle, uuid) < 0) {
        sinter_connection_set_error(error, "reading a domain's UUID");
        return NULL;
    }
    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(virDomainGetName(handle));
    if (!read_parts(scan, domain, handle, &local)) {
        if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
            g_error_matches(local, SINTER_ERROR, SINTER_ERROR_DISCONNECTED)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
        sinter_domain_add_problem(domain, local->message);
        domain->partial = TRUE;
    }
    return g_steal_pointer(&domain);
}

static gboolean
read_domains(Scan *scan, virDomainPtr *handles, int n_handles, SinterScanFunc func,
             gpointer user_data, GError **error)
{
    for (int i = 0; i < n_handles; i++) {
        g_autoptr(GError) local = NULL;
        SinterDomain *domain = read_domain(scan, handles[i], &local);

        if (domain) {
            sinter_stray_search_note(scan->search, domain);
            func(domain, user_data);
        } else if (!g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
sinter_scan_each(const SinterScanSource *source, SinterScanFunc func, gpointer user_data,
                 GPtrArray **ret_strays, GError **error)
{
    g_autoptr(SinterLayerReader) reader = sinter_layer_reader_new(source->connection);
    g_autoptr(SinterStraySearch) search = sinter_stray_search_new();
    Scan scan = { source->settings, reader, search, TRUE };
    virDomainPtr *handles = NULL;
    int n_handles = virConnectListAllDomains(source->connection, &handles, 0);
    gboolean good;

    if (n_handles < 0) {
        sinter_connection_set_error(error, "listing the domains");
        return FALSE;
    }
    good = read_domains(&scan, handles, n_handles, func, user_data, error);
    for (int i = 0; i < n_handles; i++)
        virDomainFree(handles[i]);
    free(handles);
    if (good)
        *ret_strays = sinter_stray_search_run(search, source->connection, reader, source->settings);
    return good;
}

static void
collect_domain(SinterDomain *domain, gpointer user_data)
{
    g_ptr_array_add(user_data, domain);
}

SinterHost *
sinter_scan_all(const SinterScanSource *source, GError **error)
{
    g_autoptr(SinterHost) host = sinter_host_new();
    GPtrArray *strays = NULL;

    if (!sinter_scan_each(source, collect_domain, host->domains, &strays, error))
        return NULL;
    g_ptr_array_unref(host->strays);
    host->strays = strays;
    return g_steal_pointer(&host);
}

SinterDomain *
sinter_scan_domain(const SinterScanSource *source, const char *uuid, GError **error)
{
    g_autoptr(SinterLayerReader) reader = sinter_layer_reader_new(source->connection);
    g_autoptr(virDomain) handle = virDomainLookupByUUIDString(source->connection, uuid);
    Scan scan = { .settings = source->settings, .reader = reader, .knows_block_jobs = TRUE };

    if (!handle) {
        sinter_connection_set_error(error, "looking up domain %s", uuid);
        return NULL;
    }
    return read_domain(&scan, handle, error);
}
