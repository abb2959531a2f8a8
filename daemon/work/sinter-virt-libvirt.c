/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The live operations on a real libvirt. What holds: a layer is named by the index that the live
 * XML of the same moment gives it (vda[3]), never by a path, which symlinks and relative names
 * make ambiguous; every handle is given back; errors name the domain, the disk and what was tried.
 */

#include "sinter-virt-libvirt.h"

#include "sinter-file.h"
#include "sinter-scan.h"
#include "sinter-snapshot-xml.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef virDomainPtr DomainHandle;
typedef virConnectPtr ConnectionHandle;

static void
domain_handle_clear(DomainHandle *handle)
{
    if (*handle)
        virDomainFree(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DomainHandle, domain_handle_clear)

static void
connection_handle_clear(ConnectionHandle *handle)
{
    if (*handle)
        virConnectClose(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConnectionHandle, connection_handle_clear)

typedef virDomainSnapshotPtr SnapshotHandle;

static void
snapshot_handle_clear(SnapshotHandle *handle)
{
    if (*handle)
        virDomainSnapshotFree(*handle);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SnapshotHandle, snapshot_handle_clear)

typedef struct {
    SinterVirt parent;
    SinterConnection *connection;
} VirtLibvirt;

static virConnectPtr
open_connection(SinterVirt *virt, GError **error)
{
    return sinter_connection_dup(((VirtLibvirt *)virt)->connection, error);
}

/* The domain, and with it a reference on its connection. */
static virDomainPtr
open_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(ConnectionHandle) connection = open_connection(virt, error);
    virDomainPtr domain;

    if (!connection)
        return NULL;
    domain = virDomainLookupByUUIDString(connection, uuid);
    if (!domain)
        sinter_connection_set_error(error, "looking for domain %s", uuid);
    return domain;
}

static SinterDomain *
scan_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(ConnectionHandle) connection = open_connection(virt, error);

    return connection ? sinter_scan_domain(connection, uuid, error) : NULL;
}

static GPtrArray *
scan_all(SinterVirt *virt, GError **error)
{
    g_auto(ConnectionHandle) connection = open_connection(virt, error);

    return connection ? sinter_scan_all(connection, error) : NULL;
}

/* --- starting ------------------------------------------------------------------------------- */

/* (transfer full) (nullable): "vda[3]" for the layer at @path, or NULL with an error */
static char *
name_layer(const SinterDisk *disk, const char *path, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (g_strcmp0(layer->path ? layer->path : layer->description, path) != 0)
            continue;
        if (layer->index > 0)
            return g_strdup_printf("%s[%u]", disk->target, layer->index);
        return g_strdup(path);
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' is no longer in the chain of disk %s", path, disk->target);
    return NULL;
}

/* What a start needs at hand; names may be NULL where the operation takes none. */
typedef struct {
    virDomainPtr domain;
    const SinterDiskPlan *plan;
    char *top;
    char *base;
    unsigned long bandwidth; /* bytes a second */
} Start;

static void
start_clear(Start *start)
{
    g_free(start->top);
    g_free(start->base);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Start, start_clear)

/* RELATIVE keeps relative backing names relative. libvirt refuses it with OPERATION_INVALID on a
 * chain of absolute names, where there is nothing to keep: then once more without. */
static gboolean
retry_without_relative(void)
{
    return virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
}

/* With its top named: a snapshot that is taken between our look and this call makes another layer
 * the active one, and libvirt then refuses; without a name it would merge that layer as well. */
