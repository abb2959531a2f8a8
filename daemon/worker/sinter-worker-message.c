/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The messages and their JSON. Each member is listed once, in the table of its kind, which both
 * directions use. Byte counts are decimal strings because JSON integers have 63 bits.
 */

#include "sinter-worker-message.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* The limit on the depth of a chain (sinter/chain.h); file descriptors are small numbers. */
#define MAX_FILES 200
#define MAX_FD 4096

/* The highest user or group ID: the next one means "none". */
#define MAX_ID (G_MAXUINT32 - 1)

typedef enum {
    MEMBER_BYTES, /* guint64 */
    MEMBER_CODE,  /* SinterError */
    MEMBER_TEXT,  /* char * */
} MemberKind;

typedef struct {
    const char *name;
    MemberKind kind;
    gsize offset;
} Member;

#define M(kind, member)                                                                            \
    {                                                                                              \
#member, kind, G_STRUCT_OFFSET(SinterWorkerMessage, member)                                \
    }

static const struct {
    const char *name;
    Member members[3];
} kinds[] = {
    [SINTER_WORKER_REQUEST] = { "request" },
    [SINTER_WORKER_BANDWIDTH] = { "bandwidth", { M(MEMBER_BYTES, bytes_per_sec) } },
    [SINTER_WORKER_CANCEL] = { "cancel" },
    [SINTER_WORKER_PROGRESS] = { "progress",
                                 { M(MEMBER_BYTES, done_bytes), M(MEMBER_BYTES, total_bytes) } },
    [SINTER_WORKER_REPORT] = { "report" },
    [SINTER_WORKER_DONE] = { "done" },
    [SINTER_WORKER_ERROR] = { "error", { M(MEMBER_CODE, code), M(MEMBER_TEXT, text) } },
};

static const char *const directions[] = {
    [SINTER_WORKER_DOWN] = "down", [SINTER_WORKER_UP] = "up"
};

static const char *const actions[] = {
    [SINTER_WORKER_MERGE] = "merge",           [SINTER_WORKER_CHECK] = "check",
    [SINTER_WORKER_COMPARE] = "compare",       [SINTER_WORKER_REPAIR_LEAKS] = "repair-leaks",
    [SINTER_WORKER_REPAIR_ALL] = "repair-all",
};

static void
file_free(gpointer data)
{
    SinterWorkerFile *file = data;

    g_free(file->path);
    g_free(file->format);
    g_free(file);
}

SinterWorkerRequest *
sinter_worker_request_new(void)
{
    SinterWorkerRequest *request = g_new0(SinterWorkerRequest, 1);

    request->files = g_ptr_array_new_with_free_func(file_free);
    return request;
}

void
sinter_worker_request_free(SinterWorkerRequest *request)
{
    if (!request)
        return;
    g_ptr_array_unref(request->files);
    g_free(request);
}

SinterWorkerFile *
sinter_worker_request_add_file(SinterWorkerRequest *request, const char *path, const char *format,
                               guint fd, guint direct_fd)
{
    SinterWorkerFile *file = g_new0(SinterWorkerFile, 1);

    file->path = g_strdup(path);
    file->format = g_strdup(format);
    file->fd = fd;
    file->direct_fd = direct_fd;
    g_ptr_array_add(request->files, file);
    return file;
}

void
sinter_worker_message_free(SinterWorkerMessage *message)
{
    if (!message)
        return;
    sinter_worker_request_free(message->request);
    sinter_image_report_free(message->report);
    g_free(message->text);
    g_free(message);
}

/* --- to JSON -------------------------------------------------------------------------------- */

static void
add_bytes(JsonBuilder *builder, const char *name, guint64 bytes)
{
    char number[32];

    g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, bytes);
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, number);
}

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, valid);
}

