/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints the steps of a repair. Invariant: a step that qemu-img has is worded as there.
 */

#include "img-repair-text.h"
#include "img-check-text.h"
#include "img-finding.h"
#include "img-message.h"
#include "sinter-table.h"

#include <stdio.h>

#define HEX G_GINT64_MODIFIER "x"

/* --- lines --- */

static gboolean
is_flag(SinterFindingCode code)
{
    return sinter_repair_code_pass(code) == SINTER_REPAIR_PASS_FLAGS;
}

static gboolean
is_count(SinterFindingCode code)
{
    SinterRepairPass pass = sinter_repair_code_pass(code);

    return pass == SINTER_REPAIR_PASS_REFCOUNTS || pass == SINTER_REPAIR_PASS_LEAKS;
}

/* (transfer full): the value or, for an offset that is not known, "-" */
static char *
hex_or_dash(guint64 value)
{
    return value == SINTER_OFFSET_NONE ? g_strdup("-") : g_strdup_printf("0x%" HEX, value);
}

static char *
own_line(const SinterRepairStep *step)
{
    g_autofree char *guest = hex_or_dash(step->guest_offset);
    g_autofree char *host = hex_or_dash(step->host_offset);
    const char *name = sinter_finding_code_name(step->code);

    if (step->times > 1)
        return g_strdup_printf("Repairing %s: %" G_GUINT64_FORMAT " times", name, step->times);
    if (step->evidence && step->old_value == step->new_value)
        return g_strdup_printf("Repairing %s: guest=%s host=%s: %s", name, guest, host,
                               step->evidence);
    if (step->evidence)
        return g_strdup_printf("Repairing %s: guest=%s host=%s 0x%" HEX " -> 0x%" HEX ": %s", name,
                               guest, host, step->old_value, step->new_value, step->evidence);
    return g_strdup_printf("Repairing %s: guest=%s host=%s", name, guest, host);
}

static char *
step_line(const SinterRepairStep *step, guint64 cluster_bytes, guint64 l1_entry_bytes)
{
    gboolean placed = step->host_offset != SINTER_OFFSET_NONE && cluster_bytes > 0;

    if (placed && is_count(step->code))
        return g_strdup_printf("Repairing cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
                               " reference=%" G_GUINT64_FORMAT,
                               step->host_offset / cluster_bytes, step->old_value, step->new_value);
    if (!placed || !is_flag(step->code))
        return own_line(step);
    if (step->code == SINTER_FINDING_L1_COPIED_FALSE ||
        step->code == SINTER_FINDING_L1_COPIED_MISSING)
        return g_strdup_printf("Repairing OFLAG_COPIED L2 cluster: l1_index=%" G_GUINT64_FORMAT
                               " l1_entry=%" HEX " refcount=%" G_GUINT64_FORMAT,
                               step->guest_offset / l1_entry_bytes, step->old_value,
                               step->refcount);
    return g_strdup_printf("Repairing OFLAG_COPIED data cluster: l2_entry=%" HEX
                           " refcount=%" G_GUINT64_FORMAT,
                           step->old_value, step->refcount);
}

static int
compare_numbers(guint64 a, guint64 b)
{
    return a < b ? -1 : a > b;
}

/* By guest offset; an L1 entry before the entries of its table. */
static int
compare_flags(gconstpointer a, gconstpointer b)
{
    const SinterRepairStep *one = *(const SinterRepairStep *const *)a;
    const SinterRepairStep *other = *(const SinterRepairStep *const *)b;
    int order = compare_numbers(one->guest_offset, other->guest_offset);

    return order ? order : compare_numbers(one->code, other->code);
}

static void
print_steps(const SinterRepairResult *result, const GPtrArray *steps, guint64 l1_entry_bytes)
{
    for (guint i = 0; i < steps->len; i++) {
        g_autofree char *line = step_line(g_ptr_array_index(steps, i),
                                          result->before->stats.cluster_bytes, l1_entry_bytes);

        fprintf(stderr, "%s\n", line);
    }
}

void
sinter_img_repair_print_done(const SinterRepairResult *result, guint64 l1_entry_bytes)
{
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    g_autoptr(GPtrArray) flags = g_ptr_array_new();

    for (guint i = 0; i < result->steps->len; i++) {
        SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);

        if (step->state == SINTER_REPAIR_DONE)
            g_ptr_array_add(is_flag(step->code) ? flags : others, step);
    }
    g_ptr_array_sort(flags, compare_flags);
    print_steps(result, others, l1_entry_bytes);
    print_steps(result, flags, l1_entry_bytes);
}

void
sinter_img_repair_print_left(const SinterRepairResult *result)
{
    g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);
        g_autofree char *line = NULL;

        if (step->state != SINTER_REPAIR_LEFT)
            continue;
        line = g_strdup_printf("Not repaired: %s: %s", sinter_finding_code_name(step->code),
                               step->reason);
        if (g_hash_table_add(told, g_strdup(line)))
            fprintf(stderr, "%s\n", line);
    }
}

