/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Incidents as text: rows and details. Pure functions. */

#include "text/sinter-incident-text.h"

#include <string.h>

#include "text/sinter-detail-text.h"

gboolean
sinter_incident_text_is_open(const SinterProperties *incident)
{
    return strcmp(sinter_properties_get_string(incident, "State"), "open") == 0;
}

static const SinterTableColumn columns[] = {
    { "Id", SINTER_ALIGN_RIGHT },        { "Domain", SINTER_ALIGN_LEFT },
    { "Disk", SINTER_ALIGN_LEFT },       { "State", SINTER_ALIGN_LEFT },
    { "Last event", SINTER_ALIGN_LEFT }, { "Events", SINTER_ALIGN_RIGHT },
    { "Cause", SINTER_ALIGN_LEFT },
};

SinterTable *
sinter_incident_text_table_new(void)
{
    return sinter_table_new(columns, G_N_ELEMENTS(columns));
}

/* @text, or NULL, which is shown as "-", if it is empty */
static const char *
or_none(const char *text)
{
    return *text == '\0' ? NULL : text;
}

/* "paused" stands out: a guest waits. */
static const char *
state_of(const SinterProperties *incident)
{
    return sinter_properties_get_boolean(incident, "Paused")
               ? "paused"
               : sinter_properties_get_string(incident, "State");
}

void
sinter_incident_text_add_row(SinterTable *table, const SinterProperties *incident)
{
    g_autofree char *events =
        g_strdup_printf("%" G_GUINT64_FORMAT, sinter_properties_get_number(incident, "Events"));
    g_autofree char *last =
        sinter_detail_text_format_time(sinter_properties_get_number(incident, "LastTime"));

    sinter_table_add_row(
        table, (const char *[]){ sinter_properties_get_string(incident, "Id"),
                                 or_none(sinter_properties_get_string(incident, "DomainName")),
                                 or_none(sinter_properties_get_string(incident, "Disk")),
                                 state_of(incident), last, events,
                                 or_none(sinter_properties_get_string(incident, "Cause")) });
}

static void
add_evidence(GString *text, const SinterProperties *incident)
{
    g_autofree const char **lines = sinter_properties_get_strings(incident, "Evidence");

    for (guint i = 0; lines[i]; i++)
        sinter_detail_text_add(text, "Evidence", lines[i]);
}

static void
add_timeline(GString *text, const SinterProperties *incident)
{
    GVariant *timeline = sinter_properties_get(incident, "Timeline");
    const char *kind;
    const char *line;
    GVariantIter iter;
    gint64 usec;

    if (!timeline || !g_variant_is_of_type(timeline, G_VARIANT_TYPE("a(xss)")))
        return;
    g_variant_iter_init(&iter, timeline);
    while (g_variant_iter_next(&iter, "(x&s&s)", &usec, &kind, &line)) {
        g_autofree char *time = sinter_detail_text_format_time((guint64)MAX(usec, 0));
        g_autofree char *printable = sinter_text_printable(line);

        g_string_append_printf(text, "%s  %-9s  %s\n", time ? time : "-", kind, printable);
    }
}

char *
sinter_incident_text_details(const SinterProperties *incident)
{
    GString *text = g_string_new(NULL);
    g_autofree char *events =
        g_strdup_printf("%" G_GUINT64_FORMAT, sinter_properties_get_number(incident, "Events"));

    sinter_detail_text_add_property(text, "Id", incident, "Id");
    sinter_detail_text_add_property(text, "Domain", incident, "DomainName");
    sinter_detail_text_add_property(text, "UUID", incident, "DomainUuid");
    sinter_detail_text_add_property(text, "Disk", incident, "Disk");
    sinter_detail_text_add_property(text, "State", incident, "State");
    sinter_detail_text_add(text, "Guest paused",
                           sinter_properties_get_boolean(incident, "Paused") ? "yes" : "no");
    sinter_detail_text_add_time(text, "First event", incident, "FirstTime");
    sinter_detail_text_add_time(text, "Last event", incident, "LastTime");
    sinter_detail_text_add(text, "Events", events);
    sinter_detail_text_add_property(text, "Cause", incident, "Cause");
    sinter_detail_text_add_property(text, "Image", incident, "Image");
    sinter_detail_text_add_property(text, "Summary", incident, "Summary");
    add_evidence(text, incident);
    sinter_detail_text_add_property(text, "Advice", incident, "Advice");
    sinter_detail_text_add_time(text, "Resolved", incident, "ResolvedTime");
    sinter_detail_text_add_property(text, "Outcome", incident, "Outcome");
    g_string_append_c(text, '\n');
    add_timeline(text, incident);
    return g_string_free(text, FALSE);
}
