/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What policies would do, as rows. Pure functions. */

#include "text/sinter-policy-text.h"

#include "sinter-text.h"
#include "text/sinter-detail-text.h"

static const SinterTableColumn preview_columns[] = {
    { "Domain", SINTER_ALIGN_LEFT }, { "Disk", SINTER_ALIGN_LEFT },
    { "Policy", SINTER_ALIGN_LEFT }, { "When", SINTER_ALIGN_LEFT },
    { "Reason", SINTER_ALIGN_LEFT },
};

static const SinterTableColumn value_columns[] = {
    { "Disk", SINTER_ALIGN_LEFT },
    { "Name", SINTER_ALIGN_LEFT },
    { "Value", SINTER_ALIGN_LEFT },
    { "Origin", SINTER_ALIGN_LEFT },
};

SinterTable *
sinter_policy_text_preview_new(void)
{
    return sinter_table_new(preview_columns, G_N_ELEMENTS(preview_columns));
}

SinterTable *
sinter_policy_text_values_new(void)
{
    return sinter_table_new(value_columns, G_N_ELEMENTS(value_columns));
}

/* %NULL, which is shown as "-", if it is empty */
static const char *
get(const SinterProperties *disk, const char *key)
{
    const char *text = sinter_properties_get_string(disk, key);

    return *text == '\0' ? NULL : text;
}

/* (transfer full) (nullable): "now", the time at which the obstacle passes, or "not" */
static char *
format_when(const SinterProperties *disk)
{
    guint64 until_usec = sinter_properties_get_number(disk, "until");

    if (!get(disk, "policy"))
        return NULL;
    if (!get(disk, "obstacle"))
        return g_strdup("now");
    return until_usec > 0 ? sinter_detail_text_format_time(until_usec) : g_strdup("not");
}

/* (transfer full) (nullable) */
static char *
format_reason(const SinterProperties *disk)
{
    const char *reason = get(disk, "reason");
    const char *obstacle = get(disk, "obstacle");

    if (reason && obstacle)
        return g_strdup_printf("%s; but %s", reason, obstacle);
    return g_strdup(obstacle ? obstacle : reason);
}

void
sinter_policy_text_add_preview(SinterTable *table, const SinterProperties *disk)
{
    g_autofree char *when = format_when(disk);
    g_autofree char *reason = format_reason(disk);

    sinter_table_add_row(table, (const char *[]){ get(disk, "domain"), get(disk, "disk"),
                                                  get(disk, "policy"), when, reason });
}

gboolean
sinter_policy_text_has_news(const SinterProperties *disk)
{
    return get(disk, "policy") || get(disk, "reason") || get(disk, "obstacle");
}

void
sinter_policy_text_add_values(SinterTable *table, const SinterProperties *disk)
{
    GVariant *values = sinter_properties_get(disk, "values");
    const char *name;
    const char *value;
    const char *origin;
    GVariantIter iter;

    if (!values || !g_variant_is_of_type(values, G_VARIANT_TYPE("a(sss)")))
        return;
    g_variant_iter_init(&iter, values);
    while (g_variant_iter_next(&iter, "(&s&s&s)", &name, &value, &origin))
        sinter_table_add_row(table, (const char *[]){ get(disk, "disk"), name,
                                                      *value == '\0' ? NULL : value, origin });
}
