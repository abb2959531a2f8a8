/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Information about an image as JSON. Members are in the order in which qemu-img prints them.
 */

#include "img-info-text.h"

#include <string.h>

#define NSEC_PER_SEC G_GUINT64_CONSTANT(1000000000)

static JsonNode *
node_of_object(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(node, object);
    return node;
}

static void
add_text(JsonObject *object, const char *name, const char *text)
{
    if (text)
        json_object_set_string_member(object, name, text);
}

static void
add_number(JsonObject *object, const char *name, guint64 number)
{
    json_object_set_int_member(object, name, (gint64)number);
}

static JsonArray *
bitmaps_to_json(GPtrArray *bitmaps)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < bitmaps->len; i++) {
        const SinterBitmapInfo *bitmap = g_ptr_array_index(bitmaps, i);
        JsonObject *object = json_object_new();
        JsonArray *flags = json_array_new();

        if (bitmap->in_use)
            json_array_add_string_element(flags, "in-use");
        if (bitmap->enabled)
            json_array_add_string_element(flags, "auto");
        json_object_set_array_member(object, "flags", flags);
        json_object_set_string_member(object, "name", bitmap->name);
        add_number(object, "granularity", bitmap->granularity);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonArray *
slots_to_json(const SinterLuksInfo *luks)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++) {
        gboolean active = luks->slots[i].active;
        JsonObject *object = json_object_new();

        json_object_set_boolean_member(object, "active", active);
        if (active)
            add_number(object, "iters", luks->slots[i].iterations);
        add_number(object, "key-offset", luks->slots[i].key_offset);
        if (active)
            add_number(object, "stripes", luks->slots[i].stripes);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonObject *
encryption_to_json(const SinterImgInfo *self)
{
    JsonObject *object = json_object_new();
    const SinterLuksInfo *luks = self->luks;
    g_autofree char *cipher = NULL;

    if (!luks) {
        add_text(object, "format", self->info->encryption);
        return object;
    }
    cipher = g_strdup_printf("%s-%u", luks->cipher, luks->key_bits);
    add_text(object, "ivgen-alg", luks->iv_generator);
    add_text(object, "hash-alg", luks->hash);
    add_text(object, "cipher-alg", cipher);
    add_text(object, "uuid", luks->uuid);
    add_text(object, "ivgen-hash-alg", luks->iv_hash);
    add_text(object, "format", self->info->encryption);
    add_text(object, "cipher-mode", luks->mode);
    json_object_set_array_member(object, "slots", slots_to_json(luks));
    add_number(object, "payload-offset", luks->payload_offset);
    add_number(object, "master-key-iters", luks->master_key_iterations);
    return object;
}

JsonNode *
sinter_img_info_specific(const SinterImgInfo *self)
{
    const SinterImageInfo *info = self->info;
    gboolean v3 = info->version >= 3;
    JsonObject *data;

    if (strcmp(info->format, "qcow2") != 0)
        return NULL;
    data = json_object_new();
    add_text(data, "compat", v3 ? "1.1" : "0.10");
    add_text(data, "compression-type", info->compression);
    if (v3)
        json_object_set_boolean_member(data, "lazy-refcounts", info->lazy_refcounts);
    if (self->bitmaps->len > 0)
        json_object_set_array_member(data, "bitmaps", bitmaps_to_json(self->bitmaps));
    add_number(data, "refcount-bits", info->refcount_bits);
    add_text(data, "data-file", info->data_file_name);
    if (info->encrypted)
        json_object_set_object_member(data, "encrypt", encryption_to_json(self));
    if (info->data_file_name)
        json_object_set_boolean_member(data, "data-file-raw", info->data_file_raw);
    if (v3) {
        json_object_set_boolean_member(data, "corrupt", info->corrupt);
        json_object_set_boolean_member(data, "extended-l2", info->extended_l2);
    }
    return node_of_object(data);
}

static JsonArray *
snapshots_to_json(GPtrArray *snapshots)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < snapshots->len; i++) {
        const SinterSnapshotInfo *snapshot = g_ptr_array_index(snapshots, i);
        JsonObject *object = json_object_new();

        if (snapshot->icount != G_MAXUINT64)
            add_number(object, "icount", snapshot->icount);
        add_number(object, "vm-clock-nsec", snapshot->vm_clock_nsec % NSEC_PER_SEC);
        add_text(object, "name", snapshot->name);
        add_number(object, "date-sec", (guint64)snapshot->date_sec);
        add_number(object, "date-nsec", snapshot->date_nsec);
        add_number(object, "vm-clock-sec", snapshot->vm_clock_nsec / NSEC_PER_SEC);
        add_text(object, "id", snapshot->id);
        add_number(object, "vm-state-size", snapshot->vm_state_size);
        json_array_add_object_element(array, object);
    }
    return array;
}

static void
add_specific(JsonObject *object, const SinterImgInfo *self)
{
    JsonObject *specific = json_object_new();

    add_text(specific, "type", self->info->format);
    json_object_set_member(specific, "data", json_node_copy(self->specific));
    json_object_set_object_member(object, "format-specific", specific);
}

JsonNode *
sinter_img_info_to_json(const SinterImgInfo *self)
{
    const SinterImageInfo *info = self->info;
    JsonObject *object = json_object_new();

    if (info->backing_name)
        add_text(object, "backing-filename-format", info->backing_format);
    if (self->snapshots->len > 0)
        json_object_set_array_member(object, "snapshots", snapshots_to_json(self->snapshots));
    add_number(object, "virtual-size", info->virtual_size);
    add_text(object, "filename", info->path);
    if (info->cluster_size)
        add_number(object, "cluster-size", info->cluster_size);
    add_text(object, "format", info->format);
    add_number(object, "actual-size", info->allocated_size);
    if (self->specific)
        add_specific(object, self);
    add_text(object, "full-backing-filename", self->backing_to_open);
    if (info->encrypted)
        json_object_set_boolean_member(object, "encrypted", TRUE);
    add_text(object, "backing-filename", info->backing_name);
    json_object_set_boolean_member(object, "dirty-flag", info->dirty);
    return node_of_object(object);
}
