/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parses JSON strictly. Invariant: text that is not completely understood is refused, because what
 * it names decides which files are opened.
 */

#include "sinter-json-flat.h"
#include "sinter-error.h"

#include <string.h>

#define TEXT_MAX_BYTES 4096
#define DEPTH_MAX 8

typedef struct {
    const char *at;
    GHashTable *pairs;
    guint depth;
} Parser;

static gboolean parse_object(Parser *self, const char *prefix, GError **error);

static gboolean
refuse(const char *why, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "the JSON of the name is not valid: %s", why);
    return FALSE;
}

static void
skip_blanks(Parser *self)
{
    self->at += strspn(self->at, " \t\r\n");
}

/* Skips @c, and blanks around it. Returns whether it was there. */
static gboolean
take(Parser *self, char c)
{
    skip_blanks(self);
    if (*self->at != c)
        return FALSE;
    self->at++;
    skip_blanks(self);
    return TRUE;
}

/* Four hexadecimal digits; G_MAXUINT32: not that. */
static guint32
parse_hex(Parser *self)
{
    guint32 value = 0;

    for (guint i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(self->at[i]);

        if (digit < 0)
            return G_MAXUINT32;
        value = value << 4 | (guint32)digit;
    }
    self->at += 4;
    return value;
}

/* The part of a string after "\u". */
static gboolean
parse_unicode(Parser *self, GString *out, GError **error)
{
    guint32 value = parse_hex(self);

    if (value >= 0xd800 && value < 0xdc00 && self->at[0] == '\\' && self->at[1] == 'u') {
        guint32 low;

        self->at += 2;
        low = parse_hex(self);
        value = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00)
                                              : G_MAXUINT32;
    }
    if (value == 0 || !g_unichar_validate(value))
        return refuse("an escaped character is not valid", error);
    g_string_append_unichar(out, value);
    return TRUE;
}

static gboolean
parse_escape(Parser *self, GString *out, GError **error)
{
    static const char escapes[] = "\"\"''\\\\//b\bf\fn\nr\rt\t";
    char c = *self->at;

    if (c == 'u') {
        self->at++;
        return parse_unicode(self, out, error);
    }
    for (gsize i = 0; c && i + 1 < sizeof escapes; i += 2) {
        if (escapes[i] != c)
            continue;
        g_string_append_c(out, escapes[i + 1]);
        self->at++;
        return TRUE;
    }
    return refuse("an escaped character is not valid", error);
}

static char *
parse_string(Parser *self, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    char quote = *self->at;

    if (quote != '"' && quote != '\'') {
        refuse("a string is expected", error);
        return NULL;
    }
    self->at++;
    while (*self->at != quote) {
        if ((guchar)*self->at < ' ') {
            refuse(*self->at ? "a string has a control character" : "a string does not end", error);
            return NULL;
        }
        if (*self->at != '\\') {
            g_string_append_c(out, *self->at++);
            continue;
        }
        self->at++;
        if (!parse_escape(self, out, error))
            return NULL;
    }
    self->at++;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* true, false, null or an integer that is not negative. @ret: NULL for null */
static gboolean
parse_word(Parser *self, char **ret, GError **error)
{
    gsize n = strcspn(self->at, ",} \t\r\n");
    g_autofree char *word = g_strndup(self->at, n);

    self->at += n;
    *ret = NULL;
    if (strcmp(word, "null") == 0)
        return TRUE;
    if (n > 0 && (strcmp(word, "true") == 0 || strcmp(word, "false") == 0 ||
                  (strspn(word, "0123456789") == n && (n == 1 || *word != '0')))) {
        *ret = g_steal_pointer(&word);
        return TRUE;
    }
    return refuse("a value is none of the expected kinds", error);
}

static gboolean
parse_value(Parser *self, const char *key, GError **error)
{
    char *value = NULL;

    if (*self->at == '{') {
        g_autofree char *prefix = g_strconcat(key, ".", NULL);

        return parse_object(self, prefix, error);
    }
    if (*self->at == '"' || *self->at == '\'') {
        value = parse_string(self, error);
        if (!value)
            return FALSE;
    } else if (!parse_word(self, &value, error)) {
        return FALSE;
    }
    if (g_hash_table_contains(self->pairs, key)) {
        g_free(value);
        return refuse("a key appears twice", error);
    }
    g_hash_table_insert(self->pairs, g_strdup(key), value);
    return TRUE;
}

static gboolean
parse_pair(Parser *self, const char *prefix, GError **error)
{
    g_autofree char *name = parse_string(self, error);
    g_autofree char *key = name ? g_strconcat(prefix, name, NULL) : NULL;

    if (!name)
        return FALSE;
    if (*name == '\0' || !take(self, ':'))
        return refuse("a key and a value are expected", error);
    return parse_value(self, key, error);
}

static gboolean
parse_object(Parser *self, const char *prefix, GError **error)
{
    if (self->depth++ == DEPTH_MAX)
        return refuse("it is nested too deeply", error);
    if (!take(self, '{'))
        return refuse("an object is expected", error);
    if (!take(self, '}')) {
        do {
            if (!parse_pair(self, prefix, error))
                return FALSE;
        } while (take(self, ','));
        if (!take(self, '}'))
            return refuse("an object does not end", error);
    }
    self->depth--;
    return TRUE;
}

GHashTable *
sinter_json_flatten(const char *text, GError **error)
{
    g_autoptr(GHashTable) pairs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Parser parser = { .at = text, .pairs = pairs };

    if (strlen(text) > TEXT_MAX_BYTES || !g_utf8_validate(text, -1, NULL)) {
        refuse("it is too long, or not UTF-8", error);
        return NULL;
    }
    if (!parse_object(&parser, "", error))
        return NULL;
    if (*parser.at != '\0') {
        refuse("something follows the object", error);
        return NULL;
    }
    return g_steal_pointer(&pairs);
}
