/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans as text. Pure functions. */

#include "sinter-plan-text.h"

#include <string.h>

#include "sinter-table.h"
#include "sinter-units.h"

#define DICTIONARIES G_VARIANT_TYPE("aa{sv}")

static GVariant *
get_list(const SinterProperties *plan, const char *name)
{
    GVariant *list = sinter_properties_get(plan, name);

    return list && g_variant_is_of_type(list, DICTIONARIES) ? list : NULL;
}

static gsize
list_len(GVariant *list)
{
    return list ? g_variant_n_children(list) : 0;
}

static const char *
lookup(GVariant *dictionary, const char *key)
{
    const char *value = "";

    g_variant_lookup(dictionary, key, "&s", &value);
    return value;
}

/* "no-chain" means that there is nothing to do, which is not a refusal. */
static gboolean
forbids(GVariant *refusal)
{
    return strcmp(lookup(refusal, "code"), "no-chain") != 0;
}

SinterPlanVerdict
sinter_plan_text_verdict(const SinterProperties *plan)
{
    GVariant *refusals = get_list(plan, "Refusals");

    for (gsize i = 0; i < list_len(refusals); i++) {
        g_autoptr(GVariant) refusal = g_variant_get_child_value(refusals, i);

        if (forbids(refusal))
            return SINTER_PLAN_REFUSED;
    }
    return list_len(get_list(plan, "Steps")) > 0 ? SINTER_PLAN_WORK : SINTER_PLAN_IDLE;
}

gboolean
sinter_plan_text_is_misasked(const SinterProperties *plan)
{
    GVariant *refusals = get_list(plan, "Refusals");

    for (gsize i = 0; i < list_len(refusals); i++) {
        g_autoptr(GVariant) refusal = g_variant_get_child_value(refusals, i);
        const char *error = "";

        g_variant_lookup(refusal, "error", "&s", &error);
        if (forbids(refusal) && strcmp(error, "InvalidArgument") != 0)
            return FALSE;
    }
    return sinter_plan_text_verdict(plan) == SINTER_PLAN_REFUSED;
}

static const SinterTableColumn columns[] = {
    { "Step", SINTER_ALIGN_RIGHT }, { "Disk", SINTER_ALIGN_LEFT }, { "Action", SINTER_ALIGN_LEFT },
    { "Size", SINTER_ALIGN_RIGHT }, { "What", SINTER_ALIGN_LEFT },
};

static void
append_steps(GString *text, GVariant *steps, gboolean legend)
{
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *rows = NULL;

    for (gsize i = 0; i < list_len(steps); i++) {
        g_autoptr(GVariant) step = g_variant_get_child_value(steps, i);
        g_autofree char *number = g_strdup_printf("%" G_GSIZE_FORMAT, i + 1);
        g_autofree char *size = NULL;
        guint64 bytes = 0;

        if (g_variant_lookup(step, "bytes", "t", &bytes) && bytes > 0)
            size = sinter_units_format_bytes(bytes);
        sinter_table_add_row(table,
                             (const char *[]){ number, lookup(step, "disk"), lookup(step, "kind"),
                                               size, lookup(step, "text") });
    }
    rows = sinter_table_format(table, legend);
    g_string_append(text, rows);
}

static char *
format_bytes(const SinterProperties *plan, const char *name)
{
    return sinter_units_format_bytes(sinter_properties_get_number(plan, name));
}

static void
append_cost(GString *text, const SinterProperties *plan)
{
    g_autofree char *copied = format_bytes(plan, "BytesToCopy");
    g_autofree char *before = format_bytes(plan, "SpaceBeforeBytes");
    g_autofree char *after = format_bytes(plan, "SpaceAfterBytes");
    g_autofree char *peak = format_bytes(plan, "PeakExtraBytes");

    g_string_append_printf(text, "To copy:  up to %s\n", copied);
    g_string_append_printf(text, "Space:    %s now, up to %s after; up to %s more at the peak\n",
                           before, after, peak);
}

/* Of work on a running domain. */
static void
append_worst_case(GString *text, const SinterProperties *plan)
{
    guint64 hold_usec = sinter_properties_get_number(plan, "LongestHold");
    guint64 time_usec = sinter_properties_get_number(plan, "WorstCaseTime");
    guint64 write_rate = sinter_properties_get_number(plan, "AssumedWriteRate");
    guint64 copy_rate = sinter_properties_get_number(plan, "AssumedCopyRate");
    g_autofree char *hold = hold_usec < 10 * G_USEC_PER_SEC
                                ? g_strdup_printf("%" G_GUINT64_FORMAT " ms", hold_usec / 1000)
                                : sinter_units_format_duration(hold_usec);
    g_autofree char *time = sinter_units_format_duration(time_usec);
    g_autofree char *writes = sinter_units_format_rate(write_rate);
    g_autofree char *copies = sinter_units_format_rate(copy_rate);

    if (time_usec == 0)
        return;
    g_string_append(text, "Worst case: ");
    if (hold_usec > 0)
        g_string_append_printf(text, "the guest is suspended for up to %s at a time; ", hold);
    g_string_append_printf(text, "%s if it writes %s without pause and the storage copies %s\n",
                           time, writes, copies);
}

static void
append_sentence(GString *text, const char *head, const char *sentence)
{
    g_autofree char *printable = sinter_text_printable(sentence);

    g_string_append_printf(text, "%s%s\n", head, printable);
}

static void
append_warnings(GString *text, const SinterProperties *plan)
{
    g_autofree const char **warnings = sinter_properties_get_strings(plan, "Warnings");

    for (guint i = 0; warnings[i]; i++)
        append_sentence(text, "Warning:  ", warnings[i]);
}

static void
append_refusals(GString *text, GVariant *refusals)
{
    for (gsize i = 0; i < list_len(refusals); i++) {
        g_autoptr(GVariant) refusal = g_variant_get_child_value(refusals, i);

        append_sentence(text,
                        forbids(refusal) ? "Refused:  " : "Note:     ", lookup(refusal, "text"));
    }
}

char *
sinter_plan_text_format(const SinterProperties *plan, const char *domain, gboolean legend)
{
    GString *text = g_string_new(NULL);
    GVariant *steps = get_list(plan, "Steps");
    SinterPlanVerdict verdict = sinter_plan_text_verdict(plan);

    if (list_len(steps) > 0) {
        append_steps(text, steps, legend);
        g_string_append_c(text, '\n');
        append_cost(text, plan);
        append_worst_case(text, plan);
    } else if (verdict == SINTER_PLAN_IDLE && list_len(get_list(plan, "Refusals")) == 0) {
        g_string_append_printf(text, "%s: nothing to consolidate\n", domain);
    }
    append_warnings(text, plan);
    append_refusals(text, get_list(plan, "Refusals"));
    if (verdict == SINTER_PLAN_WORK && legend)
        g_string_append_printf(text, "\nTo carry out this plan: sinter consolidate --plan %s\n",
                               sinter_properties_get_string(plan, "Id"));
    return g_string_free(text, FALSE);
}