static int
start_active_commit(const Start *start)
{
    return virDomainBlockCommit(
        start->domain, start->plan->disk, start->base, start->top, start->bandwidth,
        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
}

static int
start_commit(const Start *start)
{
    const unsigned int flags = VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES;
    int rc = virDomainBlockCommit(start->domain, start->plan->disk, start->base, start->top,
                                  start->bandwidth, flags | VIR_DOMAIN_BLOCK_COMMIT_RELATIVE);

    if (rc < 0 && retry_without_relative())
        rc = virDomainBlockCommit(start->domain, start->plan->disk, start->base, start->top,
                                  start->bandwidth, flags);
    return rc;
}

static int
start_pull(const Start *start)
{
    const unsigned int flags = VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES;
    int rc;

    if (!start->base)
        return virDomainBlockPull(start->domain, start->plan->disk, start->bandwidth,
                                  VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES);
    rc = virDomainBlockRebase(start->domain, start->plan->disk, start->base, start->bandwidth,
                              flags | VIR_DOMAIN_BLOCK_REBASE_RELATIVE);
    if (rc < 0 && retry_without_relative())
        rc = virDomainBlockRebase(start->domain, start->plan->disk, start->base, start->bandwidth,
                                  flags);
    return rc;
}

static int
start_copy(const Start *start)
{
    const SinterDiskPlan *plan = start->plan;
    g_autofree char *xml = g_markup_printf_escaped(
        "<disk type='file'><source file='%s'/><driver type='%s'/></disk>", plan->destination,
        plan->destination_format ? plan->destination_format : "qcow2");
    /* TRANSIENT_JOB: a persistent domain may be copied; a job that is cut off is simply gone */
    unsigned int flags = VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
    virTypedParameterPtr params = NULL;
    int n_params = 0;
    int max_params = 0;
    int rc;

    if (plan->shallow)
        flags |= VIR_DOMAIN_BLOCK_COPY_SHALLOW;
    if (plan->reuse_external)
        flags |= VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
    if (start->bandwidth > 0 &&
        virTypedParamsAddULLong(&params, &n_params, &max_params, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH,
                                start->bandwidth) < 0)
        return -1;
    rc = virDomainBlockCopy(start->domain, plan->disk, xml, params, n_params, flags);
    virTypedParamsFree(params, n_params);
    return rc;
}

static int (*const starters[])(const Start *start) = {
    [SINTER_OPERATION_ACTIVE_COMMIT] = start_active_commit,
    [SINTER_OPERATION_COMMIT] = start_commit,
    [SINTER_OPERATION_PULL] = start_pull,
    [SINTER_OPERATION_COPY] = start_copy,
};

static gboolean
start_block_job(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
                guint64 bandwidth_bytes_per_sec, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, plan->disk);
    g_auto(DomainHandle) handle = NULL;
    g_auto(Start) start = { .plan = plan };

    if (!disk) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' has no disk '%s'",
                    domain->name, plan->disk);
        return FALSE;
    }
    if ((plan->operation == SINTER_OPERATION_COMMIT ||
         plan->operation == SINTER_OPERATION_ACTIVE_COMMIT) &&
        !(start.top = name_layer(disk, plan->top_path, error)))
        return FALSE;
    if (plan->base_path && !(start.base = name_layer(disk, plan->base_path, error)))
        return FALSE;
    start.bandwidth = (unsigned long)MIN(bandwidth_bytes_per_sec, (guint64)G_MAXLONG);
    handle = open_domain(virt, domain->uuid, error);
    if (!handle)
        return FALSE;
    start.domain = handle;
    if (starters[plan->operation](&start) < 0) {
        sinter_connection_set_error(error, "starting the %s of domain '%s', disk %s",
                                    sinter_operation_name(plan->operation), domain->name,
                                    plan->disk);
        return FALSE;
    }
    return TRUE;
}

/* --- while it runs -------------------------------------------------------------------------- */

static gboolean
end_block_job(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    /* ASYNC: the answer is an event; without it libvirt would hold the domain meanwhile */
    unsigned int flags = VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;

    if (!domain)
        return FALSE;
    if (pivot)
        flags |= VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;
    if (virDomainBlockJobAbort(domain, disk, flags) < 0) {
        sinter_connection_set_error(error, "%s domain '%s', disk %s",
                                    pivot ? "moving to the merged image of"
                                          : "ending the block job of",
                                    virDomainGetName(domain), disk);
        return FALSE;
    }
    return TRUE;
}

