/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds images that other hosts may use. QEMU's locks on a block device are known to this host
 * only, and so may be those on a cluster file system: while no QEMU of this host uses such an
 * image, one of another host may. Invariant: only the configuration says that an image belongs to
 * this host alone; that no other host is seen proves nothing.
 */

#include "sinter-shared-storage.h"

#include "sinter-mount.h"

/* File systems of several hosts, on which locks reach the others only if a lock manager runs. NFS,
 * CIFS and CephFS servers keep the locks of all clients. */
static const char *const cluster_types[] = { "gfs2", "gpfs", "lustre", "ocfs2", "vxfs", NULL };

char *
sinter_shared_storage_describe_mount(const char *fs_type, gboolean locks_are_local)
{
    if (g_strv_contains(cluster_types, fs_type))
        return g_strdup_printf("on a file system of a cluster (%s)", fs_type);
    if (locks_are_local)
        return g_strdup_printf("on a file system that is mounted with local locks (%s)", fs_type);
    return NULL;
}

static gboolean
is_exclusive(const char *path, const char *const *exclusive)
{
    for (; exclusive && *exclusive; exclusive++) {
        if (g_pattern_match_simple(*exclusive, path))
            return TRUE;
    }
    return FALSE;
}

/* A question to the file system of an image, which may not respond. */
typedef struct {
    char *path;
    SinterMount *mount; /* the answer, or NULL */
} MountQuestion;

static void
mount_question_free(gpointer data)
{
    MountQuestion *question = data;

    g_free(question->path);
    sinter_mount_free(question->mount);
    g_free(question);
}

static void
mount_question_run(gpointer data)
{
    MountQuestion *question = data;

    question->mount = sinter_mount_find(question->path, NULL);
}

/* (transfer full) (nullable) */
static SinterMount *
find_mount(SinterStorageProbe *probe, const char *path)
{
    MountQuestion *data = g_new0(MountQuestion, 1);
    const SinterQuestion question = { mount_question_run, data, mount_question_free, NULL };
    g_auto(SinterStorageSilence) silence = { 0 };
    SinterMount *mount;

    data->path = g_strdup(path);
    if (!sinter_storage_probe_ask(probe, path, &question, &silence))
        return NULL;
    mount = g_steal_pointer(&data->mount);
    mount_question_free(data);
    return mount;
}

/* (transfer full) (nullable) */
static char *
describe(SinterStorageProbe *probe, const SinterLayer *layer)
{
    g_autoptr(SinterMount) mount = NULL;

    if (layer->type == SINTER_SOURCE_BLOCK)
        return g_strdup("a block device");
    if (layer->type != SINTER_SOURCE_FILE || layer->inode == 0)
        return NULL;
    mount = find_mount(probe, layer->path);
    return mount ? sinter_shared_storage_describe_mount(mount->fs_type, mount->locks_are_local)
                 : NULL;
}

void
sinter_shared_storage_mark(SinterDomain *domain, SinterStorageProbe *probe,
                           const char *const *exclusive)
{
    for (guint i = 0; !domain->active && i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        for (guint j = 0; j < disk->layers->len; j++) {
            SinterLayer *layer = g_ptr_array_index(disk->layers, j);

            /* the mount of storage that does not respond cannot be asked for */
            if (layer->path && layer->unresponsive_since_usec == 0 && !layer->beyond_locks &&
                !is_exclusive(layer->path, exclusive))
                layer->beyond_locks = describe(probe, layer);
        }
    }
}
