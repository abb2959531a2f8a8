/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The look at one image: stat() and statvfs() for identity, free space and allocation, the engine
 * for the header. Invariant: all of it is one question, so that an image on a file system that does
 * not respond costs one limit, and the values are of one moment.
 */

#include "sinter-sighting.h"

#include "sinter-backing-doubt.h"
#include "sinter-quota.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

/* The question. */
typedef struct {
    char *path;
    char *format; /* NULL to probe */
    gboolean header;
    gint progress; /* the number of steps that the file system has answered */
    SinterSighting *sighting;
} Look;

void
sinter_sighting_free(SinterSighting *sighting)
{
    if (!sighting)
        return;
    sinter_image_info_free(sighting->info);
    g_free(sighting->problem);
    g_free(sighting);
}

static void
look_free(gpointer data)
{
    Look *look = data;

    g_free(look->path);
    g_free(look->format);
    sinter_sighting_free(look->sighting);
    g_free(look);
}

/* The first reason why the image cannot be used for operations, or NULL. */
static char *
describe_trouble(const char *path, const SinterImageInfo *info)
{
    if (info->trouble)
        return g_strdup_printf("'%s': %s", path, info->trouble);
    if (info->corrupt)
        return g_strdup_printf(
            "'%s' is marked as corrupt: check and repair it first (sinter-img check)", path);
    if (info->data_file_name)
        return g_strdup_printf("'%s' has an external data file, '%s', which is not supported", path,
                               info->data_file_name);
    return NULL;
}

static gboolean
is_absent(int stat_errno)
{
    return stat_errno == ENOENT || stat_errno == ENOTDIR;
}

/* Whether the image may be backed by one that its sighting does not name. */
static gboolean
is_backing_unknown(const Look *look)
{
    const SinterSighting *sighting = look->sighting;
    const SinterImageInfo *info = sighting->info;

    if (sighting->stat_errno != 0)
        return !is_absent(sighting->stat_errno) && sinter_backing_doubt_format(look->format);
    if (!info)
        return sinter_backing_doubt_image(look->path, look->format, &sighting->st);
    return info->trouble && !info->backing_name && sinter_backing_doubt_format(info->format);
}

/* The file system of the nearest folder above @path that can be examined; 0 for none. */
static guint64
find_folder_device(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat st;

    while (stat(folder, &st) < 0) {
        char *parent = g_path_get_dirname(folder);

        if (strcmp(parent, folder) == 0) {
            g_free(parent);
            return 0;
        }
        g_free(folder);
        folder = parent;
    }
    return st.st_dev;
}

static guint64
find_free_room(const char *path, const struct stat *st)
{
    struct statvfs vfs;
    guint64 bytes = 0;

    if (statvfs(path, &vfs) == 0 && __builtin_mul_overflow(vfs.f_bavail, vfs.f_frsize, &bytes))
        bytes = G_MAXUINT64;
    return MIN(bytes, sinter_quota_find_room(path, st));
}

static void
read_data_file(SinterSighting *sighting)
{
    const SinterImageInfo *info = sighting->info;

    if (info->data_file_path &&
        sinter_identity_read(info->data_file_path, &sighting->data_identity, NULL) != 0)
        sighting->data_identity = (SinterIdentity){ 0, 0 };
}

/* A device cannot grow: a qcow2 image on it can use what it does not use yet. An image whose
 * records cannot be read has a problem, or is found to be damaged when it is written. */
static void
read_device_room(Look *look, SinterFs *fs)
{
    SinterSighting *sighting = look->sighting;
    const SinterImageInfo *info = sighting->info;
    guint64 usable;

    if (g_strcmp0(info->format, "qcow2") != 0 || info->cluster_size == 0 || info->trouble ||
        info->data_file_name ||
        !sinter_image_count_used(fs, look->path, info->format, &sighting->used_bytes, NULL))
        return;
    usable = info->file_size - info->file_size % info->cluster_size;
    sighting->fs_device = sighting->st.st_rdev;
    sighting->free_bytes = usable > sighting->used_bytes ? usable - sighting->used_bytes : 0;
}

/* The whole look may take longer than the limit on a file system that is slow but works. */
static void
note_progress(Look *look)
{
    g_atomic_int_inc(&look->progress);
}

static void
read_header(Look *look)
{
    SinterSighting *sighting = look->sighting;
    SinterFs *fs = sinter_fs_new_host(NULL, NULL);
    g_autoptr(GError) error = NULL;

    sighting->info = sinter_image_info_new(fs, look->path, look->format, &error);
    note_progress(look);
    if (sighting->info && S_ISBLK(sighting->st.st_mode))
        read_device_room(look, fs);
    note_progress(look);
    sinter_fs_unref(fs);
    if (!sighting->info) {
        sighting->problem = g_strdup(error->message);
        return;
    }
    sighting->problem = describe_trouble(look->path, sighting->info);
    read_data_file(sighting);
}

static void
look_run(gpointer data)
{
    Look *look = data;
    SinterSighting *sighting = look->sighting;

    sighting->stat_errno = sinter_identity_read(look->path, &sighting->identity, &sighting->st);
    note_progress(look);
    if (sighting->stat_errno != 0)
        sighting->problem =
            g_strdup_printf("'%s': %s", look->path, g_strerror(sighting->stat_errno));
    else if (look->header)
        read_header(look);
    if (look->header)
        sighting->backing_unknown = is_backing_unknown(look);
    note_progress(look);
    if (sighting->stat_errno != 0) {
        sighting->fs_device = find_folder_device(look->path);
    } else if (!S_ISBLK(sighting->st.st_mode)) {
        sighting->fs_device = sighting->st.st_dev;
        sighting->free_bytes = find_free_room(look->path, &sighting->st);
    }
}

static SinterSighting *
sighting_new_silent(const SinterSightingWish *wish, const SinterStorageSilence *silence)
{
    SinterSighting *sighting = g_new0(SinterSighting, 1);
    g_autofree char *words = sinter_storage_silence_describe(silence);

    sighting->stat_errno = ETIMEDOUT;
    sighting->problem = g_strdup_printf("'%s': %s", wish->path, words);
    sighting->backing_unknown = sinter_backing_doubt_format(wish->format);
    sighting->fs_device = silence->device;
    sighting->silent_since_usec = silence->since_usec;
    return sighting;
}

SinterSighting *
sinter_sighting_new(SinterStorageProbe *probe, const SinterSightingWish *wish)
{
    Look *look = g_new0(Look, 1);
    const SinterQuestion question = { look_run, look, look_free, &look->progress };
    g_auto(SinterStorageSilence) silence = { 0 };
    SinterSighting *sighting;

    look->path = g_strdup(wish->path);
    look->format = g_strdup(wish->format);
    look->header = wish->header;
    look->sighting = g_new0(SinterSighting, 1);
    if (!sinter_storage_probe_ask(probe, wish->path, &question, &silence))
        return sighting_new_silent(wish, &silence);
    sighting = g_steal_pointer(&look->sighting);
    look_free(look);
    return sighting;
}
