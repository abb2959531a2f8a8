/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Job records and their JSON form. Each persisted member is listed once, in one of the field tables
 * below, which both directions use. A member that is absent or of the wrong type makes the record
 * corrupt, so that a job is never taken over from an incomplete record.
 */

#include "sinter-job-record.h"

#include "sinter-record-json.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define RECORD_VERSION 1

SinterJobRecord *
sinter_job_record_new(void)
{
    SinterJobRecord *record = g_new0(SinterJobRecord, 1);

    record->warnings = g_ptr_array_new_with_free_func(g_free);
    return record;
}

SinterJobRecord *
sinter_job_record_copy(const SinterJobRecord *record)
{
    SinterJobRecord *copy = g_new(SinterJobRecord, 1);

    *copy = *record;
    copy->id = g_strdup(record->id);
    copy->kind = g_strdup(record->kind);
    copy->domain_uuid = g_strdup(record->domain_uuid);
    copy->domain_name = g_strdup(record->domain_name);
    copy->plan = sinter_disk_plan_copy(record->plan);
    copy->remove_identities = g_strdupv(record->remove_identities);
    copy->merged_images = g_strdupv(record->merged_images);
    copy->undo_files = g_strdupv(record->undo_files);
    copy->waiting_for = g_strdup(record->waiting_for);
    copy->saved_limits = g_strdupv(record->saved_limits);
    copy->qemu_identity = g_strdup(record->qemu_identity);
    copy->backing_name = g_strdup(record->backing_name);
    copy->backing_format = g_strdup(record->backing_format);
    copy->choice = g_strdup(record->choice);
    copy->obstacle = g_strdup(record->obstacle);
    copy->error_message = g_strdup(record->error_message);
    copy->warnings = g_ptr_array_copy(record->warnings, (GCopyFunc)(void (*)(void))g_strdup, NULL);
    g_ptr_array_set_free_func(copy->warnings, g_free);
    if (record->reports)
        copy->reports = g_ptr_array_ref(record->reports);
    return copy;
}

void
sinter_job_record_free(SinterJobRecord *record)
{
    if (!record)
        return;
    g_free(record->id);
    g_free(record->kind);
    g_free(record->domain_uuid);
    g_free(record->domain_name);
    g_clear_pointer(&record->plan, sinter_disk_plan_free);
    g_strfreev(record->remove_identities);
    g_strfreev(record->merged_images);
    g_strfreev(record->undo_files);
    g_free(record->waiting_for);
    g_strfreev(record->saved_limits);
    g_free(record->qemu_identity);
    g_free(record->backing_name);
    g_free(record->backing_format);
    g_free(record->choice);
    g_free(record->obstacle);
    g_free(record->error_message);
    g_ptr_array_unref(record->warnings);
    g_clear_pointer(&record->reports, g_ptr_array_unref);
    g_free(record);
}

const char *
sinter_job_record_get_kind(const SinterJobRecord *record)
{
    if (record->kind)
        return record->kind;
    return record->plan->offline ? SINTER_JOB_KIND_OFFLINE : SINTER_JOB_KIND_LIVE;
}

void
sinter_job_record_warn(SinterJobRecord *record, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (!g_ptr_array_find_with_equal_func(record->warnings, text, g_str_equal, NULL))
        g_ptr_array_add(record->warnings, g_steal_pointer(&text));
}

/* How a member is stored in JSON. */
typedef enum {
    FIELD_STRING,    /* char *, required */
    FIELD_OPTIONAL,  /* char *, absent for NULL */
    FIELD_STRINGS,   /* char **, absent for NULL */
    FIELD_WARNINGS,  /* GPtrArray of char * */
    FIELD_REPORTS,   /* GPtrArray of SinterImageReport *, absent for NULL */
    FIELD_BOOLEAN,   /* gboolean */
    FIELD_FLAG,      /* gboolean, absent for FALSE */
    FIELD_UINT,      /* guint */
    FIELD_UINT64,    /* guint64, as a decimal string: JSON integers have 63 bits */
    FIELD_AMOUNT,    /* guint64, likewise, absent for 0 */
    FIELD_TIME,      /* gint64 */
    FIELD_PHASE,     /* SinterPhase, by name */
    FIELD_OPERATION, /* SinterOperation, by name */
    FIELD_ERROR,     /* SinterError, by name */
} FieldKind;

typedef struct {
    const char *name;
    FieldKind kind;
    gsize offset;
} Field;