static gboolean
get_info(SinterVirt *virt, const char *uuid, const char *disk, SinterBlockJobInfo *ret_info,
         GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    virDomainBlockJobInfo info = { 0 };
    int rc;

    if (!domain)
        return FALSE;
    rc = virDomainGetBlockJobInfo(domain, disk, &info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES);
    if (rc < 0) {
        sinter_connection_set_error(error, "asking for the block job of domain '%s', disk %s",
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
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);

    if (!domain)
        return FALSE;
    if (virDomainBlockJobSetSpeed(domain, disk,
                                  (unsigned long)MIN(bytes_per_sec, (guint64)G_MAXLONG),
                                  VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES) < 0) {
        sinter_connection_set_error(error,
                                    "limiting the block job of domain '%s', disk %s to "
                                    "%" G_GUINT64_FORMAT " bytes a second",
                                    virDomainGetName(domain), disk, bytes_per_sec);
        return FALSE;
    }
    return TRUE;
}

/* --- the guest ------------------------------------------------------------------------------ */

/* Each of libvirt's names with its place in SinterIoLimits. */
static const struct {
    const char *name;
    gsize offset;
} io_limits[] = {
    { VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC,
      G_STRUCT_OFFSET(SinterIoLimits, total_bytes_per_sec) },
    { VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC, G_STRUCT_OFFSET(SinterIoLimits, read_bytes_per_sec) },
    { VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC,
      G_STRUCT_OFFSET(SinterIoLimits, write_bytes_per_sec) },
};

static gboolean
get_io_limits(SinterVirt *virt, const char *uuid, const char *disk, SinterIoLimits *ret_limits,
              GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    g_autofree virTypedParameterPtr params = NULL;
    int n_params = 0;

    if (!domain)
        return FALSE;
    if (virDomainGetBlockIoTune(domain, NULL, NULL, &n_params, VIR_DOMAIN_AFFECT_LIVE) < 0)
        goto failed;
    params = g_new0(virTypedParameter, n_params);
    if (virDomainGetBlockIoTune(domain, disk, params, &n_params, VIR_DOMAIN_AFFECT_LIVE) < 0)
        goto failed;
    for (gsize i = 0; i < G_N_ELEMENTS(io_limits); i++) {
        unsigned long long limit = 0;

        virTypedParamsGetULLong(params, n_params, io_limits[i].name, &limit);
        G_STRUCT_MEMBER(guint64, ret_limits, io_limits[i].offset) = limit;
    }
    virTypedParamsClear(params, n_params);
    return TRUE;

failed:
    sinter_connection_set_error(error, "reading the I/O limits of domain '%s', disk %s",
                                virDomainGetName(domain), disk);
    return FALSE;
}

/* All three in one call: libvirt clears those that are not named. */
static gboolean
set_io_limits(SinterVirt *virt, const char *uuid, const char *disk, const SinterIoLimits *limits,
              GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    virTypedParameterPtr params = NULL;
    int n_params = 0;
    int max_params = 0;
    int rc = 0;

    if (!domain)
        return FALSE;
    for (gsize i = 0; rc == 0 && i < G_N_ELEMENTS(io_limits); i++)
        rc = virTypedParamsAddULLong(&params, &n_params, &max_params, io_limits[i].name,
                                     G_STRUCT_MEMBER(guint64, limits, io_limits[i].offset));
    if (rc == 0)
        rc = virDomainSetBlockIoTune(domain, disk, params, n_params, VIR_DOMAIN_AFFECT_LIVE);
    if (rc < 0)
        sinter_connection_set_error(error,
                                    "limiting the writes of domain '%s', disk %s to "
                                    "%" G_GUINT64_FORMAT " bytes a second",
                                    virDomainGetName(domain), disk, limits->write_bytes_per_sec);
    virTypedParamsFree(params, n_params);
    return rc == 0;
}

static gboolean
suspend_guest(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    int state = VIR_DOMAIN_NOSTATE;

    if (!domain)
        return FALSE;
    if (virDomainGetState(domain, &state, NULL, 0) < 0) {
        sinter_connection_set_error(error, "asking for the state of domain '%s'",
                                    virDomainGetName(domain));
        return FALSE;
    }
    /* to libvirt, to hold what somebody else has paused is a success: it would be ours to resume */
    if (state != VIR_DOMAIN_RUNNING) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED, "holding domain '%s': it is %s",
                    virDomainGetName(domain), sinter_domain_state_name(state));
        return FALSE;
    }
    if (virDomainSuspend(domain) < 0) {
        sinter_connection_set_error(error, "holding domain '%s'", virDomainGetName(domain));
        return FALSE;
    }
    return TRUE;
}

