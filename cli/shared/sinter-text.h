/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Text on a terminal. All functions require valid UTF-8. */

/* (transfer full): @text with every invisible character and every character that a terminal could
 * interpret as a command escaped as "\x1b" or "\u202e". Names come from XML and files that any user
 * may have written, so all text for a terminal must be passed through this function. */
char *sinter_text_printable(const char *text);

/* Returns the width of @text in columns: wide characters count as two, combining ones as zero. */
guint sinter_text_width(const char *text);

typedef enum {
    SINTER_ALIGN_LEFT,
    SINTER_ALIGN_RIGHT,
} SinterAlign;

/* Appends @text, padded with spaces to @width columns. */
void sinter_text_append_padded(GString *string, const char *text, guint width, SinterAlign align);

/* Appends @text, truncated to at most @width columns. */
void sinter_text_append_cut(GString *string, const char *text, guint width);

/* Returns whether the character set of the locale is UTF-8. */
gboolean sinter_text_is_utf8(void);

G_END_DECLS