#define R(kind, member)                                                                            \
    {                                                                                              \
#member, kind, offsetof(SinterJobRecord, member)                                           \
    }
static const Field record_fields[] = {
    R(FIELD_STRING, id),
    R(FIELD_OPTIONAL, kind),
    R(FIELD_STRING, domain_uuid),
    R(FIELD_STRING, domain_name),
    R(FIELD_UINT64, bandwidth_bytes_per_sec),
    R(FIELD_UINT, uid),
    R(FIELD_PHASE, phase),
    R(FIELD_STRINGS, remove_identities),
    R(FIELD_STRINGS, merged_images),
    R(FIELD_BOOLEAN, cancel_requested),
    R(FIELD_OPTIONAL, qemu_identity),
    R(FIELD_OPTIONAL, backing_name),
    R(FIELD_OPTIONAL, backing_format),
    R(FIELD_FLAG, base_written),
    R(FIELD_FLAG, definition_guarded),
    R(FIELD_FLAG, in_doubt),
    R(FIELD_OPTIONAL, choice),
    R(FIELD_OPTIONAL, obstacle),
    R(FIELD_BOOLEAN, throttled),
    R(FIELD_STRINGS, saved_limits),
    R(FIELD_BOOLEAN, suspended),
    R(FIELD_AMOUNT, suspended_usec),
    R(FIELD_AMOUNT, n_holds),
    R(FIELD_AMOUNT, longest_hold_usec),
    R(FIELD_AMOUNT, total_hold_usec),
    R(FIELD_TIME, created_usec),
    R(FIELD_TIME, started_usec),
    R(FIELD_TIME, ended_usec),
    R(FIELD_ERROR, error_code),
    R(FIELD_OPTIONAL, error_message),
    R(FIELD_WARNINGS, warnings),
    R(FIELD_STRINGS, undo_files),
    R(FIELD_REPORTS, reports),
};
#undef R

/* Steps, refusals and warnings of the plan are for people before the start; a job does not need
 * them. */
#define P(kind, member)                                                                            \
    {                                                                                              \
#member, kind, offsetof(SinterDiskPlan, member)                                            \
    }
static const Field plan_fields[] = {
    P(FIELD_STRING, disk),
    P(FIELD_OPERATION, operation),
    P(FIELD_OPTIONAL, top_path),
    P(FIELD_OPTIONAL, base_path),
    P(FIELD_OPTIONAL, base_format),
    P(FIELD_OPTIONAL, destination),
    P(FIELD_OPTIONAL, destination_format),
    P(FIELD_OPTIONAL, destination_root),
    P(FIELD_BOOLEAN, shallow),
    P(FIELD_BOOLEAN, reuse_external),
    P(FIELD_BOOLEAN, pivot),
    P(FIELD_STRINGS, chain_before),
    P(FIELD_STRINGS, chain_after),
    P(FIELD_FLAG, offline),
    P(FIELD_BOOLEAN, inactive_follows),
    P(FIELD_STRINGS, drop_snapshots),
    P(FIELD_STRINGS, drop_checkpoints),
    P(FIELD_STRINGS, redefine_snapshots),
    P(FIELD_STRINGS, remove_files),
    P(FIELD_STRINGS, ignored_readers),
    P(FIELD_FLAG, ignore_manager),
    P(FIELD_FLAG, adopt),
    P(FIELD_FLAG, abort),
    P(FIELD_FLAG, ignore_migrated),
    P(FIELD_FLAG, seal),
    P(FIELD_FLAG, repair_leaks),
    P(FIELD_STRINGS, check_paths),
    P(FIELD_STRINGS, skip_paths),
    P(FIELD_STRINGS, skip_reasons),
    P(FIELD_OPTIONAL, snapshot_name),
    P(FIELD_OPTIONAL, snapshot_description),
    P(FIELD_STRINGS, snapshot_disks),
    P(FIELD_STRINGS, frozen_paths),
    P(FIELD_STRINGS, overlay_paths),
    P(FIELD_OPTIONAL, incident),
    P(FIELD_OPTIONAL, remedy),
    P(FIELD_OPTIONAL, policy),
    P(FIELD_OPTIONAL, reason),
    P(FIELD_AMOUNT, min_free_bytes),
    P(FIELD_AMOUNT, delay_usec),
    P(FIELD_FLAG, repairs),
    P(FIELD_FLAG, stops),
    P(FIELD_FLAG, starts),
    P(FIELD_UINT64, bytes_to_copy),
    P(FIELD_UINT64, space_before_bytes),
    P(FIELD_UINT64, space_after_bytes),
    P(FIELD_UINT64, peak_extra_bytes),
    P(FIELD_UINT64, fs_device),
};
#undef P

