/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The places where images grow, and how full they are. Invariant: a file system is asked within the
 * limits of a scan (sinter-storage-probe); a device with a qcow2 image is not asked at all, because
 * the scan has read how much of it the image uses.
 */

#include "sinter-space-place.h"

#include <string.h>
#include <sys/statvfs.h>

#include "sinter-mount.h"
#include "sinter-storage-probe.h"
#include "sinter-units.h"

/* So many users of a place are listed. */
#define MAX_USERS 5

/* --- collecting ------------------------------------------------------------------------------- */

static void
place_free(gpointer data)
{
    SinterSpacePlace *place = data;

    g_free(place->image);
    g_free(place->name);
    g_ptr_array_unref(place->users);
    g_free(place);
}

static SinterSpacePlace *
find_place(GPtrArray *places, guint64 device)
{
    for (guint i = 0; i < places->len; i++) {
        SinterSpacePlace *place = g_ptr_array_index(places, i);

        if (place->device == device)
            return place;
    }
    return NULL;
}

static void
add_place(GPtrArray *places, const SinterLayer *layer)
{
    SinterSpacePlace *place;

    if (layer->fs_device == 0 || !layer->path || find_place(places, layer->fs_device))
        return;
    place = g_new0(SinterSpacePlace, 1);
    place->image = g_strdup(layer->path);
    place->device = layer->fs_device;
    place->users = g_ptr_array_new_with_free_func(g_free);
    if (layer->type == SINTER_SOURCE_BLOCK) {
        place->name = g_strdup(layer->path);
        place->total_bytes = layer->allocated_bytes;
        place->free_bytes = MIN(layer->fs_free_bytes, layer->allocated_bytes);
    }
    g_ptr_array_add(places, place);
}

/* An image and who uses it. */
typedef struct {
    const SinterDomain *domain;
    const SinterDisk *disk;
    const SinterLayer *layer;
} User;

static gint
compare_users(gconstpointer a, gconstpointer b)
{
    guint64 size_a = sinter_layer_get_used(((const User *)a)->layer);
    guint64 size_b = sinter_layer_get_used(((const User *)b)->layer);

    return size_a < size_b ? 1 : size_a > size_b ? -1 : 0;
}

static void
add_users(GArray *users, const SinterDomain *domain, const SinterDisk *disk)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const User user = { domain, disk, g_ptr_array_index(disk->layers, i) };

        if (user.layer->path && user.layer->fs_device != 0)
            g_array_append_val(users, user);
    }
}

/* Several domains can share an image: it is listed once. */
static void
list_users(GPtrArray *places, GArray *users)
{
    g_autoptr(GHashTable) listed = g_hash_table_new(g_str_hash, g_str_equal);

    g_array_sort(users, compare_users);
    for (guint i = 0; i < users->len; i++) {
        const User *user = &g_array_index(users, User, i);
        SinterSpacePlace *place = find_place(places, user->layer->fs_device);
        g_autofree char *size = sinter_units_format_bytes(sinter_layer_get_used(user->layer));

        if (place && place->users->len < MAX_USERS && g_hash_table_add(listed, user->layer->path))
            g_ptr_array_add(place->users,
                            g_strdup_printf("'%s' of %s %s: %s", user->layer->path,
                                            user->domain->name, user->disk->target, size));
    }
}

GPtrArray *
sinter_space_places_collect(GPtrArray *domains)
{
    GPtrArray *places = g_ptr_array_new_with_free_func(place_free);
    g_autoptr(GArray) users = g_array_new(FALSE, FALSE, sizeof(User));

    for (guint i = 0; i < domains->len; i++) {
        const SinterDomain *domain = g_ptr_array_index(domains, i);

        for (guint j = 0; j < domain->disks->len; j++) {
            const SinterDisk *disk = g_ptr_array_index(domain->disks, j);

            add_users(users, domain, disk);
            if (!disk->read_only && disk->layers->len > 0)
                add_place(places, g_ptr_array_index(disk->layers, 0));
        }
    }
    list_users(places, users);
    return places;
}

/* --- measuring -------------------------------------------------------------------------------- */

/* A question to a file system. */
typedef struct {
    char *path;
    SinterMount *mount; /* (nullable) */
    guint64 total_bytes;
    guint64 free_bytes;
} Look;

static void
look_free(gpointer data)
{
    Look *look = data;

    sinter_mount_free(look->mount);
    g_free(look->path);
    g_free(look);
}

/* Runs in a thread of its own. As df(1): what is reserved for root is no part of the whole. */
static void
look(gpointer data)
{
    Look *self = data;
    guint64 blocks;
    struct statvfs vfs;

    self->mount = sinter_mount_find(self->path, NULL);
    if (!self->mount || statvfs(self->path, &vfs) < 0 || vfs.f_blocks < vfs.f_bfree)
        return;
    if (!g_uint64_checked_add(&blocks, vfs.f_blocks - vfs.f_bfree, vfs.f_bavail) ||
        !g_uint64_checked_mul(&self->total_bytes, blocks, vfs.f_frsize))
        self->total_bytes = 0;
    else
        self->free_bytes = vfs.f_bavail * vfs.f_frsize;
}

static void
measure(SinterSpacePlace *place, SinterStorageProbe *probe)
{
    Look *data = g_new0(Look, 1);
    const SinterQuestion question = { look, data, look_free, NULL };
    g_auto(SinterStorageSilence) silence = { 0 };

    data->path = g_strdup(place->image);
    if (!sinter_storage_probe_ask(probe, place->image, &question, &silence))
        return;
    if (data->mount) {
        place->name = g_strdup(data->mount->mount_point);
        place->total_bytes = data->total_bytes;
        place->free_bytes = data->free_bytes;
    }
    look_free(data);
}

void
sinter_space_places_measure(GPtrArray *places, SinterPatience *storage)
{
    SinterStorageProbe *probe = sinter_storage_probe_new(storage);

    for (guint i = 0; i < places->len; i++) {
        SinterSpacePlace *place = g_ptr_array_index(places, i);

        if (!place->name)
            measure(place, probe);
    }
    sinter_storage_probe_free(probe);
}

guint
sinter_space_place_get_percent(const SinterSpacePlace *place)
{
    const guint64 used = place->total_bytes - MIN(place->free_bytes, place->total_bytes);

    if (place->total_bytes == 0)
        return 0;
    return (guint)((double)used * 100 / (double)place->total_bytes);
}
