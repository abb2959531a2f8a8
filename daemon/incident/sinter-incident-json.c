/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The JSON form of an incident. Each member is in one of the tables below, which both directions
 * use. Invariant: a record with a member that is absent or of the wrong type is corrupt as a whole.
 */

#include "sinter-incident.h"

#include <json-glib/json-glib.h>
#include <stddef.h>

#include "sinter-error.h"
#include "sinter-record-json.h"

#define RECORD_VERSION 1

typedef struct {
    const char *name;
    GType type;
    gsize offset;
    gboolean optional; /* absent in older records */
} Member;

#define M(type, member)                                                                            \
    {                                                                                              \
#member, type, offsetof(SinterIncident, member), FALSE                                     \
    }
static const Member members[] = {
    M(G_TYPE_STRING, id),
    M(G_TYPE_STRING, domain_uuid),
    M(G_TYPE_STRING, domain_name),
    M(G_TYPE_STRING, disk),
    M(G_TYPE_INT64, first_usec),
    M(G_TYPE_INT64, last_usec),
    M(G_TYPE_INT64, n_events),
    M(G_TYPE_BOOLEAN, paused),
    M(G_TYPE_INT64, resolved_usec),
    M(G_TYPE_STRING, outcome),
    M(G_TYPE_STRING, cause),
    M(G_TYPE_STRING, layer),
    M(G_TYPE_STRING, summary),
    M(G_TYPE_STRING, advice),
    { "n_attempts", G_TYPE_INT64, offsetof(SinterIncident, n_attempts), TRUE },
};
#undef M

static void
add_member(JsonBuilder *builder, const SinterIncident *incident, const Member *member)
{
    const void *at = (const char *)incident + member->offset;

    json_builder_set_member_name(builder, member->name);
    if (member->type == G_TYPE_STRING)
        json_builder_add_string_value(builder, *(char *const *)at);
    else if (member->type == G_TYPE_BOOLEAN)
        json_builder_add_boolean_value(builder, *(const gboolean *)at);
    else
        json_builder_add_int_value(builder, *(const gint64 *)at);
}

static void
add_tries(JsonBuilder *builder, const SinterIncident *incident)
{
    GHashTableIter iter;
    gpointer remedy;
    gpointer n;

    json_builder_set_member_name(builder, "tries");
    json_builder_begin_object(builder);
    g_hash_table_iter_init(&iter, incident->tries);
    while (g_hash_table_iter_next(&iter, &remedy, &n)) {
        json_builder_set_member_name(builder, remedy);
        json_builder_add_int_value(builder, GPOINTER_TO_UINT(n));
    }
    json_builder_end_object(builder);
}

static void
add_timeline(JsonBuilder *builder, const SinterIncident *incident)
{
    json_builder_set_member_name(builder, "timeline");
    json_builder_begin_array(builder);
    for (guint i = 0; i < incident->timeline->len; i++) {
        const SinterIncidentEntry *entry = incident->timeline->pdata[i];

        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "time_usec");
        json_builder_add_int_value(builder, entry->time_usec);
        json_builder_set_member_name(builder, "kind");
        json_builder_add_string_value(builder, entry->kind);
        json_builder_set_member_name(builder, "text");
        json_builder_add_string_value(builder, entry->text);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

char *
sinter_incident_to_json(const SinterIncident *incident)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "version");
    json_builder_add_int_value(builder, RECORD_VERSION);
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
        add_member(builder, incident, &members[i]);
    add_tries(builder, incident);
    sinter_record_json_add_strings(builder, "evidence", incident->evidence);
    add_timeline(builder, incident);
    json_builder_end_object(builder);
    return sinter_record_json_finish(builder);
}

/* (transfer none) (nullable): the member if it is of that type */
static JsonNode *
find_value(JsonObject *json, const char *name, GType type)
{
    JsonNode *node = json_object_get_member(json, name);

    return sinter_record_json_is(node, type) ? node : NULL;
}

