/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reports and their JSON. Each member is listed once, in one of two tables, which both directions
 * use. Invariant: a report that was read holds no more findings than the limit, no text that is
 * longer than the limit, and only names and classes of the form that the engine uses; it may come
 * from a worker that an image has made run foreign code.
 */

#include "sinter-image-report.h"

#include <string.h>

#define MAX_TEXT_BYTES 1024
#define MAX_NAME_BYTES 64

static const char *const states[] = {
    [SINTER_IMAGE_CHECKED] = "checked",
    [SINTER_IMAGE_SKIPPED] = "skipped",
    [SINTER_IMAGE_FAILED] = "failed",
};

static const char *const classes[] = { "corruption", "leak", "error", "note", NULL };

const char *
sinter_image_state_name(SinterImageState state)
{
    return states[state];
}

static void
finding_free(gpointer data)
{
    SinterImageFinding *finding = data;

    g_free(finding->code);
    g_free(finding->klass);
    g_free(finding->text);
    g_free(finding);
}

static gpointer
finding_copy(gconstpointer data, gpointer user_data)
{
    SinterImageFinding *copy = g_memdup2(data, sizeof *copy);

    copy->code = g_strdup(copy->code);
    copy->klass = g_strdup(copy->klass);
    copy->text = g_strdup(copy->text);
    return copy;
}

SinterImageReport *
sinter_image_report_new(SinterImageState state, const char *text)
{
    SinterImageReport *report = g_new0(SinterImageReport, 1);

    report->state = state;
    report->text = g_strdup(text);
    report->findings = g_ptr_array_new_with_free_func(finding_free);
    return report;
}

SinterImageReport *
sinter_image_report_copy(const SinterImageReport *report)
{
    SinterImageReport *copy = g_memdup2(report, sizeof *copy);

    copy->path = g_strdup(report->path);
    copy->text = g_strdup(report->text);
    copy->findings = g_ptr_array_copy(report->findings, finding_copy, NULL);
    g_ptr_array_set_free_func(copy->findings, finding_free);
    return copy;
}

void
sinter_image_report_free(SinterImageReport *report)
{
    if (!report)
        return;
    g_free(report->path);
    g_free(report->text);
    g_ptr_array_unref(report->findings);
    g_free(report);
}

GPtrArray *
sinter_image_reports_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)sinter_image_report_free);
}

SinterImageFinding *
sinter_image_report_add(SinterImageReport *report)
{
    SinterImageFinding *finding;

    if (report->findings->len >= SINTER_IMAGE_REPORT_MAX_FINDINGS)
        return NULL;
    finding = g_new0(SinterImageFinding, 1);
    finding->guest_offset = finding->host_offset = SINTER_IMAGE_REPORT_NO_OFFSET;
    finding->times = 1;
    g_ptr_array_add(report->findings, finding);
    return finding;
}

/* --- the members ------------------------------------------------------------------------------ */

typedef enum {
    MEMBER_NUMBER, /* guint64, as a decimal string: JSON integers have 63 bits */
    MEMBER_COUNT,  /* likewise, absent for 0 */
    MEMBER_FLAG,   /* gboolean */
    MEMBER_TEXT,   /* char *, absent for NULL */
    MEMBER_PATH,   /* char *, absent for NULL: bytes that are not UTF-8 are escaped as in a URI */
    MEMBER_NAME,   /* char *: letters, digits and '-' */
    MEMBER_CLASS,  /* char *: one of classes */
    MEMBER_STATE,  /* SinterImageState */
} MemberKind;

typedef struct {
    const char *name;
    MemberKind kind;
    gsize offset;
} Member;

#define R(name, kind, member)                                                                      \
    {                                                                                              \
        name, kind, G_STRUCT_OFFSET(SinterImageReport, member)                                     \
    }
static const Member report_members[] = {
    R("path", MEMBER_PATH, path),
    R("text", MEMBER_TEXT, text),
    R("state", MEMBER_STATE, state),
    R("complete", MEMBER_FLAG, complete),
    R("leaks-are-safe", MEMBER_FLAG, leaks_are_safe),
    R("corruptions", MEMBER_NUMBER, corruptions),
    R("leaks", MEMBER_NUMBER, leaks),
    R("errors", MEMBER_NUMBER, errors),
    R("notes", MEMBER_NUMBER, notes),
    R("repaired", MEMBER_COUNT, repaired),
    R("left", MEMBER_COUNT, left),
};
#undef R

#define F(name, kind, member)                                                                      \
    {                                                                                              \
        name, kind, G_STRUCT_OFFSET(SinterImageFinding, member)                                    \
    }
static const Member finding_members[] = {
    F("code", MEMBER_NAME, code),
    F("class", MEMBER_CLASS, klass),
    F("text", MEMBER_TEXT, text),
    F("guest-offset", MEMBER_NUMBER, guest_offset),
    F("host-offset", MEMBER_NUMBER, host_offset),
    F("length", MEMBER_COUNT, length),
    F("times", MEMBER_NUMBER, times),
};
#undef F

/* --- to JSON ---------------------------------------------------------------------------------- */

/* (transfer full): @value as one line of UTF-8 that is not too long */
static char *
make_line(const char *value)
{
    char *text = g_utf8_make_valid(value, -1);

    for (char *at = text; *at; at++) {
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    }
    if (strlen(text) > MAX_TEXT_BYTES)
        *g_utf8_find_prev_char(text, text + MAX_TEXT_BYTES) = '\0';
    return text;
}

