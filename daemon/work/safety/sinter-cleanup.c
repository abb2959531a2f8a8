/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The cleanup after a verified merge: snapshot metadata first, files last. Invariant: a file is
 * removed only if it is still the very file that was merged, no domain, snapshot or definition on
 * the host names it, no process has it open with QEMU's locks, and the merged data is on stable
 * storage. Any doubt keeps the file and becomes a warning; it does not fail the job, because the
 * merge itself is complete.
 */

#include "sinter-cleanup.h"

#include "sinter-file.h"
#include "sinter-reference-graph.h"
#include "sinter-file-id.h"
#include "sinter-merged-images.h"
#include "sinter-point.h"
#include "sinter-unknown-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const SinterLayer *
find_layer(const SinterDisk *disk, const char *path)
{
    for (guint i = 0; disk && i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (g_strcmp0(layer->path, path) == 0)
            return layer;
    }
    return NULL;
}

void
sinter_cleanup_remember_files(SinterJobRecord *record, const SinterDomain *domain)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, record->plan->disk);
    g_autoptr(GStrvBuilder) identities = g_strv_builder_new();

    for (char **path = record->plan->remove_files; path && *path; path++) {
        const SinterLayer *layer = find_layer(disk, *path);
        g_autofree char *identity = NULL;

        if (layer && layer->inode)
            identity = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, layer->device,
                                       layer->inode);
        g_strv_builder_add(identities, identity ? identity : "");
    }
    g_strfreev(record->remove_identities);
    record->remove_identities = g_strv_builder_end(identities);
    sinter_merged_images_note(record, domain);
}

/* Turns an error into a warning; except a lost connection, because everything is retried after
 * it. */
static gboolean
warn_unless_lost(SinterJobRecord *record, const char *what, GError *cause, GError **error)
{
    if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_DISCONNECTED)) {
        g_propagate_error(error, cause);
        return FALSE;
    }
    sinter_job_record_warn(record, "%s: %s", what, cause->message);
    g_error_free(cause);
    return TRUE;
}

/* libvirt has been seen to reject its own XML of a snapshot right after a block job; the XML was
 * valid when read again. */
#define REDEFINE_TRIES 3

static gboolean
redefine_snapshot(SinterVirt *virt, const SinterJobRecord *record, const char *name, GError **error)
{
    const SinterDiskPlan *plan = record->plan;
    g_autoptr(GError) cause = NULL;

    for (guint n = 0; n < REDEFINE_TRIES; n++) {
        g_clear_error(&cause);
        if (virt->klass->redefine_snapshot(virt, record->domain_uuid, name, plan->disk,
                                           plan->base_path, plan->base_format, &cause))
            return TRUE;
        if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_DISCONNECTED))
            break;
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

