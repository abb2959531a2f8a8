/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* How a program of ours speaks: -h/--help and --version everywhere, `help [COMMAND]`, and one line
 * for what is wrong, which says where to read on. */
extern const SinterCommandWording sinter_command_wording;

/* (transfer full): the help text of @command, or of the program when that is %NULL */
char *sinter_command_format_help(const SinterCommandSet *set, const SinterCommand *command);

G_END_DECLS
