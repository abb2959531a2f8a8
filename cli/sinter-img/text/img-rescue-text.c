/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The result of a rescue as text and as JSON.
 */

#include "img-rescue-text.h"
#include "sinter-table.h"

#include <stdio.h>

static void
print_state(const SinterRescueResult *result)
{
    if (result->header_is_lost)
        puts("The header is lost.");
    if (result->l1_is_lost)
        puts("The L1 table is lost.");
    else if (result->n_tables_lost > 0)
        printf("%" G_GUINT64_FORMAT " L2 tables are lost.\n", result->n_tables_lost);
    printf("%" G_GUINT64_FORMAT " L2 tables are intact, %" G_GUINT64_FORMAT
           " orphaned L2 tables were found, %" G_GUINT64_FORMAT " of them have a place.\n",
           result->n_tables_intact, result->n_tables_found, result->n_tables_placed);
}

static void
print_steps(const SinterRescueResult *result, guint64 max_steps)
{
    static const SinterTableColumn columns[] = {
        { "Step", SINTER_ALIGN_LEFT },          { "Confidence", SINTER_ALIGN_LEFT },
        { "Guest offset", SINTER_ALIGN_RIGHT }, { "Host offset", SINTER_ALIGN_RIGHT },
        { "Guest bytes", SINTER_ALIGN_RIGHT },  { "Reasons", SINTER_ALIGN_LEFT },
    };
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    for (guint i = 0; i < result->steps->len && i < max_steps; i++) {
        const SinterRescueStep *step = &g_array_index(result->steps, SinterRescueStep, i);
        g_autofree char *guest = g_strdup_printf("%#" G_GINT64_MODIFIER "x", step->guest_offset);
        g_autofree char *host = g_strdup_printf("%#" G_GINT64_MODIFIER "x", step->host_offset);
        g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, step->guest_bytes);

        sinter_table_add_row(table,
                             (const char *const[]){ sinter_rescue_kind_name(step->kind),
                                                    sinter_rescue_confidence_name(step->confidence),
                                                    guest, host, bytes, step->reasons });
    }
    text = sinter_table_format(table, TRUE);
    fputs(text, stdout);
    if (result->steps->len > max_steps)
        printf("%" G_GUINT64_FORMAT " more steps are not shown.\n", result->steps->len - max_steps);
}

static guint64
unplaced_bytes(const SinterRescueResult *result)
{
    guint64 bytes = 0;

    for (guint i = 0; i < result->unplaced->len; i++)
        bytes += g_array_index(result->unplaced, SinterRescueRange, i).bytes;
    return bytes;
}

void
sinter_img_rescue_print_human(const SinterRescueResult *result, guint64 max_steps)
{
    guint64 certain = sinter_rescue_result_guest_bytes(result, SINTER_RESCUE_CERTAIN);
    guint64 likely = sinter_rescue_result_guest_bytes(result, SINTER_RESCUE_LIKELY) - certain;

    print_state(result);
    if (result->steps->len > 0 && max_steps > 0)
        print_steps(result, max_steps);
    printf("Guest data with a certain place: %" G_GUINT64_FORMAT
           " bytes; with a likely place: %" G_GUINT64_FORMAT
           " bytes; file ranges without a place: %u, %" G_GUINT64_FORMAT " bytes.\n",
           certain, likely, result->unplaced->len, unplaced_bytes(result));
    if (result->applied == SINTER_RESCUE_CERTAIN)
        puts("The certain steps were applied.");
    else if (result->applied == SINTER_RESCUE_LIKELY)
        puts("The certain and the likely steps were applied.");
    else
        puts("Nothing was changed.");
}

static JsonArray *
steps_to_json(const SinterRescueResult *result)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRescueStep *step = &g_array_index(result->steps, SinterRescueStep, i);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "step", sinter_rescue_kind_name(step->kind));
        json_object_set_string_member(object, "confidence",
                                      sinter_rescue_confidence_name(step->confidence));
        json_object_set_int_member(object, "host-offset", (gint64)step->host_offset);
        json_object_set_int_member(object, "guest-offset", (gint64)step->guest_offset);
        json_object_set_int_member(object, "guest-bytes", (gint64)step->guest_bytes);
        json_object_set_string_member(object, "reasons", step->reasons);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonArray *
unplaced_to_json(const SinterRescueResult *result)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < result->unplaced->len; i++) {
        const SinterRescueRange *range = &g_array_index(result->unplaced, SinterRescueRange, i);
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "host-offset", (gint64)range->offset);
        json_object_set_int_member(object, "bytes", (gint64)range->bytes);
        json_array_add_object_element(array, object);
    }
    return array;
}

JsonNode *
sinter_img_rescue_to_json(const SinterRescueResult *result, const char *name)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "filename", name);
    json_object_set_boolean_member(object, "header-lost", result->header_is_lost);
    json_object_set_boolean_member(object, "l1-lost", result->l1_is_lost);
    json_object_set_int_member(object, "cluster-size", (gint64)result->cluster_bytes);
    json_object_set_int_member(object, "virtual-size", (gint64)result->virtual_bytes);
    json_object_set_int_member(object, "tables-intact", (gint64)result->n_tables_intact);
    json_object_set_int_member(object, "tables-lost", (gint64)result->n_tables_lost);
    json_object_set_int_member(object, "tables-found", (gint64)result->n_tables_found);
    json_object_set_int_member(object, "tables-placed", (gint64)result->n_tables_placed);
    if (result->question)
        json_object_set_string_member(object, "question", result->question);
    json_object_set_string_member(object, "applied",
                                  sinter_rescue_confidence_name(result->applied));
    json_object_set_array_member(object, "steps", steps_to_json(result));
    json_object_set_array_member(object, "unplaced", unplaced_to_json(result));
    json_node_take_object(node, object);
    return node;
}
