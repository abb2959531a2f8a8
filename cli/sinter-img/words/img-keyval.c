/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lists of key=value pairs, and the image creation options in this format.
 */

#include "img-keyval.h"
#include "text/img-message.h"
#include "img-size.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns the text up to a single comma, with doubled commas reduced to one; @list is advanced past
 * it. */
static char *
take_value(const char **list)
{
    GString *out = g_string_new(NULL);

    while (**list) {
        if (**list == ',' && *++*list != ',')
            break;
        g_string_append_c(out, *(*list)++);
    }
    return g_string_free(out, FALSE);
}

/* Parses the next pair; a word without a value is switched on, or off if it begins with "no". */
static void
take_pair(const char **list, char **ret_key, char **ret_value)
{
    gsize len = strcspn(*list, "=,");

    if ((*list)[len] == '=') {
        *ret_key = g_strndup(*list, len);
        *list += len + 1;
        *ret_value = take_value(list);
    } else {
        g_autofree char *word = take_value(list);
        gboolean off = g_str_has_prefix(word, "no");

        *ret_key = g_strdup(off ? word + strlen("no") : word);
        *ret_value = g_strdup(off ? "off" : "on");
    }
}

gboolean
sinter_img_keyval_each(const char *list, SinterImgKeyvalFunc func, gpointer user_data)
{
    while (*list) {
        g_autofree char *key = NULL;
        g_autofree char *value = NULL;

        take_pair(&list, &key, &value);
        if (!func(key, value, user_data))
            return FALSE;
    }
    return TRUE;
}

/* Checks that the list does not begin or end with a comma, except a doubled one. */
static gboolean
list_is_sound(const char *list)
{
    gsize len = strlen(list);
    gsize commas = 0;

    while (commas < len && list[len - commas - 1] == ',')
        commas++;
    return len > 0 && list[0] != ',' && commas % 2 == 0;
}

gboolean
sinter_img_option_list_add(char **all, const char *list)
{
    char *both;

    if (!list_is_sound(list)) {
        sinter_img_error("Invalid option list: %s", list);
        return FALSE;
    }
    both = *all ? g_strdup_printf("%s,%s", *all, list) : g_strdup(list);
    g_free(*all);
    *all = both;
    return TRUE;
}

gboolean
sinter_img_option_list_take(const SinterOption *option, gpointer options, const char *value)
{
    return sinter_img_option_list_add(G_STRUCT_MEMBER_P(options, option->offset), value);
}

gboolean
sinter_img_option_list_has_help(const char *list)
{
    while (*list) {
        gsize len = strcspn(list, ",=");
        g_autofree char *rest = NULL;

        if (list[len] != '=' &&
            ((len == 4 && strncmp(list, "help", 4) == 0) || (len == 1 && *list == '?')))
            return TRUE;
        rest = take_value(&list);
    }
    return FALSE;
}

/* Prints the message, preceded by the name that it is about, if any. */
static void say_about(const char *about, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
say_about(const char *about, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    sinter_img_error("%s%s%s", about ? about : "", about ? ": " : "", text);
}

static gboolean
parse_switch(const char *key, const char *value, const char *about, guint64 *ret)
{
    *ret = strcmp(value, "on") == 0;
    if (*ret || strcmp(value, "off") == 0)
        return TRUE;
    say_about(about, "Parameter '%s' expects 'on' or 'off'", key);
    return FALSE;
}

static gboolean
parse_number(const char *key, const char *value, const char *about, guint64 *ret)
{
    char *end;

    errno = 0;
    *ret = strtoull(value, &end, 0);
    if (errno == 0 && end != value && *end == '\0')
        return TRUE;
    say_about(about, "Parameter '%s' expects a number", key);
    return FALSE;
}

static gboolean
parse_size(const char *key, const char *value, const char *about, guint64 *ret)
{
    switch (sinter_img_size_parse(value, ret)) {
    case SINTER_IMG_SIZE_OK:
        return TRUE;
    case SINTER_IMG_SIZE_RANGE:
        say_about(about, "Value '%s' is out of range for parameter '%s'", value, key);
        return FALSE;
    default:
        say_about(about, "Parameter '%s' expects a non-negative number below 2^64", key);
        fprintf(stderr, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, "
                        "peta-\nand exabytes, respectively.\n");
        return FALSE;
    }
}

gboolean
sinter_img_value_parse(SinterImgKeyKind kind, const char *key, const char *value, const char *about,
                       guint64 *ret)
{
    *ret = 0;
    switch (kind) {
    case SINTER_IMG_TEXT:
        return TRUE;
    case SINTER_IMG_SWITCH:
        return parse_switch(key, value, about, ret);
    case SINTER_IMG_NUMBER:
        return parse_number(key, value, about, ret);
    case SINTER_IMG_SIZE:
        return parse_size(key, value, about, ret);
    }
    g_assert_not_reached();
}

gboolean
sinter_img_key_refuse(const char *key, const char *about)
{
    say_about(about, "Invalid parameter '%s'", key);
    return FALSE;
}

static gboolean
key_take(const SinterImgKey *key, const char *value, gpointer values)
{
    guint64 worth;

    if (!sinter_img_value_parse(key->kind, key->key, value, NULL, &worth))
        return FALSE;
    if (key->offset < 0)
        return TRUE;
    if (key->kind == SINTER_IMG_TEXT) {
        g_free(G_STRUCT_MEMBER(char *, values, key->offset));
        G_STRUCT_MEMBER(char *, values, key->offset) = g_strdup(value);
    } else if (key->kind == SINTER_IMG_SWITCH) {
        G_STRUCT_MEMBER(gboolean, values, key->offset) = worth != 0;
    } else {
        G_STRUCT_MEMBER(guint64, values, key->offset) = worth;
    }
    return TRUE;
}

typedef struct {
    const SinterImgKey *keys;
    gsize n_keys;
    gpointer values;
} Parse;

static gboolean
parse_pair(const char *name, const char *value, gpointer user_data)
{
    const Parse *self = user_data;

    for (gsize i = 0; i < self->n_keys; i++) {
        if (strcmp(self->keys[i].key, name) == 0)
            return key_take(&self->keys[i], value, self->values);
    }
    return sinter_img_key_refuse(name, NULL);
}

gboolean
sinter_img_option_list_parse(const char *list, const SinterImgKey *keys, gsize n_keys,
                             gpointer values)
{
    Parse parse = { keys, n_keys, values };

    return sinter_img_keyval_each(list, parse_pair, &parse);
}