static void
add_uint(JsonBuilder *builder, const char *name, guint value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

/* A path may hold any byte: bytes that are not UTF-8 are escaped as in a URI. */
static void
add_file(JsonBuilder *builder, const SinterWorkerFile *file)
{
    g_autofree char *path = g_uri_escape_string(file->path, "/", FALSE);

    json_builder_begin_object(builder);
    add_string(builder, "path", path);
    add_string(builder, "format", file->format);
    add_uint(builder, "fd", file->fd);
    add_uint(builder, "direct-fd", file->direct_fd);
    if (file->undo_fd != 0)
        add_uint(builder, "undo-fd", file->undo_fd);
    json_builder_end_object(builder);
}

static void
add_merge(JsonBuilder *builder, const SinterWorkerRequest *request)
{
    add_uint(builder, "first", request->first);
    add_uint(builder, "last", request->last);
    add_string(builder, "direction", directions[request->direction]);
}

static void
add_request(JsonBuilder *builder, const SinterWorkerRequest *request)
{
    add_string(builder, "action", actions[request->action]);
    json_builder_set_member_name(builder, "files");
    json_builder_begin_array(builder);
    for (guint i = 0; i < request->files->len; i++)
        add_file(builder, g_ptr_array_index(request->files, i));
    json_builder_end_array(builder);
    if (request->action == SINTER_WORKER_MERGE)
        add_merge(builder, request);
    if (request->action == SINTER_WORKER_COMPARE)
        add_uint(builder, "last", request->last);
    add_bytes(builder, "bandwidth", request->bandwidth_bytes_per_sec);
    add_uint(builder, "uid", request->uid);
    add_uint(builder, "gid", request->gid);
}

static void
add_report(JsonBuilder *builder, const SinterWorkerMessage *message)
{
    add_uint(builder, "place", message->place);
    json_builder_set_member_name(builder, "report");
    sinter_image_report_to_json(message->report, builder);
}

static void
add_member(JsonBuilder *builder, const Member *member, const SinterWorkerMessage *message)
{
    const void *at = (const char *)message + member->offset;

    if (member->kind == MEMBER_BYTES)
        add_bytes(builder, member->name, *(const guint64 *)at);
    else if (member->kind == MEMBER_CODE)
        add_string(builder, member->name, sinter_error_name((int)*(const SinterError *)at));
    else
        add_string(builder, member->name, *(char *const *)at);
}

char *
sinter_worker_message_to_json(const SinterWorkerMessage *message)
{
    const Member *members = kinds[message->kind].members;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    add_string(builder, "kind", kinds[message->kind].name);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds[0].members) && members[i].name; i++)
        add_member(builder, &members[i], message);
    if (message->kind == SINTER_WORKER_REQUEST)
        add_request(builder, message->request);
    if (message->kind == SINTER_WORKER_REPORT)
        add_report(builder, message);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    json_generator_set_root(generator, root);
    return json_generator_to_data(generator, NULL);
}

/* --- from JSON ------------------------------------------------------------------------------ */

static JsonNode *
get_value(JsonObject *object, const char *name, GType type)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node
                                                                                         : NULL;
}

/* (nullable) */
static const char *
get_string(JsonObject *object, const char *name)
{
    JsonNode *node = get_value(object, name, G_TYPE_STRING);

    return node ? json_node_get_string(node) : NULL;
}

static gboolean
get_bytes(JsonObject *object, const char *name, guint64 *ret)
{
    const char *text = get_string(object, name);

    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, ret, NULL);
}

static gboolean
get_uint(JsonObject *object, const char *name, guint max, guint *ret)
{
    JsonNode *node = get_value(object, name, G_TYPE_INT64);
    gint64 value = node ? json_node_get_int(node) : -1;

    if (value < 0 || value > max)
        return FALSE;
    *ret = (guint)value;
    return TRUE;
}

/* A descriptor that need not be there: absent, or 0. */
static gboolean
get_other_fd(JsonObject *object, const char *name, guint *ret)
{
    *ret = 0;
    return !json_object_has_member(object, name) ||
           (get_uint(object, name, MAX_FD, ret) && (*ret == 0 || *ret > SINTER_WORKER_SOCKET_FD));
}

static gboolean
read_file(JsonNode *node, SinterWorkerRequest *request)
{
    JsonObject *object = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *escaped = object ? get_string(object, "path") : NULL;
    const char *format = object ? get_string(object, "format") : NULL;
    g_autofree char *path = escaped ? g_uri_unescape_string(escaped, NULL) : NULL;
    guint fd;
    guint direct_fd;
    guint undo_fd;

    if (!path || path[0] != '/' || !format || !get_uint(object, "fd", MAX_FD, &fd) ||
        fd <= SINTER_WORKER_SOCKET_FD || !get_uint(object, "direct-fd", MAX_FD, &direct_fd) ||
        (direct_fd != 0 && direct_fd <= SINTER_WORKER_SOCKET_FD) ||
        !get_other_fd(object, "undo-fd", &undo_fd))
        return FALSE;
    sinter_worker_request_add_file(request, path, format, fd, direct_fd)->undo_fd = undo_fd;
    return TRUE;
}

