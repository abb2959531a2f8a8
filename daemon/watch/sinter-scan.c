/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From libvirt's answers (sinter-domain-reading) to the model: XML, state and snapshots of each
 * domain, and its chains through the layer reader. XML text is freed with the scan of its domain.
 * What cannot be read of a domain becomes its problem and does not affect the others; a lost
 * connection ends the scan, so that an outage is never mistaken for changed domains.
 */

#include "sinter-scan.h"
#include "sinter-connection-error.h"
#include "sinter-error.h"
#include "sinter-layer-reader.h"
#include "sinter-manager.h"
#include "sinter-reading-queue.h"
#include "sinter-scan-recall.h"
#include "sinter-scan-side.h"
#include "sinter-scan-checkpoint.h"
#include "sinter-scan-snapshot.h"
#include "sinter-stray-search.h"
#include "sinter-shared-storage.h"

#include <stdlib.h>

typedef struct {
    const SinterScanSettings *settings;
    SinterLayerReader *reader;
    SinterStraySearch *search; /* NULL: one domain is read */
    GHashTable *names;         /* uuid → name; likewise */
} Scan;

static SinterMirror
mirror_from_xml(SinterXmlMirror mirror)
{
    static const SinterMirror mirrors[] = {
        [SINTER_XML_MIRROR_NONE] = SINTER_MIRROR_NONE,
        [SINTER_XML_MIRROR_COPYING] = SINTER_MIRROR_COPYING,
        [SINTER_XML_MIRROR_READY] = SINTER_MIRROR_READY,
        [SINTER_XML_MIRROR_PIVOTING] = SINTER_MIRROR_PIVOTING,
        [SINTER_XML_MIRROR_ABORTING] = SINTER_MIRROR_ABORTING,
        [SINTER_XML_MIRROR_ENDING] = SINTER_MIRROR_ENDING,
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
    disk->throttle_group = g_strdup(xml->throttle_group);
    disk->error_policy = g_strdup(xml->error_policy);
    disk->layers = sinter_layer_reader_read_chain(scan->reader, xml->sources, xml->chain_is_whole);
    disk->mirror = mirror_from_xml(xml->mirror);
    if (disk->mirror == SINTER_MIRROR_NONE)
        return disk;
    if (disk->mirror != SINTER_MIRROR_ENDING)
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
    disk->throttle_group = g_strdup(xml->throttle_group);
    disk->error_policy = g_strdup(xml->error_policy);
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

static SinterXmlDomain *
parse_xml(const SinterDomain *domain, const char *text, GError **error)
{
    g_autofree char *what = g_strdup_printf("domain '%s'", domain->name);

    return sinter_xml_domain_new(text, what, error);
}

/* Reads the definition of a running domain, which may differ from the live XML. */
static gboolean
read_definition(Scan *scan, SinterDomain *domain, const char *text, GError **error)
{
    g_autoptr(SinterXmlDomain) xml = parse_xml(domain, text, error);

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

static SinterGuestAgent
agent_from_xml(const SinterXmlDomain *xml)
{
    if (!xml->has_agent_channel)
        return SINTER_GUEST_AGENT_NO_CHANNEL;
    return xml->agent_connected ? SINTER_GUEST_AGENT_CONNECTED : SINTER_GUEST_AGENT_SILENT;
}

static gboolean
read_disks(Scan *scan, SinterDomain *domain, const SinterDomainReading *reading, GError **error)
{
    g_autoptr(SinterXmlDomain) xml = parse_xml(domain, reading->xml, error);

    if (!xml)
        return FALSE;
    domain->metadata_digest = xml->metadata_digest;
    domain->agent = agent_from_xml(xml);
    sinter_scan_read_firmware(scan->reader, domain, xml);
    domain->manager =
        sinter_manager_recognize(domain->name, (const char *const *)xml->metadata_namespaces,
                                 (const char *const *)scan->settings->manager_names);
    for (guint i = 0; i < xml->disks->len; i++)
        g_ptr_array_add(domain->disks, read_disk(scan, g_ptr_array_index(xml->disks, i)));
    if (reading->inactive_xml)
        return read_definition(scan, domain, reading->inactive_xml, error);
    if (!domain->active)
        share_chains(domain);
    sinter_shared_storage_mark(domain, sinter_layer_reader_get_probe(scan->reader),
                               (const char *const *)scan->settings->exclusive);
    return TRUE;
}

/* <mirror> shows copies and active commits only; other jobs are known from libvirt's answer, or
 * from an earlier one. */
static void
set_block_jobs(SinterDomain *domain, const SinterDomainReading *reading, const SinterDomain *known)
{
    domain->block_jobs_recalled = domain->active && !reading->block_jobs;
    for (guint i = 0; i < domain->disks->len; i++) {
        SinterDisk *disk = g_ptr_array_index(domain->disks, i);
        const SinterDisk *before = known ? sinter_domain_find_disk(known, disk->target) : NULL;

        if (reading->block_jobs)
            disk->block_job = (SinterBlockJobType)GPOINTER_TO_INT(
                g_hash_table_lookup(reading->block_jobs, disk->target));
        else if (domain->active && before)
            disk->block_job = before->block_job;
    }
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

/* Operations that hold a domain for long. */
static const char *const operations[] = {
    [VIR_DOMAIN_JOB_OPERATION_START] = "its start",
    [VIR_DOMAIN_JOB_OPERATION_SAVE] = "a save",
    [VIR_DOMAIN_JOB_OPERATION_RESTORE] = "a restore",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "a migration",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "a migration",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "the creation of a snapshot",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "the revert to a snapshot",
    [VIR_DOMAIN_JOB_OPERATION_DUMP] = "a dump",
    [VIR_DOMAIN_JOB_OPERATION_BACKUP] = "a backup",
};

static void
set_busy(SinterDomain *domain, const SinterDomainReading *reading)
{
    int operation = reading->busy_operation;

    if (!reading->busy)
        return;
    domain->busy_with_backup = operation == VIR_DOMAIN_JOB_OPERATION_BACKUP;
    domain->busy_with = g_strdup("another operation");
    if (operation <= 0 || operation >= (int)G_N_ELEMENTS(operations) || !operations[operation])
        return;
    g_free(domain->busy_with);
    domain->busy_with = g_strdup(operations[operation]);
}

static void
set_state(SinterDomain *domain, const SinterDomainReading *reading)
{
    set_busy(domain, reading);
    domain->name = g_strdup(reading->name);
    domain->state = (SinterDomainState)reading->state;
    domain->reason = reading->reason;
    domain->persistent = reading->persistent;
    domain->active = reading->active;
    domain->has_managed_save = reading->has_managed_save;
}

/* A silence that was known before has not begun anew. */
static void
set_unresponsive(SinterDomain *domain, const SinterDomainReading *reading,
                 const SinterDomain *known)
{
    gint64 since_usec = reading->unresponsive_since_usec;

    if (since_usec == 0)
        return;
    if (known && known->unresponsive_since_usec != 0)
        since_usec = known->unresponsive_since_usec;
    domain->unresponsive_since_usec = since_usec;
    g_free(domain->unresponsive_reason);
    domain->unresponsive_reason =
        g_strdup(reading->unresponsive_reason ? reading->unresponsive_reason
                                              : "libvirt does not answer questions about it");
}

static gboolean
interpret(Scan *scan, SinterDomain *domain, const SinterDomainReading *reading,
          const SinterDomain *known, GError **error)
{
    if (!reading->xml)
        return TRUE;
    if (!read_disks(scan, domain, reading, error))
        return FALSE;
    sinter_scan_recall_disks(domain, known);
    sinter_scan_read_managed_save(scan->reader, domain, reading->saved_xml);
    sinter_scan_read_snapshots(scan->reader, domain, reading->snapshots);
    sinter_scan_mark_current_snapshot(domain, reading->current_snapshot);
    sinter_scan_recall_rest(domain, known);
    set_block_jobs(domain, reading, known);
    return sinter_scan_read_checkpoints(domain, reading->checkpoints, error);
}

/* A domain without any answer: what was known of it, if anything. */
static SinterDomain *
make_silent(const Scan *scan, const char *uuid, const SinterDomain *known)
{
    SinterDomain *domain;

    if (known)
        return sinter_domain_copy_known(known);
    domain = sinter_domain_new();
    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(scan->names ? g_hash_table_lookup(scan->names, uuid) : NULL);
    if (!domain->name)
        domain->name = g_strdup(uuid);
    domain->partial = TRUE;
    sinter_domain_add_problem(domain, "libvirt does not answer questions about the domain");
    return domain;
}

/* NULL with @error only if the domain no longer exists or the connection is lost. */
static SinterDomain *
read_domain(Scan *scan, SinterDomainReading *reading, GError **error)
{
    g_autoptr(SinterDomain) known =
        sinter_scan_memory_recall(scan->settings->memory, reading->uuid);
    g_autoptr(SinterDomain) domain = NULL;
    g_autoptr(GError) trouble = g_steal_pointer(&reading->error);

    if (g_error_matches(trouble, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
        g_error_matches(trouble, SINTER_ERROR, SINTER_ERROR_DISCONNECTED)) {
        g_propagate_error(error, g_steal_pointer(&trouble));
        return NULL;
    }
    if (!reading->name && !trouble) {
        domain = make_silent(scan, reading->uuid, known);
    } else {
        domain = sinter_domain_new();
        domain->uuid = g_strdup(reading->uuid);
        set_state(domain, reading);
        interpret(scan, domain, reading, known, trouble ? NULL : &trouble);
    }
    set_unresponsive(domain, reading, known);
    if (trouble) {
        sinter_domain_add_problem(domain, trouble->message);
        domain->partial = TRUE;
    }
    return g_steal_pointer(&domain);
}

static gboolean
take_reading(Scan *scan, SinterDomainReading *reading, const SinterScanFunc func,
             gpointer user_data, GError **error)
{
    g_autoptr(GError) local = NULL;
    SinterDomain *domain = read_domain(scan, reading, &local);

    if (domain) {
        sinter_stray_search_note(scan->search, domain);
        func(domain, user_data);
    } else if (!g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return TRUE;
}

/* (transfer full) (nullable) (element-type utf8): the UUIDs of all domains. @names: uuid → name */
static GPtrArray *
list_domains(virConnectPtr connection, GHashTable *names, GError **error)
{
    virDomainPtr *handles = NULL;
    int n_handles = virConnectListAllDomains(connection, &handles, 0);
    GPtrArray *uuids = n_handles >= 0 ? g_ptr_array_new_with_free_func(g_free) : NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (n_handles < 0)
        sinter_connection_set_error(error, "listing the domains");
    for (int i = 0; i < n_handles; i++) {
        if (virDomainGetUUIDString(handles[i], uuid) == 0) {
            g_ptr_array_add(uuids, g_strdup(uuid));
            g_hash_table_insert(names, g_strdup(uuid), g_strdup(virDomainGetName(handles[i])));
        }
        virDomainFree(handles[i]);
    }
    free(handles);
    return uuids;
}

gboolean
sinter_scan_each(const SinterScanSource *source, SinterScanFunc func, gpointer user_data,
                 GPtrArray **ret_strays, GError **error)
{
    g_autoptr(SinterLayerReader) reader =
        sinter_layer_reader_new(source->connection, source->settings->memory);
    g_autoptr(SinterStraySearch) search = sinter_stray_search_new();
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) uuids = list_domains(source->connection, names, error);
    SinterReadingQueue *queue = uuids ? sinter_reading_queue_new(source, uuids) : NULL;
    Scan scan = { source->settings, reader, search, names };
    SinterDomainReading *reading;
    gboolean good = queue != NULL;

    while (queue && (reading = sinter_reading_queue_pop(queue))) {
        good = good && take_reading(&scan, reading, func, user_data, error);
        sinter_domain_reading_free(reading);
    }
    sinter_reading_queue_free(queue);
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

typedef struct {
    const SinterScanSource *source;
    const char *uuid;
} DomainScan;

static SinterDomain *
scan_domain(gpointer data, GError **error)
{
    const DomainScan *wish = data;
    const SinterScanSource *source = wish->source;
    g_autoptr(SinterLayerReader) reader =
        sinter_layer_reader_new(source->connection, source->settings->memory);
    g_autoptr(SinterDomainReading) reading = sinter_domain_reading_new(source, wish->uuid);
    Scan scan = { .settings = source->settings, .reader = reader };

    return read_domain(&scan, reading, error);
}

SinterDomain *
sinter_scan_domain(const SinterScanSource *source, const char *uuid, gint64 since_usec,
                   GError **error)
{
    DomainScan wish = { source, uuid };

    return sinter_scan_share_read(source->settings->memory->share, uuid, since_usec, scan_domain,
                                  &wish, error);
}
