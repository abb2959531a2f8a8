/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sinter-img: the engine as a command. It owns the table of verbs and what stands before one.
 */

#include "text/img-message.h"
#include "words/img-plugins.h"
#include "words/img-verb.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The release of qemu-img whose verbs these are: who asks "qemu-img" for a version means that. */
#define QEMU_IMG_VERSION "7.2.0"

/* clang-format off: a line each */
const SinterImgVerb *const sinter_img_verbs[] = {
    &sinter_img_amend,  &sinter_img_bench,   &sinter_img_bitmap,   &sinter_img_check,
    &sinter_img_commit, &sinter_img_compare, &sinter_img_convert,  &sinter_img_create,
    &sinter_img_dd,     &sinter_img_dump,    &sinter_img_info,     &sinter_img_locks,
    &sinter_img_map,    &sinter_img_measure, &sinter_img_merge,    &sinter_img_rebase,
    &sinter_img_remove, &sinter_img_resize,  &sinter_img_snapshot, NULL,
};
/* clang-format on */

static void
print_help(void)
{
    const char *program = sinter_img_program();
    g_autofree char *formats = sinter_img_plugins_list_formats();

    printf("usage: %s [OPTION] VERB [OPTION]... OPERAND...\n"
           "Makes disk images, and looks at their metadata, maps, content and locks.\n\n"
           "  -h, --help         this text; after a verb, the verb's\n"
           "  -V, --version      the version\n"
           "  --plugin-dir=DIR   load the plugins in this folder; may be repeated\n\n"
           "Verbs:\n",
           program);
    for (gsize i = 0; sinter_img_verbs[i]; i++)
        printf("  %-10s %s\n", sinter_img_verbs[i]->name, sinter_img_verbs[i]->summary);
    printf("\n"
           "Arguments, output and exit statuses of verbs that qemu-img has too are those of\n"
           "qemu-img 7.2.\n\n"
           "Supported formats: %s\n",
           formats);
}

static void
print_version(void)
{
    if (strcmp(sinter_img_program(), "qemu-img") == 0)
        printf("qemu-img version " QEMU_IMG_VERSION " (sinter-img " SINTER_VERSION ")\n");
    else
        printf("sinter-img version " SINTER_VERSION "\n");
}

static int
run_verb(int argc, char **argv)
{
    for (gsize i = 0; sinter_img_verbs[i]; i++) {
        if (strcmp(sinter_img_verbs[i]->name, argv[0]) == 0)
            return sinter_img_verb_run(sinter_img_verbs[i], argc, argv);
    }
    return sinter_img_usage_error("Command not found: %s", argv[0]);
}

/* What is to be done after options: a verb, or what the last one of them says. */
static int
run(int argc, char **argv)
{
    static const struct option names[] = { { "help", no_argument, NULL, 'h' },
                                           { "version", no_argument, NULL, 'V' },
                                           { "plugin-dir", required_argument, NULL, 'p' },
                                           { NULL, 0, NULL, 0 } };

    for (;;) {
        /* '+': what follows the verb is the verb's */
        switch (getopt_long(argc, argv, "+:hV", names, NULL)) {
        case -1:
            return optind < argc ? run_verb(argc - optind, argv + optind)
                                 : sinter_img_usage_error("Not enough arguments");
        case 'p':
            if (!sinter_img_plugins_load(optarg))
                return 1;
            break;
        case 'h':
            print_help();
            return 0;
        case 'V':
            print_version();
            return 0;
        case ':':
            return sinter_img_usage_error("missing argument for option '%s'", argv[optind - 1]);
        default:
            return sinter_img_usage_error("unrecognized option '%s'", argv[optind - 1]);
        }
    }
}

int
main(int argc, char **argv)
{
    /* only for what a terminal can show: numbers look the same everywhere */
    setlocale(LC_CTYPE, "");
    /* whoever closes our standard output early gets a message, not a signal */
    signal(SIGPIPE, SIG_IGN);
    sinter_img_set_program(argv[0]);
    return sinter_img_finish(sinter_img_plugins_init() ? run(argc, argv) : 1);
}
