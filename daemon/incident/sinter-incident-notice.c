/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An incident as the programs of the hook folder read it. Invariant: a member that was once there
 * keeps its name and its type, because administrators' programs rely on it.
 */

#include "sinter-incident-notice.h"

#include "sinter-record-json.h"

#define FORMAT_VERSION 1

static const char *
get_state(const SinterIncident *incident)
{
    return sinter_incident_is_open(incident) ? "open" : "resolved";
}

char *
sinter_incident_notice_get_key(const SinterIncident *incident)
{
    const gboolean is_open = sinter_incident_is_open(incident);

    if (is_open && *incident->cause == '\0')
        return NULL;
    return g_strdup_printf("%s %s %d", get_state(incident), is_open ? incident->cause : "",
                           is_open && incident->paused);
}

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void
add_number(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void
add_members(JsonBuilder *builder, const SinterIncident *incident)
{
    add_number(builder, "version", FORMAT_VERSION);
    add_string(builder, "id", incident->id);
    add_string(builder, "domain-name", incident->domain_name);
    add_string(builder, "domain-uuid", incident->domain_uuid);
    add_string(builder, "disk", incident->disk);
    add_string(builder, "state", get_state(incident));
    json_builder_set_member_name(builder, "paused");
    json_builder_add_boolean_value(builder, incident->paused);
    add_string(builder, "cause", incident->cause);
    add_string(builder, "image", incident->layer);
    add_string(builder, "summary", incident->summary);
    add_string(builder, "advice", incident->advice);
    sinter_record_json_add_strings(builder, "evidence", incident->evidence);
    add_number(builder, "events", (gint64)incident->n_events);
    add_number(builder, "attempts", incident->n_attempts);
    add_number(builder, "first-time", incident->first_usec);
    add_number(builder, "last-time", incident->last_usec);
    add_number(builder, "resolved-time", incident->resolved_usec);
    add_string(builder, "outcome", incident->outcome);
}

char *
sinter_incident_notice_to_json(const SinterIncident *incident)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    add_members(builder, incident);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}