static void
add_text(JsonBuilder *builder, MemberKind kind, const char *value)
{
    g_autofree char *text =
        kind == MEMBER_PATH ? g_uri_escape_string(value, "/", FALSE) : make_line(value);

    json_builder_add_string_value(builder, text);
}

static void
add_member(JsonBuilder *builder, const Member *member, const void *object)
{
    const void *at = (const char *)object + member->offset;
    char number[32];

    if (member->kind >= MEMBER_TEXT && member->kind <= MEMBER_CLASS && !*(char *const *)at)
        return;
    if (member->kind == MEMBER_COUNT && *(const guint64 *)at == 0)
        return;
    json_builder_set_member_name(builder, member->name);
    switch (member->kind) {
    case MEMBER_NUMBER:
    case MEMBER_COUNT:
        g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, *(const guint64 *)at);
        json_builder_add_string_value(builder, number);
        break;
    case MEMBER_FLAG:
        json_builder_add_boolean_value(builder, *(const gboolean *)at);
        break;
    case MEMBER_STATE:
        json_builder_add_string_value(builder, states[*(const SinterImageState *)at]);
        break;
    default:
        add_text(builder, member->kind, *(char *const *)at);
        break;
    }
}

void
sinter_image_report_to_json(const SinterImageReport *report, JsonBuilder *builder)
{
    json_builder_begin_object(builder);
    for (gsize i = 0; i < G_N_ELEMENTS(report_members); i++)
        add_member(builder, &report_members[i], report);
    json_builder_set_member_name(builder, "findings");
    json_builder_begin_array(builder);
    for (guint i = 0; i < report->findings->len; i++) {
        json_builder_begin_object(builder);
        for (gsize j = 0; j < G_N_ELEMENTS(finding_members); j++)
            add_member(builder, &finding_members[j], g_ptr_array_index(report->findings, i));
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

/* --- from JSON -------------------------------------------------------------------------------- */

static gboolean
read_state(const char *text, SinterImageState *ret)
{
    for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
        if (strcmp(states[i], text) == 0) {
            *ret = (SinterImageState)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
is_line(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (g_ascii_iscntrl(*at))
            return FALSE;
    }
    return strlen(text) <= MAX_TEXT_BYTES;
}

static gboolean
is_name(const char *text)
{
    gsize len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= MAX_NAME_BYTES && text[len] == '\0';
}

/* (transfer full) (nullable) */
static char *
read_path(const char *text)
{
    g_autofree char *path = g_uri_unescape_string(text, NULL);

    return path && path[0] == '/' ? g_steal_pointer(&path) : NULL;
}

static gboolean
read_string(const Member *member, const char *text, void *at)
{
    switch (member->kind) {
    case MEMBER_NUMBER:
    case MEMBER_COUNT:
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, at, NULL);
    case MEMBER_STATE:
        return read_state(text, at);
    case MEMBER_PATH:
        *(char **)at = read_path(text);
        break;
    case MEMBER_NAME:
        *(char **)at = is_name(text) ? g_strdup(text) : NULL;
        break;
    case MEMBER_CLASS:
        *(char **)at = g_strv_contains(classes, text) ? g_strdup(text) : NULL;
        break;
    default:
        *(char **)at = is_line(text) ? g_strdup(text) : NULL;
        break;
    }
    return *(char **)at != NULL;
}

static gboolean
read_member(JsonObject *object, const Member *member, void *into)
{
    JsonNode *node = json_object_get_member(object, member->name);
    void *at = (char *)into + member->offset;

    if (!node && (member->kind == MEMBER_TEXT || member->kind == MEMBER_PATH ||
                  member->kind == MEMBER_COUNT))
        return TRUE;
    if (!node || !JSON_NODE_HOLDS_VALUE(node))
        return FALSE;
    if (member->kind == MEMBER_FLAG) {
        *(gboolean *)at = json_node_get_boolean(node);
        return json_node_get_value_type(node) == G_TYPE_BOOLEAN;
    }
    return json_node_get_value_type(node) == G_TYPE_STRING &&
           read_string(member, json_node_get_string(node), at);
}

static gboolean
read_members(JsonNode *node, const Member *members, gsize n, void *into)
{
    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return FALSE;
    for (gsize i = 0; i < n; i++) {
        if (!read_member(json_node_get_object(node), &members[i], into))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_findings(JsonObject *object, SinterImageReport *report)
{
    JsonNode *node = json_object_get_member(object, "findings");
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    if (!array)
        return FALSE;
    for (guint i = 0; i < json_array_get_length(array); i++) {
        SinterImageFinding *finding = sinter_image_report_add(report);

        if (!finding ||
            !read_members(json_array_get_element(array, i), finding_members,
                          G_N_ELEMENTS(finding_members), finding) ||
            !finding->text || finding->times == 0)
            return FALSE;
    }
    return TRUE;
}

SinterImageReport *
sinter_image_report_from_json(JsonNode *node)
{
    g_autoptr(SinterImageReport) report = sinter_image_report_new(SINTER_IMAGE_FAILED, NULL);

    if (!read_members(node, report_members, G_N_ELEMENTS(report_members), report) ||
        !read_findings(json_node_get_object(node), report))
        return NULL;
    return g_steal_pointer(&report);
}