static gboolean
read_files(JsonObject *object, SinterWorkerRequest *request)
{
    JsonNode *node = json_object_get_member(object, "files");
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint n_files = array ? json_array_get_length(array) : 0;

    if (n_files > MAX_FILES)
        return FALSE;
    for (guint i = 0; i < n_files; i++) {
        if (!read_file(json_array_get_element(array, i), request))
            return FALSE;
    }
    return n_files > 0;
}

/* The index in @words of the word that a member has. */
static gboolean
get_word(JsonObject *object, const char *name, const char *const *words, gsize n_words, guint *ret)
{
    const char *word = get_string(object, name);

    for (gsize i = 0; i < n_words; i++) {
        if (g_strcmp0(word, words[i]) == 0) {
            *ret = (guint)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
read_merge(JsonObject *object, SinterWorkerRequest *request)
{
    guint direction;

    if (!get_uint(object, "last", request->files->len - 1, &request->last) ||
        !get_uint(object, "first", request->last, &request->first) ||
        request->first >= request->last ||
        !get_word(object, "direction", directions, G_N_ELEMENTS(directions), &direction))
        return FALSE;
    request->direction = (SinterWorkerDirection)direction;
    return TRUE;
}

static gboolean
read_comparison(JsonObject *object, SinterWorkerRequest *request)
{
    return get_uint(object, "last", request->files->len - 1, &request->last) && request->last > 0;
}

static gboolean
have_undo_files(const SinterWorkerRequest *request)
{
    for (guint i = 0; i < request->files->len; i++) {
        if (((const SinterWorkerFile *)g_ptr_array_index(request->files, i))->undo_fd == 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_action(JsonObject *object, SinterWorkerRequest *request)
{
    guint action;

    if (!get_word(object, "action", actions, G_N_ELEMENTS(actions), &action))
        return FALSE;
    request->action = (SinterWorkerAction)action;
    if (request->action >= SINTER_WORKER_REPAIR_LEAKS && !have_undo_files(request))
        return FALSE;
    if (request->action == SINTER_WORKER_COMPARE)
        return read_comparison(object, request);
    return request->action != SINTER_WORKER_MERGE || read_merge(object, request);
}

static gboolean
read_request(JsonObject *object, SinterWorkerMessage *message)
{
    SinterWorkerRequest *request = message->request = sinter_worker_request_new();

    return read_files(object, request) && read_action(object, request) &&
           get_bytes(object, "bandwidth", &request->bandwidth_bytes_per_sec) &&
           get_uint(object, "uid", MAX_ID, &request->uid) &&
           get_uint(object, "gid", MAX_ID, &request->gid);
}

static gboolean
read_report(JsonObject *object, SinterWorkerMessage *message)
{
    message->report = sinter_image_report_from_json(json_object_get_member(object, "report"));
    return message->report && get_uint(object, "place", MAX_FILES - 1, &message->place);
}

static gboolean
read_member(JsonObject *object, const Member *member, SinterWorkerMessage *message)
{
    void *at = (char *)message + member->offset;
    const char *text;

    if (member->kind == MEMBER_BYTES)
        return get_bytes(object, member->name, at);
    text = get_string(object, member->name);
    if (!text)
        return FALSE;
    if (member->kind == MEMBER_CODE)
        *(SinterError *)at = sinter_error_from_name(text);
    else
        *(char **)at = g_strdup(text);
    return TRUE;
}

static gboolean
read_kind(JsonObject *object, SinterWorkerMessageKind *ret)
{
    const char *name = get_string(object, "kind");

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(name, kinds[i].name) == 0) {
            *ret = (SinterWorkerMessageKind)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
read_message(JsonObject *object, SinterWorkerMessage *message)
{
    const Member *members;

    if (!read_kind(object, &message->kind))
        return FALSE;
    members = kinds[message->kind].members;
    for (gsize i = 0; i < G_N_ELEMENTS(kinds[0].members) && members[i].name; i++) {
        if (!read_member(object, &members[i], message))
            return FALSE;
    }
    if (message->kind == SINTER_WORKER_REPORT)
        return read_report(object, message);
    return message->kind != SINTER_WORKER_REQUEST || read_request(object, message);
}

SinterWorkerMessage *
sinter_worker_message_from_json(const char *json, gsize len, GError **error)
{
    g_autoptr(SinterWorkerMessage) message = g_new0(SinterWorkerMessage, 1);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root = NULL;

    if (len <= G_MAXSSIZE && json_parser_load_from_data(parser, json, (gssize)len, NULL))
        root = json_parser_get_root(parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root) && read_message(json_node_get_object(root), message))
        return g_steal_pointer(&message);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                        "invalid message on the worker's socket");
    return NULL;
}