/* --- the plan --- */

void
sinter_img_repair_print_plan(const SinterRepairResult *result)
{
    static const SinterTableColumn columns[] = {
        { "Pass", SINTER_ALIGN_LEFT },    { "Finding", SINTER_ALIGN_LEFT },
        { "Count", SINTER_ALIGN_RIGHT },  { "Guest", SINTER_ALIGN_LEFT },
        { "Host", SINTER_ALIGN_LEFT },    { "Old", SINTER_ALIGN_LEFT },
        { "New", SINTER_ALIGN_LEFT },     { "May lose", SINTER_ALIGN_LEFT },
        { "Remarks", SINTER_ALIGN_LEFT },
    };
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);
        gboolean planned = step->state == SINTER_REPAIR_PLANNED;
        g_autofree char *times = g_strdup_printf("%" G_GUINT64_FORMAT, step->times);
        g_autofree char *guest = hex_or_dash(step->guest_offset);
        g_autofree char *host = hex_or_dash(step->host_offset);
        g_autofree char *old_value = hex_or_dash(step->old_value);
        g_autofree char *new_value = hex_or_dash(step->new_value);
        g_autofree char *left = planned ? NULL : g_strdup_printf("not repaired: %s", step->reason);

        sinter_table_add_row(
            table, (const char *const[]){ planned ? sinter_repair_pass_name(step->pass) : NULL,
                                          sinter_finding_code_name(step->code), times, guest, host,
                                          planned ? old_value : NULL, planned ? new_value : NULL,
                                          planned ? sinter_repair_safety_name(step->safety) : NULL,
                                          planned ? step->evidence : left });
    }
    text = sinter_table_format(table, TRUE);
    if (sinter_table_get_n_rows(table) > 0)
        printf("\n%s", text);
    else
        printf("Nothing has to be repaired.\n");
}

/* --- numbers and JSON --- */

static guint64
count_flags(const SinterCheckResult *check)
{
    guint64 n = 0;

    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++)
        n += is_flag((SinterFindingCode)code) ? check->per_code[code] : 0;
    return n;
}

gboolean
sinter_img_repair_settles_flags(const SinterRepairResult *result)
{
    return result->after && count_flags(result->after) == 0;
}

guint64
sinter_img_repair_corruptions_fixed(const SinterRepairResult *result)
{
    guint64 before = result->before->counts.corruptions + result->before->counts.errors;
    guint64 after =
        result->after ? result->after->counts.corruptions + result->after->counts.errors : before;
    guint64 flags = count_flags(result->before);
    guint64 changed = 0;

    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);

        changed += is_flag(step->code) && step->state == SINTER_REPAIR_DONE ? step->times : 0;
    }
    if (sinter_img_repair_settles_flags(result))
        before = before - flags + changed;
    return before - MIN(before, after);
}

guint64
sinter_img_repair_leaks_fixed(const SinterRepairResult *result)
{
    guint64 before = result->before->counts.leaks;
    guint64 after = result->after ? result->after->counts.leaks : before;

    return before - MIN(before, after);
}

static JsonNode *
step_to_json(const SinterRepairStep *step)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);

    if (step->pass != SINTER_REPAIR_PASS_NONE)
        json_object_set_string_member(object, "pass", sinter_repair_pass_name(step->pass));
    json_object_set_string_member(object, "code", sinter_finding_code_name(step->code));
    json_object_set_string_member(object, "state", sinter_repair_state_name(step->state));
    json_object_set_string_member(object, "may-lose", sinter_repair_safety_name(step->safety));
    json_object_set_int_member(object, "times", (gint64)step->times);
    sinter_img_json_set_offset(object, "guest-offset", step->guest_offset);
    sinter_img_json_set_offset(object, "host-offset", step->host_offset);
    if (step->old_value != step->new_value) {
        g_autofree char *old_value = hex_or_dash(step->old_value);
        g_autofree char *new_value = hex_or_dash(step->new_value);

        json_object_set_string_member(object, "old-value", old_value);
        json_object_set_string_member(object, "new-value", new_value);
    }
    if (step->evidence)
        json_object_set_string_member(object, "evidence", step->evidence);
    if (step->reason)
        json_object_set_string_member(object, "reason", step->reason);
    json_object_unref(object);
    return node;
}

JsonNode *
sinter_img_repair_to_json(const SinterRepairResult *result, gboolean dry_run)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);
    JsonArray *steps = json_array_new();

    for (guint i = 0; i < result->steps->len; i++)
        json_array_add_element(steps,
                               step_to_json(&g_array_index(result->steps, SinterRepairStep, i)));
    json_object_set_boolean_member(object, "dry-run", dry_run);
    json_object_set_boolean_member(object, "changed", result->after != NULL);
    json_object_set_array_member(object, "steps", steps);
    json_object_unref(object);
    return node;
}