static gboolean
resume_guest(SinterVirt *virt, const char *uuid, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    if (!domain)
        return FALSE;
    if (virDomainGetState(domain, &state, &reason, 0) < 0) {
        sinter_connection_set_error(error, "asking for the state of domain '%s'",
                                    virDomainGetName(domain));
        return FALSE;
    }
    /* running already, or paused for another reason than a suspend: not ours to resume */
    if (state != VIR_DOMAIN_PAUSED || reason != VIR_DOMAIN_PAUSED_USER)
        return TRUE;
    if (virDomainResume(domain) < 0) {
        sinter_connection_set_error(error, "resuming domain '%s'", virDomainGetName(domain));
        return FALSE;
    }
    return TRUE;
}

/* --- afterwards ----------------------------------------------------------------------------- */

static gboolean
drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    g_auto(SnapshotHandle) handle = NULL;

    if (!domain)
        return FALSE;
    handle = virDomainSnapshotLookupByName(domain, snapshot, 0);
    if (handle && virDomainSnapshotDelete(handle, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) == 0)
        return TRUE;
    /* gone already: another disk's job of the same merge was quicker */
    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_SNAPSHOT)
        return TRUE;
    sinter_connection_set_error(error, "dropping snapshot '%s' of domain '%s'", snapshot,
                                virDomainGetName(domain));
    return FALSE;
}

/* libvirt keeps "current" apart: a redefinition says whether the snapshot is the current one. */
static gboolean
replace_snapshot(virDomainPtr domain, virDomainSnapshotPtr old, const char *xml)
{
    unsigned int flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
    virDomainSnapshotPtr new;

    if (virDomainSnapshotIsCurrent(old, 0) == 1)
        flags |= VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT;
    new = virDomainSnapshotCreateXML(domain, xml, flags);
    if (!new)
        return FALSE;
    virDomainSnapshotFree(new);
    return TRUE;
}

static gboolean
is_block_device(const char *path)
{
    struct stat st;

    return path && stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

/* (transfer full) (nullable): the snapshot's XML with its @disk moved to @new_path */
static char *
edited_snapshot_xml(virDomainSnapshotPtr snapshot, const char *what, const char *disk,
                    const char *new_path, const char *new_format, GError **error)
{
    g_autofree char *edited = NULL;
    char *xml = virDomainSnapshotGetXMLDesc(snapshot, VIR_DOMAIN_SNAPSHOT_XML_SECURE);

    if (!xml) {
        sinter_connection_set_error(error, "reading %s", what);
        return NULL;
    }
    edited = sinter_xml_snapshot_replace_source(xml, what, disk, new_path,
                                                is_block_device(new_path), new_format, error);
    free(xml);
    return g_steal_pointer(&edited);
}

/* Guards the way from a snapshot's or a domain's XML to its redefinition: jobs on two disks of one
 * domain that went it at once would undo each other's change. */
static GMutex redefinition_lock;

static gboolean
redefine_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, const char *disk,
                  const char *new_path, const char *new_format, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    g_auto(SnapshotHandle) handle = NULL;
    g_autoptr(GMutexLocker) locker = NULL;
    g_autofree char *what = NULL;
    g_autofree char *xml = NULL;

    if (!domain)
        return FALSE;
    locker = g_mutex_locker_new(&redefinition_lock);
    what = g_strdup_printf("snapshot '%s' of domain '%s'", snapshot, virDomainGetName(domain));
    handle = virDomainSnapshotLookupByName(domain, snapshot, 0);
    if (!handle) {
        sinter_connection_set_error(error, "looking for %s", what);
        return FALSE;
    }
    xml = edited_snapshot_xml(handle, what, disk, new_path, new_format, error);
    if (!xml)
        return FALSE;
    if (!replace_snapshot(domain, handle, xml)) {
        sinter_connection_set_error(error, "redefining %s", what);
        return FALSE;
    }
    return TRUE;
}