static gboolean
read_member(JsonObject *json, SinterIncident *incident, const Member *member)
{
    void *at = (char *)incident + member->offset;
    JsonNode *node = find_value(json, member->name, member->type);

    if (!node)
        return member->optional && !json_object_has_member(json, member->name);
    if (member->type == G_TYPE_STRING) {
        g_free(*(char **)at);
        *(char **)at = json_node_dup_string(node);
    } else if (member->type == G_TYPE_BOOLEAN) {
        *(gboolean *)at = json_node_get_boolean(node);
    } else {
        *(gint64 *)at = json_node_get_int(node);
        return *(gint64 *)at >= 0;
    }
    return TRUE;
}

/* Absent in older records. */
static gboolean
read_tries(JsonObject *json, SinterIncident *incident)
{
    JsonNode *node = json_object_get_member(json, "tries");
    JsonObjectIter iter;
    const char *remedy;
    JsonNode *value;

    if (!node)
        return TRUE;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return FALSE;
    json_object_iter_init(&iter, json_node_get_object(node));
    while (json_object_iter_next(&iter, &remedy, &value)) {
        gint64 n = sinter_record_json_is(value, G_TYPE_INT64) ? json_node_get_int(value) : -1;

        if (n < 0 || n > G_MAXINT)
            return FALSE;
        g_hash_table_insert(incident->tries, g_strdup(remedy), GUINT_TO_POINTER((guint)n));
    }
    return TRUE;
}

/* (transfer none) (nullable) */
static JsonArray *
find_array(JsonObject *json, const char *name)
{
    JsonNode *node = json_object_get_member(json, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static gboolean
read_evidence(JsonObject *json, SinterIncident *incident)
{
    JsonArray *array = find_array(json, "evidence");

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);

        if (!sinter_record_json_is(node, G_TYPE_STRING))
            return FALSE;
        g_ptr_array_add(incident->evidence, json_node_dup_string(node));
    }
    return array != NULL;
}

static gboolean
read_entry(JsonNode *node, SinterIncident *incident)
{
    JsonObject *json = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonNode *time = json ? find_value(json, "time_usec", G_TYPE_INT64) : NULL;
    JsonNode *kind = json ? find_value(json, "kind", G_TYPE_STRING) : NULL;
    JsonNode *text = json ? find_value(json, "text", G_TYPE_STRING) : NULL;

    if (!time || !kind || !text)
        return FALSE;
    sinter_incident_note(incident, json_node_get_int(time), json_node_get_string(kind),
                         json_node_get_string(text));
    return TRUE;
}

static gboolean
read_timeline(JsonObject *json, SinterIncident *incident)
{
    JsonArray *array = find_array(json, "timeline");

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        if (!read_entry(json_array_get_element(array, i), incident))
            return FALSE;
    }
    return array != NULL;
}

static gboolean
read_all(JsonObject *json, SinterIncident *incident)
{
    JsonNode *version = find_value(json, "version", G_TYPE_INT64);

    if (!version || json_node_get_int(version) != RECORD_VERSION)
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
        if (!read_member(json, incident, &members[i]))
            return FALSE;
    }
    return read_tries(json, incident) && read_evidence(json, incident) &&
           read_timeline(json, incident);
}

SinterIncident *
sinter_incident_from_json(const char *json, gssize len, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(SinterIncident) incident = sinter_incident_new("", NULL, NULL);
    g_autoptr(GError) cause = NULL;
    JsonNode *root;

    if (!json_parser_load_from_data(parser, json, len, &cause)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the incident record is truncated or not JSON: %s", cause->message);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root) && read_all(json_node_get_object(root), incident))
        return g_steal_pointer(&incident);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "the incident record has a member that is missing or of the wrong type, or is not "
                "of version %d",
                RECORD_VERSION);
    return NULL;
}
