/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Maps an event to its disk. The name that libvirt and QEMU use depends on the kind of event and on
 * their versions, so it is translated here, once, and all other code uses only the target. A name
 * that contains the target needs no domain; the others are looked up in the last scan of the
 * domain. Invariant: @disk is a target or NULL, and @device is not changed.
 */

#include "sinter-event-disk.h"

#include <string.h>

static const char NODE_PREFIX[] = "libvirt-";

/* The layer index in the name of a node, "libvirt-3-format"; 0 for any other name. */
static guint
parse_node(const char *node)
{
    g_autofree char *digits = NULL;
    const char *start;
    gsize len;
    guint64 index;

    if (!node || !g_str_has_prefix(node, NODE_PREFIX))
        return 0;
    start = node + strlen(NODE_PREFIX);
    len = strcspn(start, "-");
    digits = g_strndup(start, len);
    if (start[len] == '\0' || !g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT, &index, NULL))
        return 0;
    return (guint)index;
}

/* Parses "vda" or "vda[3]"; FALSE if it is not the name of a target, with or without an index. */
static gboolean
parse_target(const char *name, char **ret_target, guint *ret_index)
{
    gsize len = strcspn(name, "[/");
    g_autofree char *digits = NULL;
    guint64 index = 0;

    if (len == 0 || name[len] == '/')
        return FALSE;
    if (name[len] == '[') {
        gsize n_digits = strspn(name + len + 1, "0123456789");

        digits = g_strndup(name + len + 1, n_digits);
        if (strcmp(name + len + 1 + n_digits, "]") != 0 ||
            !g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT, &index, NULL))
            return FALSE;
    }
    *ret_target = g_strndup(name, len);
    *ret_index = (guint)index;
    return TRUE;
}

static void
set_disk(SinterEvent *event, const char *target, guint layer_index)
{
    g_free(event->disk);
    event->disk = g_strdup(target);
    event->layer_index = layer_index;
}

/* Returns whether libvirt uses the target in events of this kind. It is accepted without a look-up:
 * the disk may be newer than the last scan of the domain. */
static gboolean
says_target(const SinterEvent *event)
{
    return event->kind == SINTER_EVENT_BLOCK_JOB || event->kind == SINTER_EVENT_BLOCK_THRESHOLD;
}

static gboolean
name_by_target(SinterEvent *event, const SinterDomain *domain)
{
    g_autofree char *target = NULL;
    guint index;

    if (!event->device || !parse_target(event->device, &target, &index))
        return FALSE;
    if (!says_target(event) && !(domain && sinter_domain_find_disk(domain, target)))
        return FALSE;
    set_disk(event, target, index);
    return TRUE;
}

/* libvirt names QEMU's jobs "commit-vda-libvirt-3-format": operation, disk, node. */
static gboolean
name_by_job(SinterEvent *event, const SinterDomain *domain)
{
    static const char *const prefixes[] = { "commit-", "pull-", "copy-", "backup-" };

    if (event->kind != SINTER_EVENT_QMP_JOB_ERROR || !event->device)
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        const char *start = event->device + strlen(prefixes[i]);
        g_autofree char *target = NULL;
        gsize len;

        if (!g_str_has_prefix(event->device, prefixes[i]))
            continue;
        len = strcspn(start, "-");
        if (len == 0 || start[len] == '\0')
            return FALSE;
        target = g_strndup(start, len);
        set_disk(event, target, parse_node(start + len + 1));
        return TRUE;
    }
    return FALSE;
}

static gboolean
name_by_alias(SinterEvent *event, const SinterDomain *domain)
{
    const char *device = event->device;

    if (!device)
        return FALSE;
    if (g_str_has_prefix(device, "drive-"))
        device += strlen("drive-");
    for (guint i = 0; domain && i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (g_strcmp0(disk->alias, device) == 0) {
            set_disk(event, disk->target, parse_node(event->node));
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
has_index(const GPtrArray *layers, guint index)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        if (((const SinterLayer *)g_ptr_array_index(layers, i))->index == index)
            return TRUE;
    }
    return FALSE;
}

static gboolean
name_by_node(SinterEvent *event, const SinterDomain *domain)
{
    guint index = parse_node(event->node ? event->node : event->device);

    for (guint i = 0; domain && index > 0 && i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (has_index(disk->layers, index) || has_index(disk->mirror_layers, index)) {
            set_disk(event, disk->target, index);
            return TRUE;
        }
    }
    return FALSE;
}

/* The layer of @layers that is the file at @path. */
static const SinterLayer *
find_path(const GPtrArray *layers, const char *path)
{
    SinterLayer probe = { .type = SINTER_SOURCE_FILE, .path = (char *)path };

    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (layer->path && sinter_layer_same_file(layer, &probe))
            return layer;
    }
    return NULL;
}

/* A file may be in the chains of several disks: then the path does not identify the disk. */
static gboolean
name_by_path(SinterEvent *event, const SinterDomain *domain)
{
    const SinterDisk *found = NULL;
    guint index = 0;

    if (!event->device || !g_path_is_absolute(event->device))
        return FALSE;
    for (guint i = 0; domain && i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);
        const SinterLayer *layer = find_path(disk->layers, event->device);

        if (!layer)
            layer = find_path(disk->mirror_layers, event->device);
        if (layer && found)
            return FALSE;
        if (layer) {
            found = disk;
            index = layer->index;
        }
    }
    if (found)
        set_disk(event, found->target, index);
    return found != NULL;
}

gboolean
sinter_event_name_disk(SinterEvent *event, const SinterDomain *domain)
{
    static gboolean (*const rules[])(SinterEvent * event, const SinterDomain *domain) = {
        name_by_target, name_by_job, name_by_alias, name_by_node, name_by_path,
    };

    if (!event->node && (!event->device || *event->device == '\0'))
        return TRUE; /* no disk */
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i](event, domain))
            return TRUE;
    }
    return FALSE;
}