static gboolean
define_domain(virConnectPtr connection, const char *what, const char *xml, GError **error)
{
    virDomainPtr domain = virDomainDefineXML(connection, xml);

    if (!domain) {
        sinter_connection_set_error(error, "redefining %s", what);
        return FALSE;
    }
    virDomainFree(domain);
    return TRUE;
}

static gboolean
redefine_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
              const char *format, GError **error)
{
    g_auto(DomainHandle) domain = open_domain(virt, uuid, error);
    g_autoptr(GMutexLocker) locker = NULL;
    g_autofree char *what = NULL;
    g_autofree char *edited = NULL;
    gboolean good;
    char *xml;

    if (!domain)
        return FALSE;
    locker = g_mutex_locker_new(&redefinition_lock);
    what = g_strdup_printf("domain '%s'", virDomainGetName(domain));
    xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (!xml) {
        sinter_connection_set_error(error, "reading the definition of %s", what);
        return FALSE;
    }
    good = sinter_xml_domain_replace_source(xml, what, disk, path, is_block_device(path), format,
                                            &edited, error);
    free(xml);
    return good && (!edited || define_domain(virDomainGetConnect(domain), what, edited, error));
}

/* libvirt writes a definition to a temporary file, syncs it and renames it; the name is durable
 * once the folder is synced. Its places: /etc for the system's daemon, XDG's for a user's. */
static void
sync_definition(SinterVirt *virt, const char *name)
{
    const char *uri = sinter_connection_get_uri(((VirtLibvirt *)virt)->connection);
    g_autofree char *file = g_strconcat(name, ".xml", NULL);
    g_autofree char *path = NULL;

    if (g_str_has_suffix(uri, "/session"))
        path = g_build_filename(g_get_user_config_dir(), "libvirt", "qemu", file, NULL);
    else
        path = g_build_filename("/etc/libvirt/qemu", file, NULL);
    sinter_file_sync_parent(path, NULL);
}

static gboolean
refresh_pool(SinterVirt *virt, const char *folder, GError **error)
{
    g_auto(ConnectionHandle) connection = open_connection(virt, error);
    virStoragePoolPtr pool;
    int rc = 0;

    if (!connection)
        return FALSE;
    pool = virStoragePoolLookupByTargetPath(connection, folder);
    if (!pool)
        return TRUE;
    if (virStoragePoolIsActive(pool) == 1)
        rc = virStoragePoolRefresh(pool, 0);
    if (rc < 0)
        sinter_connection_set_error(error, "refreshing pool '%s'", virStoragePoolGetName(pool));
    virStoragePoolFree(pool);
    return rc == 0;
}

static gboolean
error_is_lost(SinterVirt *virt, const GError *error)
{
    return sinter_connection_error_is_lost(error);
}

static const SinterVirtClass virt_libvirt_class = {
    .scan_domain = scan_domain,
    .scan_all = scan_all,
    .start = start_block_job,
    .end = end_block_job,
    .get_info = get_info,
    .set_bandwidth = set_bandwidth,
    .get_io_limits = get_io_limits,
    .set_io_limits = set_io_limits,
    .suspend = suspend_guest,
    .resume = resume_guest,
    .drop_snapshot = drop_snapshot,
    .redefine_snapshot = redefine_snapshot,
    .redefine_disk = redefine_disk,
    .sync_definition = sync_definition,
    .refresh_pool = refresh_pool,
    .error_is_lost = error_is_lost,
};

SinterVirt *
sinter_virt_libvirt_new(SinterConnection *connection)
{
    VirtLibvirt *self = g_new0(VirtLibvirt, 1);

    self->parent.klass = &virt_libvirt_class;
    self->connection = g_object_ref(connection);
    return &self->parent;
}

void
sinter_virt_libvirt_free(SinterVirt *virt)
{
    VirtLibvirt *self = (VirtLibvirt *)virt;

    g_object_unref(self->connection);
    g_free(self);
}
