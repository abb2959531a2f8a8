/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The output of merge and remove: the plan as a list for people or as a JSON object, and after the
 * operation a few lines about the resulting images.
 */

#include "img-json.h"
#include "img-merge-text.h"
#include "img-message.h"
#include "img-size-text.h"
#include "sinter-units.h"

#include <sinter/lock.h>
#include <stdio.h>

static const char *
direction_name(const SinterMergePlan *plan)
{
    return plan->direction == SINTER_MERGE_DOWN ? "down" : "up";
}

static JsonArray *
json_list(char *const *names)
{
    JsonArray *list = json_array_new();

    for (gsize i = 0; names[i]; i++)
        json_array_add_string_element(list, names[i]);
    return list;
}

static void
add_text(JsonObject *object, const char *key, const char *text)
{
    if (text)
        json_object_set_string_member(object, key, text);
}

static void
add_bytes(JsonObject *object, const char *key, guint64 bytes)
{
    if (bytes != G_MAXUINT64)
        json_object_set_int_member(object, key, (gint64)bytes);
}

/* An image that another process uses, so that the merge would fail. */
typedef struct {
    const char *path;
    char *holder;
} Holder;

static void
holder_free(gpointer data)
{
    g_free(((Holder *)data)->holder);
    g_free(data);
}

static void
add_holders(GPtrArray *all, const char *path)
{
    g_autoptr(GPtrArray) list = sinter_lock_list(path, NULL);

    for (guint i = 0; list && i < list->len; i++) {
        Holder *one = g_new0(Holder, 1);

        one->path = path;
        one->holder = sinter_lock_holder_describe(g_ptr_array_index(list, i));
        g_ptr_array_add(all, one);
    }
}

/* Returns: (transfer full): of Holder; for as long as @plan exists. */
static GPtrArray *
find_holders(const SinterMergePlan *plan)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(holder_free);

    for (gsize i = 0; plan->members[i]; i++)
        add_holders(all, plan->members[i]);
    if (plan->child)
        add_holders(all, plan->child);
    return all;
}

static JsonArray *
json_holders(GPtrArray *holders)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; i < holders->len; i++) {
        const Holder *one = g_ptr_array_index(holders, i);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "filename", one->path);
        json_object_set_string_member(object, "holder", one->holder);
        json_array_add_object_element(list, object);
    }
    return list;
}

static JsonArray *
json_bitmaps(const SinterMergePlan *plan)
{
    JsonArray *list = json_array_new();

    for (gsize i = 0; plan->lost_bitmaps[i]; i++) {
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "name", plan->lost_bitmaps[i]);
        json_object_set_string_member(object, "filename", plan->lost_bitmap_files[i]);
        json_array_add_object_element(list, object);
    }
    return list;
}

/* @holders: (nullable): of Holder */
static void
print_json(const SinterMergePlan *plan, GPtrArray *holders)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    add_text(object, "direction", direction_name(plan));
    json_object_set_array_member(object, "members", json_list(plan->members));
    add_text(object, "result", plan->result);
    add_text(object, "result-format", plan->result_format);
    add_text(object, "child", plan->child);
    add_text(object, "backing", plan->backing);
    json_object_set_array_member(object, "leftover", json_list(plan->leftover));
    json_object_set_boolean_member(object, "delete", plan->deletes);
    add_bytes(object, "bytes-to-move", plan->bytes_to_move);
    add_bytes(object, "bytes-down", plan->bytes_down);
    add_bytes(object, "bytes-up", plan->bytes_up);
    add_text(object, "why-not-down", plan->why_not_down);
    add_text(object, "why-not-up", plan->why_not_up);
    add_bytes(object, "bytes-shadowed", plan->bytes_shadowed);
    add_bytes(object, "space-before", plan->space_before);
    add_bytes(object, "space-after", plan->space_after);
    add_bytes(object, "space-peak", plan->space_peak);
    add_bytes(object, "expected-seconds", plan->expected_sec);
    json_object_set_boolean_member(object, "resumes", plan->resumes);
    json_object_set_array_member(object, "lost-bitmaps", json_bitmaps(plan));
    if (holders)
        json_object_set_array_member(object, "holders", json_holders(holders));
    json_node_take_object(node, object);
    sinter_img_json_print(node);
}

