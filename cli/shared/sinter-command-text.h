/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* The wording of sinter's own programs: -h/--help and --version everywhere, `help [COMMAND]`, and
 * one-line usage errors that name the help option. */
extern const SinterCommandWording sinter_command_wording;

/* (transfer full): the help text of @command, or of the program if @command is %NULL */
char *sinter_command_format_help(const SinterCommandSet *set, const SinterCommand *command);

G_END_DECLS
