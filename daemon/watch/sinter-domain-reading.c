/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two questions about a domain: its descriptions, which libvirt has, and its block jobs, which
 * only QEMU knows. Invariant: the data of an unanswered question is never read; no question is
 * asked that needs a QEMU which is known not to respond, because each holds a worker of libvirtd.
 */

#include "sinter-domain-reading.h"

#include "sinter-connection-error.h"
#include "sinter-domain-xml.h"
#include "sinter-error.h"
#include "sinter-qemu-process.h"
#include "sinter-scan-memory.h"

#include <stdlib.h>
#include <string.h>

/* How long another command may use the monitor until QEMU is considered not to respond. */
#define OCCUPIED_MSEC 1000

/* A question to libvirt. */
typedef struct {
    virConnectPtr
        connection;        /* (unowned): if there are no lines: then nobody but the caller asks */
    SinterLinePool *lines; /* (nullable) */
    SinterDomainReading *reading;
    GPtrArray *targets; /* of char*: the disks to ask about; NULL for the descriptions */
} Errand;

static void
snapshot_text_free(gpointer data)
{
    SinterSnapshotText *text = data;

    g_free(text->name);
    g_free(text->xml);
    g_free(text);
}

static SinterDomainReading *
reading_new(const char *uuid)
{
    SinterDomainReading *reading = g_new0(SinterDomainReading, 1);

    reading->uuid = g_strdup(uuid);
    reading->snapshots = g_ptr_array_new_with_free_func(snapshot_text_free);
    reading->checkpoints = g_ptr_array_new_with_free_func(snapshot_text_free);
    return reading;
}

void
sinter_domain_reading_free(SinterDomainReading *reading)
{
    if (!reading)
        return;
    g_free(reading->uuid);
    g_free(reading->name);
    g_free(reading->xml);
    g_free(reading->inactive_xml);
    g_free(reading->saved_xml);
    g_free(reading->current_snapshot);
    g_ptr_array_unref(reading->snapshots);
    g_ptr_array_unref(reading->checkpoints);
    g_clear_pointer(&reading->block_jobs, g_hash_table_unref);
    g_clear_error(&reading->error);
    g_free(reading->unresponsive_reason);
    g_free(reading);
}

static void
errand_free(gpointer data)
{
    Errand *errand = data;

    sinter_line_pool_unref(errand->lines);
    sinter_domain_reading_free(errand->reading);
    g_clear_pointer(&errand->targets, g_ptr_array_unref);
    g_free(errand);
}

/* --- descriptions ----------------------------------------------------------------------------- */

static gboolean
read_state(SinterDomainReading *reading, virDomainPtr handle)
{
    int persistent = virDomainIsPersistent(handle);
    int active = persistent < 0 ? -1 : virDomainIsActive(handle);

    if (active < 0 || virDomainGetState(handle, &reading->state, &reading->reason, 0) < 0) {
        sinter_connection_set_error(&reading->error, "domain '%s': reading its state",
                                    reading->name);
        return FALSE;
    }
    reading->persistent = persistent == 1;
    reading->active = active == 1;
    reading->has_managed_save = virDomainHasManagedSaveImage(handle, 0) == 1;
    return TRUE;
}

/* (transfer full): text that libvirt allocated */
static char *
take_text(char *text)
{
    char *copy = g_strdup(text);

    free(text);
    return copy;
}

static gboolean
read_xml(SinterDomainReading *reading, virDomainPtr handle, guint flags, char **ret_text)
{
    *ret_text = take_text(virDomainGetXMLDesc(handle, flags));
    if (!*ret_text)
        sinter_connection_set_error(&reading->error, "domain '%s': reading its XML", reading->name);
    return *ret_text != NULL;
}

/* @xml: (transfer full) */
static void
add_text(GPtrArray *texts, const char *name, char *xml)
{
    SinterSnapshotText *text = g_new0(SinterSnapshotText, 1);

    text->name = g_strdup(name);
    text->xml = xml;
    g_ptr_array_add(texts, text);
}

static gboolean
add_snapshot(SinterDomainReading *reading, virDomainSnapshotPtr handle)
{
    const char *name = virDomainSnapshotGetName(handle);
    char *xml = take_text(virDomainSnapshotGetXMLDesc(handle, 0));

    if (xml) {
        add_text(reading->snapshots, name, xml);
        return TRUE;
    }
    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_SNAPSHOT)
        return TRUE; /* deleted meanwhile */
    sinter_connection_set_error(&reading->error, "reading snapshot '%s' of domain '%s'", name,
                                reading->name);
    return FALSE;
}

static gboolean
add_checkpoint(SinterDomainReading *reading, virDomainCheckpointPtr handle)
{
    const char *name = virDomainCheckpointGetName(handle);
    char *xml =
        take_text(virDomainCheckpointGetXMLDesc(handle, VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN));

    if (xml) {
        add_text(reading->checkpoints, name, xml);
        return TRUE;
    }
    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT)
        return TRUE; /* deleted meanwhile */
    sinter_connection_set_error(&reading->error, "reading checkpoint '%s' of domain '%s'", name,
                                reading->name);
    return FALSE;
}

