/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints the information about an image for people, line by line as qemu-img does.
 */

#include "img-info-text.h"
#include "img-json.h"
#include "img-message.h"
#include "img-size-text.h"

#include <stdio.h>
#include <string.h>

#define NSEC_PER_MSEC 1000000

static void
print_name(const char *what, const char *name)
{
    g_autofree char *shown = sinter_img_name(name);

    printf("%s: %s\n", what, shown);
}

static void
print_backing(const SinterImgInfo *self)
{
    const SinterImageInfo *info = self->info;
    g_autofree char *stored = NULL;
    g_autofree char *actual = NULL;

    if (!info->backing_name)
        return;
    stored = sinter_img_name(info->backing_name);
    actual = sinter_img_name(self->backing_to_open);
    if (strcmp(stored, actual) == 0)
        printf("backing file: %s\n", stored);
    else
        printf("backing file: %s (actual path: %s)\n", stored, actual);
    if (info->backing_format)
        print_name("backing file format", info->backing_format);
}

static char *
date_text(gint64 seconds)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(seconds);

    return date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : g_strdup("");
}

static char *
clock_text(guint64 nsec)
{
    guint64 msec = nsec / NSEC_PER_MSEC;

    return g_strdup_printf("%02" G_GUINT64_FORMAT ":%02u:%02u.%03u", msec / 3600000,
                           (guint)(msec / 60000 % 60), (guint)(msec / 1000 % 60),
                           (guint)(msec % 1000));
}

static void
print_snapshot(const SinterSnapshotInfo *snapshot)
{
    g_autofree char *id = sinter_img_name(snapshot->id);
    g_autofree char *name = sinter_img_name(snapshot->name);
    g_autofree char *size = sinter_img_size_format(snapshot->vm_state_size);
    g_autofree char *date = date_text(snapshot->date_sec);
    g_autofree char *clock = clock_text(snapshot->vm_clock_nsec);
    g_autofree char *icount = snapshot->icount != G_MAXUINT64
                                  ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)snapshot->icount)
                                  : g_strdup("");

    printf("%-9s %-16s %8s%20s%13s%11s\n", id, name, size, date, clock, icount);
}

void
sinter_img_info_print_snapshots(const GPtrArray *snapshots)
{
    if (snapshots->len == 0)
        return;
    printf("Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
           "VM CLOCK", "ICOUNT");
    for (guint i = 0; i < snapshots->len; i++)
        print_snapshot(g_ptr_array_index(snapshots, i));
}

void
sinter_img_info_print_human(const SinterImgInfo *self)
{
    const SinterImageInfo *info = self->info;
    g_autofree char *virtual_size = sinter_img_size_format(info->virtual_size);
    g_autofree char *disk_size = sinter_img_size_format(info->allocated_size);

    print_name("image", info->path);
    printf("file format: %s\nvirtual size: %s (%" G_GUINT64_FORMAT " bytes)\ndisk size: %s\n",
           info->format, virtual_size, info->virtual_size, disk_size);
    if (info->encrypted)
        puts("encrypted: yes");
    if (info->cluster_size)
        printf("cluster_size: %u\n", info->cluster_size);
    if (info->dirty)
        puts("cleanly shut down: no");
    print_backing(self);
    sinter_img_info_print_snapshots(self->snapshots);
    if (self->specific) {
        puts("Format specific information:");
        sinter_img_json_print_human(self->specific, 1);
    }
}
