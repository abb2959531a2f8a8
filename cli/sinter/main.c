/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter, the daemon's client: the table of its commands and the options that all of them have. */

#include <locale.h>

#include "bus/sinter-client.h"
#include "commands/sinter-commands.h"
#include "sinter-error.h"

static const GOptionEntry global_entries[] = {
    { "connect", 'c', 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(SinterGlobals, connect),
      "libvirt's URI that the daemon must work on", "URI" },
    { "system", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterGlobals, system),
      "talk to the daemon on the system bus", NULL },
    { "user", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterGlobals, user),
      "talk to the daemon on the session bus", NULL },
    { "json", 0, 0, G_OPTION_ARG_FILENAME, SINTER_COMMAND_MEMBER(SinterGlobals, json),
      "print JSON: pretty (the default) or short", "[pretty|short]" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterGlobals, quiet),
      "print only names and ids, and no progress", NULL },
    { "no-legend", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(SinterGlobals, no_legend),
      "print tables without headings and hints", NULL },
    { "no-ask-password", 0, 0, G_OPTION_ARG_NONE,
      SINTER_COMMAND_MEMBER(SinterGlobals, no_ask_password), "never ask for a password", NULL },
    { NULL },
};

static const SinterCommandDefault defaults[] = { { "--json", "pretty" }, { NULL } };

static const SinterCommand *const commands[] = {
    &sinter_command_list,        &sinter_command_chain,     &sinter_command_plan,
    &sinter_command_consolidate, &sinter_command_commit,    &sinter_command_pull,
    &sinter_command_copy,        &sinter_command_jobs,      &sinter_command_job,
    &sinter_command_cancel,      &sinter_command_bandwidth, &sinter_command_monitor,
};

static const SinterCommandSet set = {
    .program = "sinter",
    .summary = "Consolidates the snapshot chains of virtual machines, live, through sinterd.",
    .entries = global_entries,
    .options_size = sizeof(SinterGlobals),
    .defaults = defaults,
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .exit_status = sinter_client_exit_status,
};

/* D-Bus carries UTF-8 only; so whatever may reach it must be. */
static gboolean
check_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!g_utf8_validate(argv[i], -1, NULL)) {
            g_printerr("sinter: word %d of the command line is not UTF-8\n", i);
            return FALSE;
        }
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    /* the character set only: messages are compared, and so are numbers */
    setlocale(LC_CTYPE, "");
    g_set_prgname("sinter");
    if (!check_arguments(argc, argv))
        return SINTER_EXIT_FAILED;
    return sinter_command_main(&set, argc, argv);
}