/* Without a current snapshot this is an error of libvirt; other errors show in what is read next.
 */
static void
read_current_snapshot(SinterDomainReading *reading, virDomainPtr handle)
{
    virDomainSnapshotPtr current = virDomainSnapshotCurrent(handle, 0);

    if (!current)
        return;
    reading->current_snapshot = g_strdup(virDomainSnapshotGetName(current));
    virDomainSnapshotFree(current);
}

static gboolean
read_snapshots(SinterDomainReading *reading, virDomainPtr handle)
{
    virDomainSnapshotPtr *handles = NULL;
    int n_handles =
        virDomainListAllSnapshots(handle, &handles, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
    gboolean good = TRUE;

    if (n_handles < 0) {
        if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
            return TRUE;
        sinter_connection_set_error(&reading->error, "listing the snapshots of domain '%s'",
                                    reading->name);
        return FALSE;
    }
    for (int i = 0; i < n_handles; i++) {
        good = good && add_snapshot(reading, handles[i]);
        virDomainSnapshotFree(handles[i]);
    }
    free(handles);
    if (n_handles > 0 && good)
        read_current_snapshot(reading, handle);
    return good;
}

/* A hypervisor without checkpoints has none. */
static gboolean
read_checkpoints(SinterDomainReading *reading, virDomainPtr handle)
{
    virDomainCheckpointPtr *handles = NULL;
    int n_handles =
        virDomainListAllCheckpoints(handle, &handles, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
    gboolean good = TRUE;

    if (n_handles < 0) {
        if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
            return TRUE;
        sinter_connection_set_error(&reading->error, "listing the checkpoints of domain '%s'",
                                    reading->name);
        return FALSE;
    }
    for (int i = 0; i < n_handles; i++) {
        good = good && add_checkpoint(reading, handles[i]);
        virDomainCheckpointFree(handles[i]);
    }
    free(handles);
    return good;
}

static void
set_unresponsive(SinterDomainReading *reading, gint64 since_usec, char *reason)
{
    reading->unresponsive_since_usec = since_usec;
    reading->unresponsive_reason = reason;
}

/* Whether another command has used the monitor for too long. libvirt answers this without the
 * monitor. */
static void
check_monitor(SinterDomainReading *reading, virDomainPtr handle)
{
    virDomainControlInfo info = { 0 };

    if (virDomainGetControlInfo(handle, &info, 0) < 0 ||
        info.state != VIR_DOMAIN_CONTROL_OCCUPIED || info.stateTime < OCCUPIED_MSEC)
        return;
    set_unresponsive(reading, g_get_real_time() - (gint64)info.stateTime * 1000,
                     g_strdup("QEMU does not answer a command of libvirt"));
}

static void
check_process(SinterDomainReading *reading, const char *uri)
{
    g_autofree char *pid = sinter_qemu_process_find(uri, reading->name);

    if (pid && sinter_qemu_process_is_stopped(pid))
        set_unresponsive(reading, g_get_real_time(),
                         g_strdup_printf("the QEMU process %s is stopped", pid));
}

static void
describe(const Errand *errand, virDomainPtr handle)
{
    SinterDomainReading *reading = errand->reading;

    reading->name = g_strdup(virDomainGetName(handle));
    if (!read_state(reading, handle) || !read_xml(reading, handle, 0, &reading->xml))
        return;
    if (reading->active && reading->persistent &&
        !read_xml(reading, handle, VIR_DOMAIN_XML_INACTIVE, &reading->inactive_xml))
        return;
    if (reading->has_managed_save)
        reading->saved_xml = take_text(virDomainManagedSaveGetXMLDesc(handle, 0));
    if (!read_snapshots(reading, handle) || !read_checkpoints(reading, handle) ||
        !reading->active || !errand->lines)
        return;
    check_process(reading, sinter_line_pool_get_uri(errand->lines));
    if (reading->unresponsive_since_usec == 0)
        check_monitor(reading, handle);
}

/* --- block jobs ------------------------------------------------------------------------------- */

/* Returns FALSE if the other disks need not be asked about. */
static gboolean
read_block_job(SinterDomainReading *reading, virDomainPtr handle, const char *target)
{
    virDomainBlockJobInfo info;
    int result = virDomainGetBlockJobInfo(handle, target, &info, 0);

    if (result == 1)
        g_hash_table_insert(reading->block_jobs, g_strdup(target), GINT_TO_POINTER(info.type));
    if (result >= 0)
        return TRUE;
    switch (virGetLastErrorCode()) {
    case VIR_ERR_NO_SUPPORT:
        return FALSE;
    case VIR_ERR_INVALID_ARG:       /* the disk was unplugged meanwhile */
    case VIR_ERR_OPERATION_INVALID: /* the domain stopped meanwhile */
        return TRUE;
    default:
        sinter_connection_set_error(&reading->error,
                                    "domain '%s': reading the block job of disk %s",
                                    virDomainGetName(handle), target);
        return FALSE;
    }
}

/* Which operation holds the domain; UNKNOWN if none does any more. */
static void
read_operation(SinterDomainReading *reading, virDomainPtr handle)
{
    virTypedParameterPtr params = NULL;
    int n_params = 0;
    int type = VIR_DOMAIN_JOB_NONE;

    if (virDomainGetJobStats(handle, &type, &params, &n_params, 0) == 0)
        virTypedParamsGetInt(params, n_params, VIR_DOMAIN_JOB_OPERATION, &reading->busy_operation);
    reading->busy = type != VIR_DOMAIN_JOB_NONE;
    virTypedParamsFree(params, n_params);
}

static void
read_block_jobs(const Errand *errand, virDomainPtr handle)
{
    SinterDomainReading *reading = errand->reading;

    reading->block_jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    read_operation(reading, handle);
    for (guint i = 0; i < errand->targets->len; i++) {
        if (!read_block_job(reading, handle, g_ptr_array_index(errand->targets, i)))
            return;
    }
}

/* The disks that may have a block job: those that QEMU may write to. */
static GPtrArray *
list_targets(const char *text)
{
    g_autoptr(SinterXmlDomain) xml = sinter_xml_domain_new(text, "domain", NULL);
    GPtrArray *targets = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; xml && i < xml->disks->len; i++) {
        const SinterXmlDisk *disk = g_ptr_array_index(xml->disks, i);

        if (!disk->read_only && disk->sources->len > 0)
            g_ptr_array_add(targets, g_strdup(disk->target));
    }
    return targets;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void
errand_run(gpointer data)
{
    Errand *errand = data;
    GError **error = &errand->reading->error;
    virConnectPtr line =
        errand->lines ? sinter_line_pool_take(errand->lines, error) : errand->connection;
    virDomainPtr handle = line ? virDomainLookupByUUIDString(line, errand->reading->uuid) : NULL;

    if (!handle && line)
        sinter_connection_set_error(error, "looking up domain %s", errand->reading->uuid);
    else if (handle && errand->targets)
        read_block_jobs(errand, handle);
    else if (handle)
        describe(errand, handle);
    if (handle)
        virDomainFree(handle);
    if (line && errand->lines)
        sinter_line_pool_give(errand->lines, line);
}

/* @targets: (transfer full) (nullable). Returns the answer; if there is none, a reading that only
 * says since when. */
static SinterDomainReading *
ask(const SinterScanSource *source, const char *uuid, GPtrArray *targets)
{
    Errand *errand = g_new0(Errand, 1);
    const SinterQuestion question = { errand_run, errand, errand_free, NULL };
    const SinterScanMemory *memory = source->settings->memory;
    SinterPatience *patience = targets ? memory->qemu : memory->libvirt;
    SinterDomainReading *reading = reading_new(uuid);
    gint64 since_usec;
    gboolean answered = TRUE;

    errand->connection = source->connection;
    if (source->lines)
        errand->lines = sinter_line_pool_ref(source->lines);
    errand->reading = reading_new(uuid);
    errand->targets = targets;
    if (source->lines)
        answered = sinter_patience_ask(patience, uuid, &question, &since_usec);
    else
        errand_run(errand); /* a driver in this process always answers */
    if (!answered) {
        /* QEMU need not be asked now: what is known of block jobs is good enough */
        if (since_usec == 0 && !targets)
            since_usec = g_get_real_time();
        set_unresponsive(reading, since_usec, NULL);
        return reading;
    }
    sinter_domain_reading_free(reading);
    reading = g_steal_pointer(&errand->reading);
    errand_free(errand);
    return reading;
}

/* Adds the answer to the question about block jobs. */
static void
take_block_jobs(SinterDomainReading *reading, SinterDomainReading *jobs)
{
    reading->block_jobs = g_steal_pointer(&jobs->block_jobs);
    reading->busy = jobs->busy;
    reading->busy_operation = jobs->busy_operation;
    reading->error = g_steal_pointer(&jobs->error);
    reading->unresponsive_since_usec = jobs->unresponsive_since_usec;
    if (reading->unresponsive_since_usec != 0)
        reading->unresponsive_reason = g_strdup("QEMU does not answer a command of libvirt");
    sinter_domain_reading_free(jobs);
}

SinterDomainReading *
sinter_domain_reading_new(const SinterScanSource *source, const char *uuid)
{
    SinterDomainReading *reading = ask(source, uuid, NULL);
    g_autoptr(GPtrArray) targets = NULL;

    if (reading->error || !reading->active || reading->unresponsive_since_usec != 0)
        return reading;
    targets = list_targets(reading->xml);
    if (targets->len > 0)
        take_block_jobs(reading, ask(source, uuid, g_steal_pointer(&targets)));
    else
        reading->block_jobs = g_hash_table_new(g_str_hash, g_str_equal);
    return reading;
}