static gboolean
redefine_snapshots(SinterVirt *virt, SinterJobRecord *record, GError **error)
{
    const SinterDiskPlan *plan = record->plan;

    for (char **name = plan->redefine_snapshots; name && *name; name++) {
        GError *cause = NULL;
        g_autofree char *what = g_strdup_printf(
            "snapshot '%s' could not be redefined to its new image '%s'", *name, plan->base_path);

        if (!redefine_snapshot(virt, record, *name, &cause) &&
            !warn_unless_lost(record, what, cause, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
drop_snapshots(SinterVirt *virt, SinterJobRecord *record, GError **error)
{
    for (char **name = record->plan->drop_snapshots; name && *name; name++) {
        GError *cause = NULL;
        g_autofree char *what =
            g_strdup_printf("the metadata of snapshot '%s' could not be deleted", *name);

        if (!virt->klass->drop_snapshot(virt, record->domain_uuid, *name, &cause) &&
            !warn_unless_lost(record, what, cause, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
drop_checkpoints(SinterVirt *virt, SinterJobRecord *record, GError **error)
{
    for (char **name = record->plan->drop_checkpoints; name && *name; name++) {
        GError *cause = NULL;
        g_autofree char *what =
            g_strdup_printf("the metadata of checkpoint '%s' could not be deleted", *name);

        if (!virt->klass->drop_checkpoint(virt, record->domain_uuid, *name, &cause) &&
            !warn_unless_lost(record, what, cause, error))
            return FALSE;
    }
    return TRUE;
}

/* FALSE if the kernel reports that written data is lost. If that cannot be determined, *@ret_doubt
 * has the reason. */
static gboolean
sync_image(const char *path, char **ret_doubt, GError **error)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        g_free(*ret_doubt);
        *ret_doubt =
            g_strdup_printf("'%s' could not be opened for syncing: %s", path, g_strerror(errno));
        return TRUE;
    }
    if (fdatasync(fd) == 0) {
        SINTER_POINT("image-synced");
        return TRUE;
    }
    sinter_error_set_errno(
        error, errno,
        "the block job is done, but '%s' could not be synced; the merged files are kept", path);
    return FALSE;
}

/* Syncs every image of the new chain: an intermediate commit writes a new backing file name into
 * the layer above and leaves it in the page cache, and the guest's cache mode may prevent QEMU from
 * ever flushing. A copy's destination is a new file, whose directory entry must be durable too. */
gboolean
sinter_cleanup_sync(const SinterDiskPlan *plan, char **ret_doubt, GError **error)
{
    for (char **path = plan->chain_after; path && *path; path++) {
        if ((*path)[0] == '/' && !sync_image(*path, ret_doubt, error))
            return FALSE;
    }
    if (plan->operation != SINTER_OPERATION_COPY)
        return TRUE;
    return sync_image(plan->destination, ret_doubt, error) &&
           sinter_file_sync_parent(plan->destination, error);
}

/* QEMU marks an open image with shared locks on bytes 100 to 103 and 200 to 203 (its
 * block/file-posix.c). Sets the same locks, so that no other process opens the image from here on;
 * then any lock of another process means that the file is in use. Without support for locks the
 * answer is unknown. */
static gboolean
lock_unused(int fd)
{
    static const off_t starts[] = { 100, 200 };
    struct flock test = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 104 };

    for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
        struct flock ours = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = starts[i], .l_len = 4
        };

        if (fcntl(fd, F_OFD_SETLK, &ours) < 0)
            return FALSE;
    }
    return fcntl(fd, F_OFD_GETLK, &test) == 0 && test.l_type == F_UNLCK;
}

/* Returns whether @path still leads to the file of @st, after the file was locked. */
static gboolean
is_still_named(const char *path, const struct stat *st)
{
    struct stat now;

    return lstat(path, &now) == 0 && sinter_file_id_same(&now, st);
}

/* Returns whether @st is the file that was recorded at the start. */
static gboolean
is_noted_file(const struct stat *st, const char *identity)
{
    g_autofree char *now = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                           (guint64)st->st_dev, (guint64)st->st_ino);

    return strcmp(now, identity) == 0;
}

/* (transfer full): who may use the file, although the graph does not show it; or NULL */
static char *
find_unknown_user(const SinterJobRecord *record, const SinterReferenceGraph *graph,
                  const char *path, const struct stat *st)
{
    const SinterUnknownReaderSearch search = {
        .graph = graph,
        .ignored = (const char *const *)record->plan->ignored_readers,
    };
    const SinterLayer file = { .type = SINTER_SOURCE_FILE,
                               .path = (char *)path,
                               .description = (char *)path,
                               .device = st->st_dev,
                               .inode = st->st_ino,
                               .fs_device = st->st_dev };
    g_autofree char *text = NULL;
    SinterUnknownReader reader;

    if (!sinter_unknown_reader_find(&search, &file, &reader))
        return NULL;
    text = sinter_unknown_reader_describe(&reader);
    return g_strdup_printf("it is unknown whether it is used: %s", text);
}

/* Returns whether @reference does not count: it is from an image that this job merged as well, or
 * that an administrator named. */
static gboolean
is_left_out(const SinterJobRecord *record, const SinterReference *reference)
{
    const SinterLayer *stray = reference->stray;
    g_autofree char *identity = NULL;

    if (!stray)
        return FALSE;
    identity =
        g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, stray->device, stray->inode);
    return g_strv_contains((const char *const *)record->plan->ignored_readers,
                           stray->description) ||
           (record->remove_identities &&
            g_strv_contains((const char *const *)record->remove_identities, identity));
}

/* (transfer full): who uses the file, or NULL */
static char *
find_user(const SinterJobRecord *record, const SinterReferenceGraph *graph, const char *path,
          const struct stat *st)
{
    g_autoptr(GPtrArray) users = sinter_reference_graph_lookup_path(graph, path);

    for (guint i = 0; i < users->len; i++) {
        const SinterReference *user = users->pdata[i];
        g_autofree char *words = NULL;

        if (is_left_out(record, user))
            continue;
        words = sinter_reference_describe(user);
        return g_strdup_printf("it is used by %s", words);
    }
    return find_unknown_user(record, graph, path, st);
}

/* (transfer full): why the file at @path must be kept, or NULL if it may be removed */
static char *
reason_to_keep(const SinterJobRecord *record, const SinterReferenceGraph *graph, const char *path,
               int fd, const char *identity)
{
    char *user;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return g_strdup("it is not a regular file");
    if (identity[0] == '\0')
        return g_strdup("it could not be examined before the merge");
    if (!is_noted_file(&st, identity))
        return g_strdup("it was replaced by another file");
    user = find_user(record, graph, path, &st);
    if (user)
        return user;
    if (!lock_unused(fd))
        return g_strdup("a process holds it open, or its locks cannot be read");
    if (!is_still_named(path, &st))
        return g_strdup("it was replaced by another file");
    return NULL;
}

/* Removes @path if that is allowed; returns TRUE if it no longer exists. */
static gboolean
remove_if_unused(SinterJobRecord *record, const SinterReferenceGraph *graph, const char *path,
                 const char *identity)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    g_autofree char *reason = NULL;
    g_autoptr(GError) error = NULL;

    if (fd < 0 && errno == ENOENT)
        return TRUE; /* an earlier run of this job removed it */
    if (fd < 0)
        reason = g_strdup(g_strerror(errno));
    else
        reason = reason_to_keep(record, graph, path, fd, identity);
    SINTER_POINT("merged-file-judged");
    if (!reason && !sinter_file_remove_durably(path, &error))
        reason = g_strdup(error->message);
    if (reason)
        sinter_job_record_warn(record, "merged file '%s' is kept: %s", path, reason);
    return reason == NULL;
}

