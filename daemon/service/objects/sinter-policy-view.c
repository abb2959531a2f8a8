/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What policies would do, as dictionaries. Pure. Invariant: keys without a value are absent. */

#include "sinter-policy-view.h"

#include "sinter-dbus-error.h"
#include "sinter-view-builder.h"

static GVariant *
make_values(const GPtrArray *values)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sss)"));
    for (guint i = 0; i < values->len; i++) {
        const SinterPolicyValue *value = values->pdata[i];
        g_autofree char *text = sinter_dbus_text(value->value);
        g_autofree char *origin = sinter_dbus_text(value->origin);

        g_variant_builder_add(&builder, "(sss)", value->name, text, origin);
    }
    return g_variant_builder_end(&builder);
}

static void
add_forecast(GVariantBuilder *builder, const SinterPolicyForecast *forecast)
{
    const SinterPolicyVerdict *verdict = forecast->verdict;

    g_variant_builder_open(builder, G_VARIANT_TYPE_VARDICT);
    sinter_view_builder_add_string(builder, "domain", forecast->domain->name);
    sinter_view_builder_add_string(builder, "uuid", forecast->domain->uuid);
    sinter_view_builder_add_string(builder, "disk", verdict->disk);
    sinter_view_builder_add_string(builder, "policy", verdict->policy);
    sinter_view_builder_add_string(builder, "reason", verdict->reason);
    if (verdict->policy)
        g_variant_builder_add(builder, "{sv}", "keep", g_variant_new_uint32(verdict->keep));
    sinter_view_builder_add_string(builder, "obstacle", verdict->obstacle);
    if (verdict->obstacle && verdict->until_usec != G_MAXINT64)
        g_variant_builder_add(builder, "{sv}", "until",
                              g_variant_new_uint64((guint64)verdict->until_usec));
    g_variant_builder_add(builder, "{sv}", "values", make_values(forecast->values));
    g_variant_builder_close(builder);
}

GVariant *
sinter_policy_view_forecasts(const GPtrArray *forecasts)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < forecasts->len; i++)
        add_forecast(&builder, forecasts->pdata[i]);
    return g_variant_builder_end(&builder);
}
