/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What libvirt stores about a domain and a merge changes: its snapshots, its definition, the
 * storage pool of its images. Invariant: between reading a description and replacing it, no other
 * job replaces it.
 */

#include "sinter-virt-libvirt-private.h"

#include "sinter-file.h"
#include "sinter-snapshot-xml.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <sys/stat.h>

gboolean
sinter_virt_libvirt_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot,
                                  GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    g_auto(SnapshotHandle) handle = NULL;
    int rc = -1;

    if (!domain)
        return FALSE;
    handle = virDomainSnapshotLookupByName(domain, snapshot, 0);
    if (handle)
        rc = virDomainSnapshotDelete(handle, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);
    sinter_virt_note_change(virt, uuid);
    /* already deleted: another disk's job of the same merge was faster */
    if (rc == 0 || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_SNAPSHOT)
        return TRUE;
    sinter_connection_set_error(error, "deleting the metadata of snapshot '%s' of domain '%s'",
                                snapshot, virDomainGetName(domain));
    return FALSE;
}

gboolean
sinter_virt_libvirt_drop_checkpoint(SinterVirt *virt, const char *uuid, const char *checkpoint,
                                    GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    virDomainCheckpointPtr handle;
    int rc = -1;

    if (!domain)
        return FALSE;
    handle = virDomainCheckpointLookupByName(domain, checkpoint, 0);
    if (handle) {
        rc = virDomainCheckpointDelete(handle, VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY);
        virDomainCheckpointFree(handle);
    }
    sinter_virt_note_change(virt, uuid);
    /* already deleted: another disk's job of the same merge was faster */
    if (rc == 0 || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT)
        return TRUE;
    sinter_connection_set_error(error, "deleting the metadata of checkpoint '%s' of domain '%s'",
                                checkpoint, virDomainGetName(domain));
    return FALSE;
}

/* libvirt stores "current" separately: a redefinition states whether the snapshot is the current
 * one. */
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

/* (transfer full) (nullable): the snapshot's XML with its @disk changed to @new_path */
static char *
edited_snapshot_xml(virDomainSnapshotPtr snapshot, const char *what, const char *disk,
                    const char *new_path, const char *new_format, GError **error)
{
    SinterXmlImage image = { new_path, is_block_device(new_path), new_format };
    g_autofree char *edited = NULL;
    char *xml = virDomainSnapshotGetXMLDesc(snapshot, VIR_DOMAIN_SNAPSHOT_XML_SECURE);

    if (!xml) {
        sinter_connection_set_error(error, "reading %s", what);
        return NULL;
    }
    edited = sinter_xml_snapshot_replace_source(xml, what, disk, &image, error);
    free(xml);
    return g_steal_pointer(&edited);
}

/* Held from reading the XML of a snapshot or a domain until its redefinition: otherwise concurrent
 * jobs on two disks of one domain would undo each other's change. */
static GMutex redefinition_lock;

gboolean
sinter_virt_libvirt_redefine_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot,
                                      const char *disk, const char *new_path,
                                      const char *new_format, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    g_auto(SnapshotHandle) handle = NULL;
    g_autoptr(GMutexLocker) locker = NULL;
    g_autofree char *what = NULL;
    g_autofree char *xml = NULL;
    gboolean good;

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
    good = replace_snapshot(domain, handle, xml);
    if (!good)
        sinter_connection_set_error(error, "redefining %s", what);
    sinter_virt_note_change(virt, uuid);
    return good;
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

/* A change of a definition: its description, and the disk that it concerns. */
typedef struct {
    SinterVirt *virt;
    const char *uuid;
    const char *what;
    const char *disk;
    const SinterXmlImage *image; /* (nullable) */
    const char *reason;          /* (nullable) */
} Change;

/* Sets *@ret_text to NULL if nothing has to change. */
typedef gboolean (*EditFunc)(const Change *change, const char *text, char **ret_text,
                             GError **error);

static gboolean
edit_source(const Change *change, const char *text, char **ret_text, GError **error)
{
    return sinter_xml_domain_replace_source(text, change->what, change->disk, change->image,
                                            ret_text, error);
}

static gboolean
edit_guard_in(const Change *change, const char *text, char **ret_text, GError **error)
{
    return sinter_xml_domain_guard_disk(text, change->what, change->disk, change->reason, ret_text,
                                        error);
}

static gboolean
edit_guard_out(const Change *change, const char *text, char **ret_text, GError **error)
{
    return sinter_xml_domain_unguard_disk(text, change->what, change->disk, change->image, ret_text,
                                          error);
}

