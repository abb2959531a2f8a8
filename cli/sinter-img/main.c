/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter-img, the command line program for the engine: the table of its commands and the global
 * options. */

#include "text/img-message.h"
#include "text/img-terminal.h"
#include "text/img-wording.h"
#include "verbs/img-verbs.h"
#include "words/img-plugins.h"

#include <locale.h>
#include <signal.h>
#include <sys/resource.h>

/* clang-format off: a line each */
static const SinterCommand *const verbs[] = {
    &sinter_img_amend,  &sinter_img_bench,      &sinter_img_bitmap,   &sinter_img_check,
    &sinter_img_commit, &sinter_img_compare,    &sinter_img_convert,  &sinter_img_create,
    &sinter_img_dd,     &sinter_img_defragment, &sinter_img_dump,     &sinter_img_edit,
    &sinter_img_info,   &sinter_img_locks,      &sinter_img_map,      &sinter_img_measure,
    &sinter_img_merge,  &sinter_img_rebase,     &sinter_img_remove,   &sinter_img_rescue,
    &sinter_img_resize, &sinter_img_salvage,    &sinter_img_snapshot, &sinter_img_undo,
};
/* clang-format on */

static gboolean
take_plugin_dir(const SinterOption *option, gpointer options, const char *folder)
{
    return sinter_img_plugins_load(folder);
}

static const SinterOption options[] = {
    { "plugin-dir", 0, "DIR", "load plugins from this directory; can be repeated",
      .take = take_plugin_dir },
};

static char *
format_details(void)
{
    g_autofree char *formats = sinter_img_plugins_list_formats();

    return g_strdup_printf(
        "Verbs of qemu-img have the arguments, output and exit statuses of qemu-img 7.2.\n\n"
        "Supported formats: %s\n",
        formats);
}

static const SinterCommandSet set = {
    .program = "sinter-img",
    .summary = "Creates, examines, checks, changes and copies disk images",
    .format_details = format_details,
    .options = options,
    .n_options = G_N_ELEMENTS(options),
    .commands = verbs,
    .n_commands = G_N_ELEMENTS(verbs),
    .wording = &sinter_img_wording,
};

/* Each image of a chain is an open file. */
static void
raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
    /* only to find out what the terminal can display: numbers are the same in every locale */
    setlocale(LC_CTYPE, "");
    /* if standard output is closed early, print a message instead of being killed by a signal */
    signal(SIGPIPE, SIG_IGN);
    sinter_img_terminal_guard();
    raise_file_limit();
    sinter_img_set_program(argv[0]);
    return sinter_img_plugins_init() ? sinter_command_main(&set, argc, argv) : 1;
}
