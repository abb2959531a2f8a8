/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Asks "QUESTION [y/N]" on standard output. @yes: --yes was given, so nothing is asked. Returns
 * FALSE after a message if the answer is not yes, or if standard input is not a terminal.
 */
gboolean sinter_img_confirm(const char *question, gboolean yes);

G_END_DECLS
