/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints JSON values in the formats of qemu-img, for programs and for people.
 */

#include "img-json.h"
#include "img-message.h"

#include <stdio.h>
#include <string.h>

#define INDENT 4
#define REPLACEMENT_CHARACTER 0xfffd

static void add_value(GString *out, JsonNode *node, guint indent);

static void
add_escaped(GString *out, gunichar c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c > 0 && c < 0x80 ? strchr(plain, (int)c) : NULL;

    if (at)
        g_string_append_printf(out, "\\%c", letters[at - plain]);
    else if (c > 0xffff)
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                               0xdc00 + ((c - 0x10000) & 0x3ff));
    else if (c < 0x20 || c >= 0x7f)
        g_string_append_printf(out, "\\u%04X", c);
    else
        g_string_append_c(out, (char)c);
}

static void
add_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;

        add_escaped(out, valid ? c : REPLACEMENT_CHARACTER);
        text = valid ? g_utf8_next_char(text) : text + 1;
    }
    g_string_append_c(out, '"');
}

static void
add_line(GString *out, guint indent)
{
    g_string_append_printf(out, "\n%*s", (int)(indent * INDENT), "");
}

static void
add_object(GString *out, JsonObject *object, guint indent)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    const char *comma = "";

    g_string_append_c(out, '{');
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_string_append(out, comma);
        add_line(out, indent + 1);
        add_string(out, name);
        g_string_append(out, ": ");
        add_value(out, member, indent + 1);
        comma = ",";
    }
    add_line(out, indent);
    g_string_append_c(out, '}');
}

static void
add_array(GString *out, JsonArray *array, guint indent)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_string_append(out, i ? "," : "");
        add_line(out, indent + 1);
        add_value(out, json_array_get_element(array, i), indent + 1);
    }
    add_line(out, indent);
    g_string_append_c(out, ']');
}

static void
add_scalar(GString *out, JsonNode *node)
{
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
    else if (json_node_get_value_type(node) == G_TYPE_STRING)
        add_string(out, json_node_get_string(node));
    else
        g_string_append_printf(out, "%" G_GINT64_FORMAT, json_node_get_int(node));
}

static void
add_value(GString *out, JsonNode *node, guint indent)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        add_object(out, json_node_get_object(node), indent);
        break;
    case JSON_NODE_ARRAY:
        add_array(out, json_node_get_array(node), indent);
        break;
    case JSON_NODE_VALUE:
        add_scalar(out, node);
        break;
    case JSON_NODE_NULL:
        g_string_append(out, "null");
        break;
    }
}

void
sinter_img_json_print(JsonNode *node)
{
    g_autoptr(GString) out = g_string_new(NULL);

    add_value(out, node, 0);
    puts(out->str);
}

static void
print_human_scalar(JsonNode *node)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *text = NULL;

    if (json_node_get_value_type(node) == G_TYPE_STRING)
        g_string_append(out, json_node_get_string(node));
    else
        add_scalar(out, node);
    text = sinter_img_name(out->str);
    printf(" %s\n", text);
}

static void
print_human_member(JsonNode *node, guint indent)
{
    if (JSON_NODE_HOLDS_VALUE(node)) {
        print_human_scalar(node);
    } else {
        putchar('\n');
        sinter_img_json_print_human(node, indent + 1);
    }
}

static void
print_human_object(JsonObject *object, guint indent)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;

    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *words = g_strdelimit(g_strdup(name), "-", ' ');

        printf("%*s%s:", (int)(indent * INDENT), "", words);
        print_human_member(member, indent);
    }
}

void
sinter_img_json_print_human(JsonNode *node, guint indent)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        print_human_object(json_node_get_object(node), indent);
        return;
    }
    for (guint i = 0; i < json_array_get_length(json_node_get_array(node)); i++) {
        printf("%*s[%u]:", (int)(indent * INDENT), "", i);
        print_human_member(json_array_get_element(json_node_get_array(node), i), indent);
    }
}
