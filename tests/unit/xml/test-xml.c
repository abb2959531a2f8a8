/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What no parser may take in: broken, hostile, oversized or foreign documents. Each is refused
 * with an error that names the thing. */

#include "sinter-error.h"
#include "sinter-xml.h"

#include <string.h>

#define WHAT "domain 'web'"

static const struct {
    const char *name;
    const char *text;
    const char *says; /* part of the message */
} refused[] = {
    { "empty", "", "empty" },
    { "no-xml", "this is not XML", "line 1" },
    { "cut-short", "<domain>\n<devices>\n<disk", "line 3" },
    { "wrong-nesting", "<domain><a></b></domain>", "mismatch" },
    { "wrong-root", "<network/>", "<network>" },
    { "foreign-root", "<x:domain xmlns:x='urn:other'/>", "<domain>" },
    { "two-roots", "<domain/><domain/>", "line 1" },
    { "undefined-entity", "<domain><name>&nothing;</name></domain>", "nothing" },
    { "bad-utf8", "<domain><name>\xff\xfe</name></domain>", "UTF-8" },
    { "document-type", "<!DOCTYPE domain><domain/>", "document type" },
    { "external-dtd", "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>", "document type" },
    { "entity-bomb",
      "<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
      "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>"
      "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;'>]>"
      "<domain><name>&f;&f;&f;&f;&f;&f;&f;&f;</name></domain>",
      "document type" },
    { "foreign-file",
      "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
      "<domain><name>&x;</name></domain>",
      "document type" },
};

static void
test_refused(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_xml_parse(refused[i].text, "domain", WHAT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_true(g_str_has_prefix(error->message, WHAT ": "));
    if (!strstr(error->message, refused[i].says))
        g_error("'%s' does not say '%s'", error->message, refused[i].says);
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_size(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new("<domain>");

    while (text->len <= SINTER_XML_MAX_BYTES)
        g_string_append(text, "<x>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</x>");
    g_string_append(text, "</domain>");
    g_assert_null(sinter_xml_parse(text->str, "domain", WHAT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
}

/* An element far deeper than any chain ends as an error, not as a stack that is used up. */
static void
test_depth(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new("<domain>");

    for (int i = 0; i < 100000; i++)
        g_string_append(text, "<backingStore>");
    g_assert_null(sinter_xml_parse(text->str, "domain", WHAT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
}

static void
test_walk(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(xmlDoc) doc = sinter_xml_parse("<domain xmlns:q='urn:q'><q:disk n='0'/><!-- disk -->"
                                             "<disk n='1' big='4294967296' neg='-1'/>text"
                                             "<disk n='2' q:n='9'>&lt;a&#38;b</disk></domain>",
                                             "domain", WHAT, &error);
    g_autofree char *content = NULL;
    const xmlNode *node;

    g_assert_no_error(error);
    node = sinter_xml_child(xmlDocGetRootElement(doc), "disk");
    g_assert_true(sinter_xml_attribute_is(node, "n", "1"));
    g_assert_cmpuint(sinter_xml_attribute_uint(node, "n"), ==, 1);
    g_assert_cmpuint(sinter_xml_attribute_uint(node, "big"), ==, 0);
    g_assert_cmpuint(sinter_xml_attribute_uint(node, "neg"), ==, 0);
    g_assert_cmpuint(sinter_xml_attribute_uint(node, "none"), ==, 0);
    node = sinter_xml_next(node, "disk");
    g_assert_true(sinter_xml_attribute_is(node, "n", "2"));
    content = sinter_xml_text(node);
    g_assert_cmpstr(content, ==, "<a&b");
    g_assert_null(sinter_xml_next(node, "disk"));
    g_assert_null(sinter_xml_child(node, "disk"));
    g_assert_null(sinter_xml_child(NULL, "disk"));
    g_assert_null(sinter_xml_attribute(NULL, "n"));
    g_assert_null(sinter_xml_text(NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/xml/refused/%s", refused[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_refused);
    }
    g_test_add_func("/xml/size", test_size);
    g_test_add_func("/xml/depth", test_depth);
    g_test_add_func("/xml/walk", test_walk);
    return g_test_run();
}
