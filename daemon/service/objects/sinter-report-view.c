/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reports as dictionaries. Pure functions. Keys without a value are absent. */

#include "sinter-report-view.h"

#include "sinter-image-report.h"
#include "sinter-view-builder.h"

static void
add_number(GVariantBuilder *builder, const char *key, guint64 number)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_uint64(number));
}

static void
add_offset(GVariantBuilder *builder, const char *key, guint64 offset)
{
    if (offset != SINTER_IMAGE_REPORT_NO_OFFSET)
        add_number(builder, key, offset);
}

static void
add_image(GVariantBuilder *builder, const SinterImageReport *report)
{
    g_variant_builder_open(builder, G_VARIANT_TYPE_VARDICT);
    sinter_view_builder_add_string(builder, "path", report->path);
    sinter_view_builder_add_string(builder, "state", sinter_image_state_name(report->state));
    sinter_view_builder_add_string(builder, "text", report->text);
    g_variant_builder_add(builder, "{sv}", "complete", g_variant_new_boolean(report->complete));
    g_variant_builder_add(builder, "{sv}", "leaks-are-safe",
                          g_variant_new_boolean(report->leaks_are_safe));
    add_number(builder, "corruptions", report->corruptions);
    add_number(builder, "leaks", report->leaks);
    add_number(builder, "errors", report->errors);
    add_number(builder, "notes", report->notes);
    if (report->repaired + report->left > 0) {
        add_number(builder, "repaired", report->repaired);
        add_number(builder, "left", report->left);
    }
    g_variant_builder_close(builder);
}

static void
add_findings(GVariantBuilder *builder, const SinterImageReport *report)
{
    for (guint i = 0; i < report->findings->len; i++) {
        const SinterImageFinding *finding = g_ptr_array_index(report->findings, i);

        g_variant_builder_open(builder, G_VARIANT_TYPE_VARDICT);
        sinter_view_builder_add_string(builder, "image", report->path);
        sinter_view_builder_add_string(builder, "code", finding->code);
        sinter_view_builder_add_string(builder, "class", finding->klass);
        sinter_view_builder_add_string(builder, "text", finding->text);
        add_offset(builder, "guest-offset", finding->guest_offset);
        add_offset(builder, "host-offset", finding->host_offset);
        if (finding->length > 0)
            add_number(builder, "length", finding->length);
        add_number(builder, "times", finding->times);
        g_variant_builder_close(builder);
    }
}

static GVariant *
view(const GPtrArray *reports, void (*add)(GVariantBuilder *, const SinterImageReport *))
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; reports && i < reports->len; i++)
        add(&builder, g_ptr_array_index(reports, i));
    return g_variant_builder_end(&builder);
}

GVariant *
sinter_report_view_images(const GPtrArray *reports)
{
    return view(reports, add_image);
}

GVariant *
sinter_report_view_findings(const GPtrArray *reports)
{
    return view(reports, add_findings);
}
