/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Text on a terminal. All functions take valid UTF-8. */

/* (transfer full): @text with every character that a terminal could take for a command, or that
 * cannot be seen, as "\x1b" or "\u202e". Names come from XML and files that anybody may have
 * written: nothing reaches a terminal but through this. */
char *sinter_text_printable(const char *text);

/* How many columns @text takes: wide characters take two, combining ones none. */
guint sinter_text_width(const char *text);

typedef enum {
    SINTER_ALIGN_LEFT,
    SINTER_ALIGN_RIGHT,
} SinterAlign;

/* Appends @text and as many spaces as it lacks to @width columns. */
void sinter_text_append_padded(GString *string, const char *text, guint width, SinterAlign align);

/* Appends the beginning of @text, in at most @width columns. */
void sinter_text_append_cut(GString *string, const char *text, guint width);

/* Whether the locale's character set is UTF-8. */
gboolean sinter_text_is_utf8(void);

G_END_DECLS
