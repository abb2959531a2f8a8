/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The location of one image as libvirt writes it. The format is the same in <disk>, <backingStore>,
 * <mirror> and the <disk> of a snapshot. Types that Sinter cannot work on still get a description
 * for display.
 */

#include "sinter-source-xml.h"
#include "sinter-source-node.h"
#include "sinter-xml.h"

static const char *const type_names[] = {
    [SINTER_XML_SOURCE_FILE] = "file",
    [SINTER_XML_SOURCE_BLOCK] = "block",
    [SINTER_XML_SOURCE_NETWORK] = "network",
    [SINTER_XML_SOURCE_VOLUME] = "volume",
};

static SinterXmlSourceType
type_from_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (type_names[i] && g_strcmp0(name, type_names[i]) == 0)
            return (SinterXmlSourceType)i;
    }
    return name ? SINTER_XML_SOURCE_OTHER : SINTER_XML_SOURCE_FILE;
}

/* Returns "//host:port/" of the first host, or a replacement if there is none. */
static char *
describe_host(const xmlNode *source)
{
    const xmlNode *host = sinter_xml_child(source, "host");
    g_autofree char *name = sinter_xml_attribute(host, "name");
    g_autofree char *port = sinter_xml_attribute(host, "port");
    g_autofree char *socket = sinter_xml_attribute(host, "socket");

    if (socket)
        return g_strdup_printf("//unix=%s/", socket);
    if (!name)
        return g_strdup("///");
    return port ? g_strdup_printf("//%s:%s/", name, port) : g_strdup_printf("//%s/", name);
}

/* An rbd image is identified by pool and image: its hosts are only addresses of the same
 * cluster. */
static char *
describe_network(const xmlNode *source)
{
    g_autofree char *protocol = sinter_xml_attribute(source, "protocol");
    g_autofree char *name = sinter_xml_attribute(source, "name");
    g_autofree char *host = NULL;

    if (g_strcmp0(protocol, "rbd") == 0)
        return g_strdup_printf("rbd:%s", name ? name : "");
    host = describe_host(source);
    return g_strdup_printf("%s:%s%s", protocol ? protocol : "network", host, name ? name : "");
}

/* Returns an attribute that is a name; an empty name counts as missing. */
static char *
read_name(const xmlNode *node, const char *attribute)
{
    g_autofree char *name = sinter_xml_attribute(node, attribute);

    return name && *name ? g_steal_pointer(&name) : NULL;
}

static void
read_place(SinterXmlSource *source, const xmlNode *node, const char *type_name)
{
    switch (source->type) {
    case SINTER_XML_SOURCE_FILE:
        source->path = read_name(node, "file");
        break;
    case SINTER_XML_SOURCE_BLOCK:
        source->path = read_name(node, "dev");
        break;
    case SINTER_XML_SOURCE_NETWORK:
        source->description = describe_network(node);
        return;
    case SINTER_XML_SOURCE_VOLUME:
        source->pool = read_name(node, "pool");
        source->volume = read_name(node, "volume");
        if (source->pool && source->volume)
            source->description = g_strdup_printf("volume:%s/%s", source->pool, source->volume);
        return;
    default:
        source->description = g_strdup(type_name);
        return;
    }
    source->description = g_strdup(source->path);
}

/* <disk> has the format in <driver type=>, <backingStore> and <mirror> in <format type=>. */
static char *
read_format(const xmlNode *node)
{
    char *format = sinter_xml_attribute(sinter_xml_child(node, "format"), "type");

    return format ? format : sinter_xml_attribute(sinter_xml_child(node, "driver"), "type");
}

SinterXmlSource *
sinter_xml_source_new(const xmlNode *node)
{
    SinterXmlSource *source = g_new0(SinterXmlSource, 1);
    const xmlNode *place = sinter_xml_child(node, "source");
    g_autofree char *type_name = sinter_xml_attribute(node, "type");

    source->type = type_from_name(type_name);
    if (place)
        read_place(source, place, type_name);
    if (!source->description) {
        source->type = SINTER_XML_SOURCE_NONE;
        source->description = g_strdup("");
    }
    source->format = read_format(node);
    /* either <backingStore index=> or <source index=> */
    source->index = sinter_xml_attribute_uint(node, "index");
    if (source->index == 0)
        source->index = sinter_xml_attribute_uint(place, "index");
    return source;
}

void
sinter_xml_source_free(SinterXmlSource *source)
{
    if (!source)
        return;
    g_free(source->path);
    g_free(source->pool);
    g_free(source->volume);
    g_free(source->description);
    g_free(source->format);
    g_free(source);
}