/* Sets *@ret_graph to the present graph; to NULL, with a warning, if it cannot be determined. */
static gboolean
look_up_graph(SinterVirt *virt, SinterJobRecord *record, SinterReferenceGraph **ret_graph,
              GError **error)
{
    GError *cause = NULL;
    g_autoptr(SinterHost) host = virt->klass->scan_all(virt, &cause);

    if (!host)
        return warn_unless_lost(record, "the merged files are kept", cause, error);
    SINTER_POINT("users-read");
    *ret_graph = sinter_reference_graph_new_with_strays(host->domains, host->strays);
    return TRUE;
}

static gboolean
refresh_pools(SinterVirt *virt, SinterJobRecord *record, GHashTable *folders, GError **error)
{
    GHashTableIter iter;
    gpointer folder;

    g_hash_table_iter_init(&iter, folders);
    while (g_hash_table_iter_next(&iter, &folder, NULL)) {
        GError *cause = NULL;
        g_autofree char *what =
            g_strdup_printf("the storage pool at '%s' was not refreshed", (const char *)folder);

        if (!virt->klass->refresh_pool(virt, folder, &cause) &&
            !warn_unless_lost(record, what, cause, error))
            return FALSE;
    }
    return TRUE;
}

/* (transfer none): the recorded identity of the file at index @i, "" if unknown */
static const char *
noted_identity(const SinterJobRecord *record, guint i)
{
    char **identities = record->remove_identities;

    return identities && i < g_strv_length(identities) ? identities[i] : "";
}

static gboolean
remove_files(SinterVirt *virt, SinterJobRecord *record, GError **error)
{
    char **paths = record->plan->remove_files;
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(GHashTable) folders = NULL;

    if (!paths || !paths[0])
        return TRUE;
    if (!look_up_graph(virt, record, &graph, error))
        return FALSE;
    if (!graph)
        return TRUE;
    folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; paths[i]; i++) {
        if (remove_if_unused(record, graph, paths[i], noted_identity(record, i)))
            g_hash_table_add(folders, g_path_get_dirname(paths[i]));
    }
    SINTER_POINT("files-removed");
    return refresh_pools(virt, record, folders, error);
}

gboolean
sinter_cleanup_changes_anything(const SinterDiskPlan *plan)
{
    char *const *const lists[] = { plan->redefine_snapshots, plan->drop_snapshots,
                                   plan->drop_checkpoints, plan->remove_files };

    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (lists[i] && lists[i][0])
            return TRUE;
    }
    return FALSE;
}

/* Returns whether everything that libvirt stores about the domain is durable. If not, a power
 * failure may bring back metadata that names the merged files: no file may be removed. */
static gboolean
sync_metadata(SinterVirt *virt, SinterJobRecord *record, gboolean may_remove)
{
    g_autoptr(GError) cause = NULL;

    if (virt->klass->sync_definition(virt, record->domain_name, &cause) &&
        virt->klass->sync_snapshots(virt, record->domain_name, &cause))
        return TRUE;
    if (may_remove)
        sinter_job_record_warn(record, "the merged files are kept: %s", cause->message);
    return FALSE;
}

gboolean
sinter_cleanup_run(SinterVirt *virt, SinterJobRecord *record, gboolean may_remove, GError **error)
{
    SINTER_POINT("cleaning");
    if (!redefine_snapshots(virt, record, error) || !drop_snapshots(virt, record, error) ||
        !drop_checkpoints(virt, record, error))
        return FALSE;
    SINTER_POINT("snapshots-corrected");
    may_remove = sync_metadata(virt, record, may_remove) && may_remove;
    SINTER_POINT("definition-synced");
    sinter_merged_images_mark(record);
    SINTER_POINT("images-marked");
    return !may_remove || remove_files(virt, record, error);
}
