/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings about the host as text: the command that solves a problem has a line of its own, so that
 * it can be copied. Pure functions. */

#include "text/sinter-doctor-text.h"

#include "sinter-text.h"

static const SinterTableColumn columns[] = {
    { "Check", SINTER_ALIGN_LEFT },
    { "Subject", SINTER_ALIGN_LEFT },
    { "Problem, and what solves it", SINTER_ALIGN_LEFT },
};

GPtrArray *
sinter_doctor_text_select(GVariant *all, const char *const *except)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_properties_free);
    GVariantIter iter;
    GVariant *row;

    g_variant_iter_init(&iter, all);
    while ((row = g_variant_iter_next_value(&iter))) {
        SinterProperties *finding = sinter_properties_new(row);

        if (except && g_strv_contains(except, sinter_properties_get_string(finding, "check")))
            sinter_properties_free(finding);
        else
            g_ptr_array_add(findings, finding);
        g_variant_unref(row);
    }
    return findings;
}

char *
sinter_doctor_text_table(GPtrArray *findings, gboolean legend)
{
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < findings->len; i++) {
        const SinterProperties *finding = g_ptr_array_index(findings, i);
        g_autofree char *remedy =
            g_strconcat("  ", sinter_properties_get_string(finding, "remedy"), NULL);

        sinter_table_add_row(table,
                             (const char *[]){ sinter_properties_get_string(finding, "check"),
                                               sinter_properties_get_string(finding, "subject"),
                                               sinter_properties_get_string(finding, "problem") });
        sinter_table_add_row(table, (const char *[]){ "", "", remedy });
    }
    return findings->len > 0 ? sinter_table_format(table, legend) : g_strdup("");
}

char *
sinter_doctor_text_names(GPtrArray *findings)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < findings->len; i++) {
        const SinterProperties *finding = g_ptr_array_index(findings, i);
        g_autofree char *subject =
            sinter_text_printable(sinter_properties_get_string(finding, "subject"));

        g_string_append_printf(text, "%s %s\n", sinter_properties_get_string(finding, "check"),
                               subject);
    }
    return g_string_free(text, FALSE);
}

JsonNode *
sinter_doctor_text_to_json(GPtrArray *findings)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < findings->len; i++)
        json_array_add_object_element(array,
                                      sinter_properties_to_json(g_ptr_array_index(findings, i)));
    json_node_take_array(node, array);
    return node;
}