static gboolean
edit_definition(virDomainPtr domain, EditFunc edit, Change *change, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&redefinition_lock);
    g_autofree char *what = g_strdup_printf("domain '%s'", virDomainGetName(domain));
    g_autofree char *edited = NULL;
    gboolean good;
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (!xml) {
        sinter_connection_set_error(error, "reading the definition of %s", what);
        return FALSE;
    }
    change->what = what;
    good = edit(change, xml, &edited, error);
    free(xml);
    if (!good || !edited)
        return good;
    good = define_domain(virDomainGetConnect(domain), what, edited, error);
    sinter_virt_note_change(change->virt, change->uuid);
    return good;
}

gboolean
sinter_virt_libvirt_redefine_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                  const char *path, const char *format, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    SinterXmlImage image = { path, is_block_device(path), format };
    Change change = { .virt = virt, .uuid = uuid, .disk = disk, .image = path ? &image : NULL };

    return domain && edit_definition(domain, edit_source, &change, error);
}

/* Defining a transient domain would make it persistent: only a persistent one is changed. If
 * libvirt does not answer, the next call reports the error. */
static gboolean
is_transient(virDomainPtr domain)
{
    return virDomainIsPersistent(domain) == 0;
}

gboolean
sinter_virt_libvirt_guard_disk(SinterVirt *virt, const char *uuid, const char *disk,
                               const char *reason, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    Change change = { .virt = virt, .uuid = uuid, .disk = disk, .reason = reason };

    return domain &&
           (is_transient(domain) || edit_definition(domain, edit_guard_in, &change, error));
}

gboolean
sinter_virt_libvirt_unguard_disk(SinterVirt *virt, const char *uuid, const char *disk,
                                 const char *path, const char *format, GError **error)
{
    g_auto(DomainHandle) domain = sinter_virt_open_domain(virt, uuid, error);
    SinterXmlImage image = { path, is_block_device(path), format };
    Change change = { .virt = virt, .uuid = uuid, .disk = disk, .image = path ? &image : NULL };

    return domain &&
           (is_transient(domain) || edit_definition(domain, edit_guard_out, &change, error));
}

static gboolean
is_session(SinterVirt *virt)
{
    return g_str_has_suffix(sinter_connection_get_uri(((SinterVirtLibvirt *)virt)->connection),
                            "/session");
}

/* libvirt writes a definition to a temporary file, syncs it and renames it; the name is durable
 * once the folder is synced. The folder is in /etc for the system daemon, in the XDG folders for a
 * user's. */
gboolean
sinter_virt_libvirt_sync_definition(SinterVirt *virt, const char *name, GError **error)
{
    g_autofree char *file = g_strconcat(name, ".xml", NULL);
    g_autofree char *path = NULL;
    g_autoptr(GError) cause = NULL;

    if (is_session(virt))
        path = g_build_filename(g_get_user_config_dir(), "libvirt", "qemu", file, NULL);
    else
        path = g_build_filename("/etc/libvirt/qemu", file, NULL);
    if (sinter_file_sync_parent(path, &cause) ||
        g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE; /* without the folder there is no definition: the domain is transient */
    g_propagate_prefixed_error(error, g_steal_pointer(&cause),
                               "the definition of domain '%s' may not be durable: ", name);
    return FALSE;
}

/* Syncs the folder that contains @path; succeeds if it does not exist. */
static gboolean
sync_parent_if_exists(const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (sinter_file_sync_parent(path, &cause) ||
        g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

/* libvirt stores the metadata in one folder for each domain, and removes the folder with the
 * domain's last snapshot: the folder above is synced as well. The folders are in /var/lib for the
 * system daemon, in the XDG folders for a user's. */
gboolean
sinter_virt_libvirt_sync_snapshots(SinterVirt *virt, const char *name, GError **error)
{
    static const char *const kinds[] = { "snapshot", "checkpoint" };
    g_autofree char *root = is_session(virt)
                                ? g_build_filename(g_get_user_config_dir(), "libvirt/qemu", NULL)
                                : g_strdup("/var/lib/libvirt/qemu");

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *folder = g_build_filename(root, kinds[i], name, NULL);
        g_autofree char *entry = g_build_filename(folder, "any.xml", NULL);

        if (!sync_parent_if_exists(entry, error) || !sync_parent_if_exists(folder, error)) {
            g_prefix_error(error, "the %s metadata of domain '%s' may not be durable: ", kinds[i],
                           name);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
sinter_virt_libvirt_refresh_pool(SinterVirt *virt, const char *folder, GError **error)
{
    g_auto(ConnectionHandle) connection = sinter_virt_open_connection(virt, error);
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
