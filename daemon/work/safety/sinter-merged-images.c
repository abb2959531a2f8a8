/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The images that a commit leaves behind. Invariant: only a file that had the same identity before
 * the job is marked, never another one that has taken its name.
 */

#include "sinter-merged-images.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sinter-file.h"
#include "sinter-merged-mark.h"

static char *
identity_text(guint64 device, guint64 inode)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, device, inode);
}

static gboolean
is_merged(const SinterDiskPlan *plan, const SinterLayer *layer)
{
    return layer->type == SINTER_SOURCE_FILE && layer->path && layer->inode &&
           !g_strv_contains((const char *const *)plan->chain_after, layer->path);
}

void
sinter_merged_images_note(SinterJobRecord *record, const SinterDomain *domain)
{
    const SinterDiskPlan *plan = record->plan;
    const SinterDisk *disk = sinter_domain_find_disk(domain, plan->disk);
    g_autoptr(GStrvBuilder) images = g_strv_builder_new();
    gboolean commit = plan->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
                      plan->operation == SINTER_OPERATION_COMMIT;

    for (guint i = 0; commit && disk && i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);
        g_autofree char *identity = identity_text(layer->device, layer->inode);
        g_autofree char *entry = g_strconcat(identity, " ", layer->path, NULL);

        if (is_merged(plan, layer))
            g_strv_builder_add(images, entry);
    }
    g_strfreev(record->merged_images);
    record->merged_images = g_strv_builder_end(images);
}

/* @entry: "DEVICE:INODE PATH" */
static void
mark(const char *entry, const char *job)
{
    const char *path = strchr(entry, ' ');
    g_auto(SinterFd) fd =
        path ? open(path + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK) : -1;
    g_autofree char *now = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    now = identity_text(st.st_dev, st.st_ino);
    if (strncmp(entry, now, (gsize)(path - entry)) == 0 && strlen(now) == (gsize)(path - entry))
        sinter_merged_mark_set(fd, job);
}

void
sinter_merged_images_mark(const SinterJobRecord *record)
{
    for (char **entry = record->merged_images; entry && *entry; entry++)
        mark(*entry, record->id);
}
