/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Width and safe display of text on a terminal. Pure functions. */

#include "sinter-text.h"

#include <string.h>

char *
sinter_text_printable(const char *text)
{
    GString *result = g_string_sized_new(strlen(text));

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (g_unichar_isprint(c))
            g_string_append_unichar(result, c);
        else if (c < 0x100)
            g_string_append_printf(result, "\\x%02x", c);
        else
            g_string_append_printf(result, "\\u%04x", c);
    }
    return g_string_free(result, FALSE);
}

static guint
char_width(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

guint
sinter_text_width(const char *text)
{
    guint width = 0;

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        width += char_width(g_utf8_get_char(at));
    return width;
}

static void
append_spaces(GString *string, guint n)
{
    g_string_append_printf(string, "%*s", (int)n, "");
}

void
sinter_text_append_padded(GString *string, const char *text, guint width, SinterAlign align)
{
    guint own = sinter_text_width(text);
    guint missing = own < width ? width - own : 0;

    if (align == SINTER_ALIGN_RIGHT)
        append_spaces(string, missing);
    g_string_append(string, text);
    if (align == SINTER_ALIGN_LEFT)
        append_spaces(string, missing);
}

void
sinter_text_append_cut(GString *string, const char *text, guint width)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (char_width(c) > width)
            return;
        width -= char_width(c);
        g_string_append_unichar(string, c);
    }
}

gboolean
sinter_text_is_utf8(void)
{
    return g_get_charset(NULL);
}
