/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter, the command line client of the daemon: the table of its commands and the global
 * options. */

#include <locale.h>

#include "bus/sinter-client.h"
#include "commands/sinter-commands.h"
#include "sinter-command-text.h"
#include "sinter-error.h"

static const SinterOption global_options[] = {
    { "connect", 'c', "URI", "require that the daemon is connected to this libvirt URI",
      SINTER_OPTION_MEMBER(SinterGlobals, connect) },
    { "system", 0, NULL, "use the daemon on the system bus",
      SINTER_OPTION_MEMBER(SinterGlobals, system) },
    { "user", 0, NULL, "use the daemon on the session bus",
      SINTER_OPTION_MEMBER(SinterGlobals, user) },
    { "json", 0, "[pretty|short]", "print JSON: pretty (the default) or short",
      SINTER_OPTION_MEMBER(SinterGlobals, json), .otherwise = "pretty" },
    { "quiet", 'q', NULL, "print only names and IDs, and no progress",
      SINTER_OPTION_MEMBER(SinterGlobals, quiet) },
    { "no-legend", 0, NULL, "print tables without headings and hints",
      SINTER_OPTION_MEMBER(SinterGlobals, no_legend) },
    { "no-ask-password", 0, NULL, "never ask for a password",
      SINTER_OPTION_MEMBER(SinterGlobals, no_ask_password) },
};

static const SinterCommand *const commands[] = {
    &sinter_command_list,        &sinter_command_chain,    &sinter_command_plan,
    &sinter_command_consolidate, &sinter_command_commit,   &sinter_command_pull,
    &sinter_command_copy,        &sinter_command_adopt,    &sinter_command_check,
    &sinter_command_jobs,        &sinter_command_job,      &sinter_command_cancel,
    &sinter_command_bandwidth,   &sinter_command_snapshot, &sinter_command_incidents,
    &sinter_command_doctor,      &sinter_command_policy,   &sinter_command_monitor,
};

static const SinterCommandSet set = {
    .program = "sinter",
    .summary = "Consolidates the snapshot chains of virtual machines through sinterd.",
    .options = global_options,
    .n_options = G_N_ELEMENTS(global_options),
    .options_size = sizeof(SinterGlobals),
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .wording = &sinter_command_wording,
    .exit_status = sinter_client_exit_status,
};

/* D-Bus carries only UTF-8, so all arguments must be UTF-8. */
static gboolean
check_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!g_utf8_validate(argv[i], -1, NULL)) {
            g_printerr("sinter: argument %d is not valid UTF-8\n", i);
            return FALSE;
        }
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    /* only the character set: messages and numbers must not depend on the locale */
    setlocale(LC_CTYPE, "");
    g_set_prgname("sinter");
    if (!check_arguments(argc, argv))
        return SINTER_EXIT_FAILED;
    return sinter_command_main(&set, argc, argv);
}
