/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * From now on all that is written to stdout and stderr is masked if it goes to a terminal: every
 * character that could control the terminal, and every invisible one, is shown as "\x1b" or
 * "\u202e", except for line ends, tabs, and a carriage return at the end of a write, with which
 * percentages are replaced. Call it once, before the first output.
 */
void sinter_img_terminal_guard(void);

/*
 * Appends the @n bytes at @text to @out, masked. Returns: how many of them were used; the rest is
 * the beginning of a character that is not complete yet.
 */
gsize sinter_img_terminal_mask(GString *out, const char *text, gsize n);

G_END_DECLS