static void
add_strings(JsonBuilder *builder, char **strings)
{
    json_builder_begin_array(builder);
    for (; *strings; strings++)
        json_builder_add_string_value(builder, *strings);
    json_builder_end_array(builder);
}

static void
add_warnings(JsonBuilder *builder, const GPtrArray *warnings)
{
    json_builder_begin_array(builder);
    for (guint i = 0; i < warnings->len; i++)
        json_builder_add_string_value(builder, warnings->pdata[i]);
    json_builder_end_array(builder);
}

static void
add_reports(JsonBuilder *builder, const GPtrArray *reports)
{
    json_builder_begin_array(builder);
    for (guint i = 0; i < reports->len; i++)
        sinter_image_report_to_json(reports->pdata[i], builder);
    json_builder_end_array(builder);
}

/* Returns whether a field may be absent. */
static gboolean
is_optional(const Field *field)
{
    return field->kind == FIELD_OPTIONAL || field->kind == FIELD_STRINGS ||
           field->kind == FIELD_REPORTS || field->kind == FIELD_FLAG || field->kind == FIELD_AMOUNT;
}

static gboolean
is_empty(const Field *field, const void *at)
{
    if (field->kind == FIELD_AMOUNT)
        return *(const guint64 *)at == 0;
    return field->kind == FIELD_FLAG ? !*(const gboolean *)at : *(const void *const *)at == NULL;
}

static void
add_field(JsonBuilder *builder, const Field *field, const void *object)
{
    const void *at = (const char *)object + field->offset;
    char number[32];

    if (is_optional(field) && is_empty(field, at))
        return;
    json_builder_set_member_name(builder, field->name);
    switch (field->kind) {
    case FIELD_STRING:
    case FIELD_OPTIONAL:
        json_builder_add_string_value(builder, *(char *const *)at);
        break;
    case FIELD_STRINGS:
        add_strings(builder, *(char **const *)at);
        break;
    case FIELD_WARNINGS:
        add_warnings(builder, *(GPtrArray *const *)at);
        break;
    case FIELD_REPORTS:
        add_reports(builder, *(GPtrArray *const *)at);
        break;
    case FIELD_BOOLEAN:
    case FIELD_FLAG:
        json_builder_add_boolean_value(builder, *(const gboolean *)at);
        break;
    case FIELD_UINT:
        json_builder_add_int_value(builder, *(const guint *)at);
        break;
    case FIELD_UINT64:
    case FIELD_AMOUNT:
        g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, *(const guint64 *)at);
        json_builder_add_string_value(builder, number);
        break;
    case FIELD_TIME:
        json_builder_add_int_value(builder, *(const gint64 *)at);
        break;
    case FIELD_PHASE:
        json_builder_add_string_value(builder, sinter_phase_name(*(const SinterPhase *)at));
        break;
    case FIELD_OPERATION:
        json_builder_add_string_value(builder, sinter_operation_name(*(const SinterOperation *)at));
        break;
    case FIELD_ERROR:
        json_builder_add_string_value(builder, sinter_error_name((int)*(const SinterError *)at));
        break;
    }
}

char *
sinter_job_record_to_json(const SinterJobRecord *record)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "version");
    json_builder_add_int_value(builder, RECORD_VERSION);
    for (gsize i = 0; i < G_N_ELEMENTS(record_fields); i++)
        add_field(builder, &record_fields[i], record);
    json_builder_set_member_name(builder, "plan");
    json_builder_begin_object(builder);
    for (gsize i = 0; i < G_N_ELEMENTS(plan_fields); i++)
        add_field(builder, &plan_fields[i], record->plan);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
    return sinter_record_json_finish(builder);
}

/* (transfer full): the strings of an array; NULL if it is not an array of strings */
static GPtrArray *
read_strings(JsonNode *node)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    JsonArray *array;

    if (!node || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);

        if (!sinter_record_json_is(element, G_TYPE_STRING))
            return NULL;
        g_ptr_array_add(strings, json_node_dup_string(element));
    }
    return g_steal_pointer(&strings);
}

/* (transfer full) (nullable): the reports of an array */
static GPtrArray *
read_reports(JsonNode *node)
{
    g_autoptr(GPtrArray) reports = sinter_image_reports_new();
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    if (!array)
        return NULL;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        SinterImageReport *report = sinter_image_report_from_json(json_array_get_element(array, i));

        if (!report)
            return NULL;
        g_ptr_array_add(reports, report);
    }
    return g_steal_pointer(&reports);
}

