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

static void
print_json(const SinterMergePlan *plan)
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

static void
print_plan(const SinterMergePlan *plan)
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
    if (json)
        print_json(plan);
    else if (dry_run)
        print_plan(plan);
    else
        print_outcome(plan);
}
