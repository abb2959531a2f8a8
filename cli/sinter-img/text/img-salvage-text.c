/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The output of salvage. Invariant: names of images are passed through sinter_img_name() before
 * they reach a terminal; the list contains them unchanged.
 */

#include "img-salvage-text.h"
#include "img-json.h"
#include "img-message.h"
#include "img-size-text.h"

#include <stdio.h>
#include <string.h>

#define U64 G_GUINT64_FORMAT
#define HEX "0x%" G_GINT64_MODIFIER "x"
/* More ranges are in the list only. */
#define RANGES_MAX 20

static const char *
state_name(const SinterSalvageRange *range)
{
    return range->doubtful ? "doubtful" : "lost";
}

/* The path of the image in which the damage is. */
static const char *
layer_of(const SinterSalvageResult *result, const SinterSalvageRange *range)
{
    return range->layer < result->layers->len ? g_ptr_array_index(result->layers, range->layer)
                                              : "";
}

/* "the storage reports a read error (Input/output error)" */
static char *
reason_of(const SinterSalvageRange *range)
{
    const char *text = sinter_loss_describe(range->loss);

    return range->errnum ? g_strdup_printf("%s (%s)", text, g_strerror(range->errnum))
                         : g_strdup(text);
}

/* A line without its end. */
static char *
range_line(const SinterSalvageRange *range, const char *layer)
{
    g_autofree char *reason = reason_of(range);
    g_autofree char *place =
        range->place ? g_strdup_printf(", at " HEX, range->place) : g_strdup("");

    return g_strdup_printf(HEX "  " HEX "  %-8s  %s: %s, in '%s'%s", range->offset, range->length,
                           state_name(range), sinter_loss_name(range->loss), reason, layer, place);
}

static void
print_bytes(const char *what, guint64 bytes)
{
    g_autofree char *text = sinter_img_size_format(bytes);

    printf("%s: %s (%" U64 " bytes)\n", what, text, bytes);
}

static void
print_ranges(const SinterSalvageResult *result)
{
    guint n = MIN(result->ranges->len, RANGES_MAX);

    if (n > 0)
        puts("offset, length, state and cause:");
    for (guint i = 0; i < n; i++) {
        const SinterSalvageRange *range = &g_array_index(result->ranges, SinterSalvageRange, i);
        g_autofree char *layer = sinter_img_name(layer_of(result, range));
        g_autofree char *line = range_line(range, layer);

        printf("  %s\n", line);
    }
    if (result->ranges->len > n)
        printf("  and %u more ranges (--list=FILE writes all of them)\n", result->ranges->len - n);
}

void
sinter_img_salvage_print(const SinterSalvageResult *result)
{
    print_bytes("read", result->read_bytes);
    print_bytes("of it doubtful", result->doubtful_bytes);
    print_bytes("lost", result->lost_bytes);
    if (result->trouble) {
        g_autofree char *trouble = sinter_img_name(result->trouble);

        printf("backing file: %s\n", trouble);
    }
    print_ranges(result);
}

static JsonNode *
range_to_json(const SinterSalvageResult *result, const SinterSalvageRange *range)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    g_autofree char *reason = reason_of(range);

    json_object_set_int_member(object, "offset", (gint64)range->offset);
    json_object_set_int_member(object, "length", (gint64)range->length);
    json_object_set_string_member(object, "state", state_name(range));
    json_object_set_string_member(object, "cause", sinter_loss_name(range->loss));
    json_object_set_string_member(object, "text", reason);
    json_object_set_string_member(object, "image", layer_of(result, range));
    if (range->place)
        json_object_set_int_member(object, "host-offset", (gint64)range->place);
    if (range->errnum)
        json_object_set_int_member(object, "errno", range->errnum);
    json_node_take_object(node, object);
    return node;
}

void
sinter_img_salvage_print_json(const SinterSalvageResult *result)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    JsonArray *images = json_array_new();
    JsonArray *ranges = json_array_new();

    for (guint i = 0; i < result->layers->len; i++)
        json_array_add_string_element(images, g_ptr_array_index(result->layers, i));
    for (guint i = 0; i < result->ranges->len; i++)
        json_array_add_element(
            ranges, range_to_json(result, &g_array_index(result->ranges, SinterSalvageRange, i)));
    json_object_set_int_member(object, "virtual-size", (gint64)result->virtual_size);
    json_object_set_int_member(object, "read", (gint64)result->read_bytes);
    json_object_set_int_member(object, "doubtful", (gint64)result->doubtful_bytes);
    json_object_set_int_member(object, "lost", (gint64)result->lost_bytes);
    json_object_set_array_member(object, "images", images);
    if (result->trouble)
        json_object_set_string_member(object, "backing-file-error", result->trouble);
    json_object_set_array_member(object, "ranges", ranges);
    json_node_take_object(node, object);
    sinter_img_json_print(node);
}

char *
sinter_img_salvage_list(const SinterSalvageResult *result)
{
    GString *text = g_string_new("# offset  length  state  cause\n");

    for (guint i = 0; i < result->ranges->len; i++) {
        const SinterSalvageRange *range = &g_array_index(result->ranges, SinterSalvageRange, i);
        g_autofree char *layer = g_strescape(layer_of(result, range), NULL);
        g_autofree char *line = range_line(range, layer);

        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}