static void
print_bytes(const char *what, guint64 bytes)
{
    g_autofree char *text = sinter_img_size_format(bytes);

    printf("%s: %s (%" G_GUINT64_FORMAT " bytes)\n", what, text, bytes);
}

static void
print_name(const char *what, const char *name)
{
    g_autofree char *shown = name ? sinter_img_name(name) : NULL;

    if (shown)
        printf("%s: %s\n", what, shown);
}

static void
print_other_direction(const char *name, guint64 bytes, const char *why_not)
{
    g_autofree char *what = g_strdup_printf("bytes if merged %s", name);

    if (why_not) {
        g_autofree char *shown = sinter_img_name(why_not);

        printf("cannot merge %s: %s\n", name, shown);
    } else {
        print_bytes(what, bytes);
    }
}

/* @holders: of Holder */
static void
print_obstacles(const SinterMergePlan *plan, GPtrArray *holders)
{
    for (gsize i = 0; plan->lost_bitmaps[i]; i++) {
        g_autofree char *bitmap = sinter_img_name(plan->lost_bitmaps[i]);
        g_autofree char *file = sinter_img_name(plan->lost_bitmap_files[i]);

        printf("lost bitmap: %s of %s\n", bitmap, file);
    }
    for (guint i = 0; i < holders->len; i++) {
        const Holder *one = g_ptr_array_index(holders, i);
        g_autofree char *file = sinter_img_name(one->path);
        g_autofree char *holder = sinter_img_name(one->holder);

        printf("in use: %s by %s\n", file, holder);
    }
}

/* @holders: of Holder */
static void
print_plan(const SinterMergePlan *plan, GPtrArray *holders)
{
    g_autofree char *time = sinter_units_format_duration(plan->expected_sec * G_USEC_PER_SEC);

    printf("direction: %s\n", direction_name(plan));
    print_name("into", plan->result);
    for (gsize i = 0; plan->leftover[i]; i++)
        print_name(plan->deletes ? "merged and removed" : "merged", plan->leftover[i]);
    print_name("overlay of the result", plan->child);
    print_name("its new backing file", plan->backing);
    if (plan->resumes)
        puts("continues an interrupted operation");
    print_bytes("bytes to move", plan->bytes_to_move);
    if (plan->direction == SINTER_MERGE_DOWN)
        print_other_direction("up", plan->bytes_up, plan->why_not_up);
    else
        print_other_direction("down", plan->bytes_down, plan->why_not_down);
    print_bytes("of it shadowed", plan->bytes_shadowed);
    print_bytes("space before", plan->space_before);
    print_bytes("space after (maximum)", plan->space_after);
    print_bytes("peak space (maximum)", plan->space_peak);
    printf("expected time: %s\n", time);
    print_obstacles(plan, holders);
    puts("Other images that use one of these as backing file cannot be detected by this command.");
}

static void
print_outcome(const SinterMergePlan *plan)
{
    g_autofree char *result = sinter_img_name(plan->result);
    g_autofree char *child = plan->child ? sinter_img_name(plan->child) : NULL;

    printf("Image merged into '%s'.\n", result);
    if (plan->direction == SINTER_MERGE_DOWN && child)
        printf("It is the new backing file of '%s'.\n", child);
    else if (plan->direction == SINTER_MERGE_DOWN)
        puts("It is now the top of the chain.");
    for (gsize i = 0; plan->leftover[i]; i++) {
        g_autofree char *name = sinter_img_name(plan->leftover[i]);

        printf(plan->deletes ? "'%s' was removed.\n" : "'%s' is no longer needed.\n", name);
    }
}

void
sinter_img_merge_print(const SinterMergePlan *plan, gboolean json, gboolean dry_run)
{
    g_autoptr(GPtrArray) holders = dry_run ? find_holders(plan) : NULL;

    if (json)
        print_json(plan, holders);
    else if (dry_run)
        print_plan(plan, holders);
    else
        print_outcome(plan);
}
