/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QEMU's own events, with information that libvirt's events lack: why a block job failed, and that
 * an image is corrupt. Source: QEMU's qapi/block-core.json, BLOCK_JOB_COMPLETED, BLOCK_JOB_ERROR,
 * BLOCK_IMAGE_CORRUPTED. The text comes from another process and is not trusted.
 */

#include "sinter-event-qmp.h"

#include <json-glib/json-glib.h>
#include <string.h>

static const char *
get_text(JsonObject *object, const char *member)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

static SinterEvent *
new_job_completed(JsonObject *data)
{
    const char *reason = get_text(data, "error");
    SinterEvent *event;

    if (!reason)
        return NULL; /* it succeeded */
    event = sinter_event_new(SINTER_EVENT_QMP_JOB_ERROR);
    event->device = g_strdup(get_text(data, "device"));
    event->text = g_strdup(reason);
    return event;
}

static SinterEvent *
new_job_error(JsonObject *data)
{
    const char *operation = get_text(data, "operation");
    const char *action = get_text(data, "action");
    SinterEvent *event = sinter_event_new(SINTER_EVENT_QMP_JOB_ERROR);

    event->device = g_strdup(get_text(data, "device"));
    event->text = g_strdup_printf("I/O error on %s, action %s", operation ? operation : "access",
                                  action ? action : "unknown");
    return event;
}

static SinterEvent *
new_corrupted(JsonObject *data)
{
    const char *device = get_text(data, "device"); /* "" if the node has a name */
    const char *message = get_text(data, "msg");
    SinterEvent *event = sinter_event_new(SINTER_EVENT_QMP_CORRUPTED);

    event->device = device && *device ? g_strdup(device) : NULL;
    event->node = g_strdup(get_text(data, "node-name"));
    event->text = g_strdup(message ? message : "the image is corrupt");
    return event;
}

SinterEvent *
sinter_event_new_from_qmp(const char *name, const char *details)
{
    static const struct {
        const char *name;
        SinterEvent *(*make)(JsonObject *data);
    } makers[] = {
        { "BLOCK_JOB_COMPLETED", new_job_completed },
        { "BLOCK_JOB_ERROR", new_job_error },
        { "BLOCK_IMAGE_CORRUPTED", new_corrupted },
    };
    g_autoptr(JsonNode) root = details ? json_from_string(details, NULL) : NULL;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(makers); i++) {
        if (strcmp(name, makers[i].name) == 0)
            return makers[i].make(json_node_get_object(root));
    }
    return NULL;
}