static gboolean
read_string_field(JsonNode *node, const Field *field, void *at)
{
    const char *text;

    if (!sinter_record_json_is(node, G_TYPE_STRING))
        return FALSE;
    text = json_node_get_string(node);
    switch (field->kind) {
    case FIELD_STRING:
    case FIELD_OPTIONAL:
        *(char **)at = g_strdup(text);
        return TRUE;
    case FIELD_UINT64:
    case FIELD_AMOUNT:
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, at, NULL);
    case FIELD_PHASE:
        return sinter_phase_from_name(text, at);
    case FIELD_OPERATION:
        return sinter_operation_from_name(text, at);
    default:
        *(SinterError *)at = sinter_error_from_name(text);
        return TRUE;
    }
}

static gboolean
read_integer_field(JsonNode *node, const Field *field, void *at)
{
    gint64 value;

    if (!sinter_record_json_is(node, G_TYPE_INT64))
        return FALSE;
    value = json_node_get_int(node);
    if (field->kind == FIELD_TIME) {
        *(gint64 *)at = value;
        return TRUE;
    }
    if (value < 0 || value > G_MAXUINT)
        return FALSE;
    *(guint *)at = (guint)value;
    return TRUE;
}

static gboolean
read_field(JsonObject *json, const Field *field, void *object)
{
    JsonNode *node = json_object_get_member(json, field->name);
    void *at = (char *)object + field->offset;
    g_autoptr(GPtrArray) strings = NULL;

    if (!node && is_optional(field))
        return TRUE;
    switch (field->kind) {
    case FIELD_STRINGS:
        strings = read_strings(node);
        if (!strings)
            return FALSE;
        g_ptr_array_add(strings, NULL);
        g_strfreev(*(char ***)at);
        *(char ***)at = (char **)g_ptr_array_steal(strings, NULL);
        return TRUE;
    case FIELD_WARNINGS:
        strings = read_strings(node);
        if (!strings)
            return FALSE;
        g_ptr_array_unref(*(GPtrArray **)at);
        *(GPtrArray **)at = g_steal_pointer(&strings);
        return TRUE;
    case FIELD_REPORTS:
        *(GPtrArray **)at = read_reports(node);
        return *(GPtrArray **)at != NULL;
    case FIELD_BOOLEAN:
    case FIELD_FLAG:
        if (!sinter_record_json_is(node, G_TYPE_BOOLEAN))
            return FALSE;
        *(gboolean *)at = json_node_get_boolean(node);
        return TRUE;
    case FIELD_UINT:
    case FIELD_TIME:
        return read_integer_field(node, field, at);
    default:
        return read_string_field(node, field, at);
    }
}

static gboolean
read_fields(JsonObject *json, const Field *fields, gsize n_fields, void *object, GError **error)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (!read_field(json, &fields[i], object)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                        "the job record's member '%s' is missing or not of its type",
                        fields[i].name);
            return FALSE;
        }
    }
    return TRUE;
}

/* (transfer none) (nullable) */
static JsonObject *
member_object(JsonObject *json, const char *name)
{
    JsonNode *node = json_object_get_member(json, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

SinterJobRecord *
sinter_job_record_from_json(const char *json, gssize len, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(SinterJobRecord) record = sinter_job_record_new();
    g_autoptr(GError) cause = NULL;
    JsonNode *root;
    JsonObject *object;
    JsonObject *plan;

    if (!json_parser_load_from_data(parser, json, len, &cause)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the job record is truncated or not JSON: %s", cause->message);
        return NULL;
    }
    root = json_parser_get_root(parser);
    object = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    if (!object ||
        !sinter_record_json_is(json_object_get_member(object, "version"), G_TYPE_INT64) ||
        json_object_get_int_member(object, "version") != RECORD_VERSION) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the job record is not of version %d", RECORD_VERSION);
        return NULL;
    }
    if (!read_fields(object, record_fields, G_N_ELEMENTS(record_fields), record, error))
        return NULL;
    plan = member_object(object, "plan");
    record->plan = sinter_disk_plan_new(NULL);
    if (!plan) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                            "the job record has no plan");
        return NULL;
    }
    if (!read_fields(plan, plan_fields, G_N_ELEMENTS(plan_fields), record->plan, error))
        return NULL;
    return g_steal_pointer(&record);
}
