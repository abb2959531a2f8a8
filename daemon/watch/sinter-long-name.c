/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QEMU's long forms of a backing file name. Invariant: a name counts as one of the network only if
 * its protocol is in the table below; every other name that has no path is unknown.
 *
 * Source: qemu(1), "Device URL Syntax", and the block drivers of qapi/block-core.json.
 */

#include "sinter-long-name.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Drivers are nested: a format over a protocol, filters between them. */
#define MAX_NESTING 4

static const char *const network_protocols[] = { "ftp",      "ftps", "gluster", "http", "https",
                                                 "iscsi",    "iser", "nbd",     "nfs",  "rbd",
                                                 "sheepdog", "ssh",  "vxhs",    NULL };

/* @name: may have a transport: "nbd+unix" */
static gboolean
is_network_protocol(const char *name)
{
    g_autofree char *plain = g_strndup(name, strcspn(name, "+"));

    return g_strv_contains(network_protocols, plain);
}

/* What was found in an object and those inside it. */
typedef struct {
    const char *path;
    gboolean network;
} Finding;

static void
read_level(JsonObject *object, Finding *finding)
{
    static const char *const paths[] = { "filename", "file.filename", "file.file.filename" };
    static const char *const drivers[] = { "driver", "file.driver", "file.file.driver" };

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (!finding->path)
            finding->path = json_object_get_string_member_with_default(object, paths[i], NULL);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(drivers); i++) {
        const char *driver = json_object_get_string_member_with_default(object, drivers[i], "");

        finding->network = finding->network || is_network_protocol(driver);
    }
}

static Finding
read_json(JsonNode *root)
{
    JsonObject *object = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    Finding finding = { 0 };

    for (int level = 0; object && level < MAX_NESTING; level++) {
        JsonNode *file = json_object_get_member(object, "file");

        read_level(object, &finding);
        object = file && JSON_NODE_HOLDS_OBJECT(file) ? json_node_get_object(file) : NULL;
    }
    return finding;
}

static SinterLongName
give_path(const char *path, char **ret_path)
{
    if (!path || !g_path_is_absolute(path))
        return SINTER_LONG_NAME_UNKNOWN;
    *ret_path = g_strdup(path);
    return SINTER_LONG_NAME_PATH;
}

static SinterLongName
parse_json(const char *text, char **ret_path)
{
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    Finding finding = read_json(root);

    /* a "filename" of the http drivers' old form is an address */
    return finding.network ? SINTER_LONG_NAME_NETWORK : give_path(finding.path, ret_path);
}

SinterLongName
sinter_long_name_parse(const char *name, char **ret_path)
{
    const char *colon = strchr(name, ':');
    g_autofree char *protocol = colon ? g_strndup(name, (gsize)(colon - name)) : NULL;

    *ret_path = NULL;
    if (!protocol)
        return SINTER_LONG_NAME_UNKNOWN;
    if (strcmp(protocol, "json") == 0)
        return parse_json(colon + 1, ret_path);
    if (strcmp(protocol, "file") == 0 || strcmp(protocol, "host_device") == 0)
        return give_path(colon + 1, ret_path);
    return is_network_protocol(protocol) ? SINTER_LONG_NAME_NETWORK : SINTER_LONG_NAME_UNKNOWN;
}
