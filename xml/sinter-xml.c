/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The only place that parses XML text. Entities, and with them entity expansion attacks and
 * references to external files, come from the document type declaration, and libvirt never writes
 * one. The parser therefore stops at the start of a declaration, before it reads any of it.
 * libxml2's own limits on depth and on text length stay in force.
 */

#include "sinter-xml.h"
#include "sinter-error.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <string.h>

typedef xmlParserCtxt ParserContext;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ParserContext, xmlFreeParserCtxt)

/* SAX callback for <!DOCTYPE: rejects the document. */
static void
refuse_document_type(void *ctx, const xmlChar *name, const xmlChar *external_id,
                     const xmlChar *system_id)
{
    xmlParserCtxt *parser = ctx;

    *(gboolean *)parser->_private = TRUE;
    xmlStopParser(parser);
}

static void
set_parser_error(GError **error, xmlParserCtxt *parser, const char *what)
{
    const xmlError *cause = xmlCtxtGetLastError(parser);
    g_autofree char *message = g_strdup(cause && cause->message ? cause->message : "not XML");

    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "%s: line %d of its XML: %s", what,
                cause ? cause->line : 0, g_strdelimit(g_strchomp(message), "\n", ' '));
}

static xmlDoc *
read_text(const char *text, gsize len, const char *what, GError **error)
{
    g_autoptr(ParserContext) parser = xmlNewParserCtxt();
    g_autoptr(xmlDoc) doc = NULL;
    gboolean has_document_type = FALSE;

    if (!parser)
        g_error("out of memory for an XML parser");
    parser->_private = &has_document_type;
    parser->sax->internalSubset = refuse_document_type;
    doc = xmlCtxtReadMemory(parser, text, (int)len, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                XML_PARSE_COMPACT);
    if (has_document_type) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "%s: its XML has a document type declaration, which is not allowed", what);
        return NULL;
    }
    if (!doc || !parser->wellFormed) {
        set_parser_error(error, parser, what);
        return NULL;
    }
    return g_steal_pointer(&doc);
}

xmlDoc *
sinter_xml_parse(const char *text, const char *root, const char *what, GError **error)
{
    static gsize initialized;
    g_autoptr(xmlDoc) doc = NULL;
    const xmlNode *node;
    gsize len = strlen(text);

    if (g_once_init_enter(&initialized)) {
        xmlInitParser();
        g_once_init_leave(&initialized, 1);
    }
    if (len > SINTER_XML_MAX_BYTES) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "%s: its XML has %" G_GSIZE_FORMAT " bytes, more than the %u that libvirt can "
                    "carry: refused",
                    what, len, SINTER_XML_MAX_BYTES);
        return NULL;
    }
    doc = read_text(text, len, what, error);
    if (!doc)
        return NULL;
    node = xmlDocGetRootElement(doc);
    if (!node || node->ns || strcmp((const char *)node->name, root) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "%s: its XML is a <%s> where a <%s> is expected", what,
                    node ? (const char *)node->name : "", root);
        return NULL;
    }
    return g_steal_pointer(&doc);
}

char *
sinter_xml_to_text(xmlDoc *doc)
{
    xmlChar *buf = NULL;
    int len = 0;
    char *text;

    xmlDocDumpMemoryEnc(doc, &buf, &len, "UTF-8");
    if (!buf)
        g_error("out of memory for XML text");
    text = g_strndup((const char *)buf, (gsize)len);
    xmlFree(buf);
    return text;
}

static gboolean
is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !node->ns &&
           strcmp((const char *)node->name, name) == 0;
}

xmlNode *
sinter_xml_child(const xmlNode *node, const char *name)
{
    for (xmlNode *child = node ? node->children : NULL; child; child = child->next) {
        if (is_element(child, name))
            return child;
    }
    return NULL;
}

xmlNode *
sinter_xml_next(const xmlNode *node, const char *name)
{
    for (xmlNode *sibling = node->next; sibling; sibling = sibling->next) {
        if (is_element(sibling, name))
            return sibling;
    }
    return NULL;
}

static char *
take_text(xmlChar *text)
{
    char *copy = g_strdup((const char *)text);

    xmlFree(text);
    return copy;
}

char *
sinter_xml_attribute(const xmlNode *node, const char *name)
{
    return node ? take_text(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

gboolean
sinter_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = sinter_xml_attribute(node, name);

    return g_strcmp0(text, value) == 0;
}

void
sinter_xml_set_attribute(xmlNode *node, const char *name, const char *value)
{
    if (!xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value))
        g_error("out of memory for XML");
}

guint
sinter_xml_attribute_uint(const xmlNode *node, const char *name)
{
    g_autofree char *text = sinter_xml_attribute(node, name);
    guint64 value = 0;

    if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &value, NULL))
        return 0;
    return (guint)value;
}

char *
sinter_xml_text(const xmlNode *node)
{
    return node ? take_text(xmlNodeGetContent(node)) : NULL;
}
