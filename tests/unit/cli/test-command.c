/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From command lines to rows of a table: what is understood, and the one line for what is not. */

#include "sinter-command-text.h"

#include <string.h>

#include "sinter-error.h"

typedef struct {
    const char *connect;
    const char *json;
    gboolean quiet;
} Globals;

typedef struct {
    gboolean wait;
    int keep;
    const char *base;
    char **disks;
} Options;

static const SinterOption global_options[] = {
    { "connect", 'c', "URI", "libvirt's URI", SINTER_OPTION_MEMBER(Globals, connect) },
    { "json", 0, "MODE", "JSON", SINTER_OPTION_MEMBER(Globals, json), .otherwise = "pretty" },
    { "quiet", 'q', NULL, "quiet", SINTER_OPTION_MEMBER(Globals, quiet) },
};

static const SinterOption merge_options[] = {
    { "wait", 0, NULL, "wait", SINTER_OPTION_MEMBER(Options, wait) },
    { "keep", 0, "N", "keep", SINTER_OPTION_MEMBER(Options, keep), .kind = SINTER_OPTION_INT },
    { "base", 0, "LAYER", "base", SINTER_OPTION_MEMBER(Options, base) },
    { "disk", 0, "DISK", "disks", SINTER_OPTION_MEMBER(Options, disks),
      .kind = SINTER_OPTION_LIST },
};

static int
run_merge(const SinterCommandCall *call, GError **error)
{
    if (strcmp(call->operands[0], "good") == 0)
        return SINTER_EXIT_DONE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "domain '%s' is busy", call->operands[0]);
    return SINTER_EXIT_DONE;
}

static int
run_list(const SinterCommandCall *call, GError **error)
{
    return SINTER_EXIT_CANCELLED;
}

static const SinterCommand merge = {
    .name = "merge",
    .summary = "merge layers",
    .operands = "DOMAIN [DISK]",
    .description = "More on it.",
    .min_operands = 1,
    .max_operands = 2,
    .options = merge_options,
    .n_options = G_N_ELEMENTS(merge_options),
    .options_size = sizeof(Options),
    .run = run_merge,
};
static const SinterCommand list = {
    .name = "list",
    .summary = "list domains",
    .operands = "",
    .run = run_list,
};
static const SinterCommand remove_files = {
    .name = "remove",
    .summary = "remove files",
    .operands = "FILE …",
    .min_operands = 1,
    .max_operands = G_MAXUINT,
    .run = run_list,
};

static const SinterCommand *const commands[] = { &merge, &list, &remove_files };

static int
exit_status(const GError *error)
{
    return error->code == SINTER_ERROR_BUSY ? SINTER_EXIT_REFUSED : SINTER_EXIT_FAILED;
}

static const SinterCommandSet set = {
    .program = "prog",
    .summary = "A program.",
    .options = global_options,
    .n_options = G_N_ELEMENTS(global_options),
    .options_size = sizeof(Globals),
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .wording = &sinter_command_wording,
    .exit_status = exit_status,
};

static SinterCommandCall *
parse(const char *line, GError **error)
{
    g_auto(GStrv) words = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
    return sinter_command_parse(&set, (const char *const *)words, error);
}

static SinterCommandCall *
parse_well(const char *line)
{
    g_autoptr(GError) error = NULL;
    SinterCommandCall *call = parse(line, &error);

    g_assert_no_error(error);
    return call;
}

static void
test_options(void)
{
    g_autoptr(SinterCommandCall) call =
        parse_well("prog -c a:///b merge --keep 2 vm1 --disk vda --json vda -q --disk=vdb --wait "
                   "--base /x");
    const Globals *globals = call->globals;
    const Options *options = call->options;

    g_assert_cmpint(call->action, ==, SINTER_COMMAND_RUN);
    g_assert_cmpstr(call->command->name, ==, "merge");
    g_assert_cmpstr(globals->connect, ==, "a:///b");
    g_assert_cmpstr(globals->json, ==, "pretty");
    g_assert_true(globals->quiet);
    g_assert_true(options->wait);
    g_assert_cmpint(options->keep, ==, 2);
    g_assert_cmpstr(options->base, ==, "/x");
    g_assert_cmpuint(g_strv_length(options->disks), ==, 2);
    g_assert_cmpstr(options->disks[1], ==, "vdb");
    g_assert_cmpuint(call->n_operands, ==, 2);
    g_assert_cmpstr(call->operands[0], ==, "vm1");
    g_assert_cmpstr(call->operands[1], ==, "vda");
}

static void
test_no_options(void)
{
    g_autoptr(SinterCommandCall) call = parse_well("prog merge vm1");
    const Globals *globals = call->globals;
    const Options *options = call->options;

    g_assert_null(globals->connect);
    g_assert_null(globals->json);
    g_assert_null(options->disks);
    g_assert_cmpuint(call->n_operands, ==, 1);
    g_assert_null(call->operands[1]);
}

/* Behind "--" everything is an operand. */
static void
test_dashes(void)
{
    g_autoptr(SinterCommandCall) one = parse_well("prog merge -- --wait");
    g_autoptr(SinterCommandCall) two = parse_well("prog merge --wait -- -q --json");
    g_autoptr(SinterCommandCall) three = parse_well("prog --json=short merge vm1 -- -q");

    g_assert_cmpstr(one->operands[0], ==, "--wait");
    g_assert_false(((Options *)one->options)->wait);
    g_assert_cmpuint(two->n_operands, ==, 2);
    g_assert_cmpstr(two->operands[0], ==, "-q");
    g_assert_cmpstr(two->operands[1], ==, "--json");
    g_assert_cmpuint(three->n_operands, ==, 2);
    g_assert_cmpstr(three->operands[1], ==, "-q");
    g_assert_cmpstr(((Globals *)three->globals)->json, ==, "short");
}

static void
test_help(void)
{
    static const struct {
        const char *line;
        SinterCommandAction action;
        const char *command;
    } cases[] = {
        { "prog --help", SINTER_COMMAND_HELP, NULL },
        { "prog help", SINTER_COMMAND_HELP, NULL },
        { "prog -h merge", SINTER_COMMAND_HELP, "merge" },
        { "prog merge -h", SINTER_COMMAND_HELP, "merge" },
        { "prog help list", SINTER_COMMAND_HELP, "list" },
        { "prog --version", SINTER_COMMAND_VERSION, NULL },
        { "prog merge --version", SINTER_COMMAND_VERSION, "merge" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterCommandCall) call = parse_well(cases[i].line);

        g_assert_cmpint(call->action, ==, cases[i].action);
        g_assert_cmpstr(call->command ? call->command->name : NULL, ==, cases[i].command);
    }
}

static void
test_help_text(void)
{
    g_autofree char *whole = sinter_command_format_help(&set, NULL);
    g_autofree char *one = sinter_command_format_help(&set, &merge);

    g_assert_nonnull(strstr(whole, "A program.\n\nCommands:\n  merge   merge layers\n"
                                   "  list    list domains\n"));
    g_assert_nonnull(strstr(whole, "-c, --connect=URI"));
    g_assert_nonnull(strstr(one, " merge DOMAIN [DISK]\n\nMerge layers.\n\nMore on it.\n"));
    g_assert_nonnull(strstr(one, "Options of merge:\n"));
    g_assert_nonnull(strstr(one, "--keep=N"));
    g_assert_nonnull(strstr(one, "--version"));
}

static void
test_wrong(void)
{
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        { "prog", "no command given; 'prog --help' lists the commands" },
        { "prog -q", "no command given; 'prog --help' lists the commands" },
        { "prog megre vm1", "unknown command 'megre'; did you mean 'merge'?" },
        { "prog help megre", "unknown command 'megre'; did you mean 'merge'?" },
        { "prog blockpull", "unknown command 'blockpull'; 'prog --help' lists the commands" },
        { "prog --nope", "unknown option --nope; see 'prog --help'" },
        { "prog --wait merge vm1", "unknown option --wait; see 'prog --help'" },
        { "prog merge vm1 --nope", "merge: unknown option --nope; see 'prog merge --help'" },
        { "prog merge vm1 --kep=2", "merge: unknown option --kep=2; did you mean '--keep'?" },
        { "prog --conect qemu:///x list", "unknown option --conect; did you mean '--connect'?" },
        { "prog merge", "merge: DOMAIN is missing; usage: prog merge DOMAIN [DISK]" },
        { "prog merge a b c", "merge: unexpected argument 'c'; usage: prog merge DOMAIN [DISK]" },
        { "prog remove", "remove: FILE is missing; usage: prog remove FILE …" },
        { "prog list all", "list: unexpected argument 'all'; usage: prog list" },
        { "prog merge vm1 --disk", "merge: missing argument for --disk; see 'prog merge --help'" },
        { "prog merge vm1 --wait=no", "merge: option --wait takes no value; see 'prog merge "
                                      "--help'" },
        { "prog list --quiet=", "option --quiet takes no value; see 'prog --help'" },
        { "prog -c", "missing argument for -c; see 'prog --help'" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterCommandCall) call = parse(cases[i].line, &error);

        g_assert_null(call);
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_wrong_number(void)
{
    static const char *const lines[] = { "prog merge vm1 --keep two", "prog merge vm1 --keep ''",
                                         "prog merge vm1 --keep 99999999999" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterCommandCall) call = parse(lines[i], &error);

        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, "merge: "));
        g_assert_nonnull(strstr(error->message, "--keep"));
    }
}

static int
run_main(const char *line)
{
    g_auto(GStrv) words = NULL;
    int n;

    g_assert_true(g_shell_parse_argv(line, &n, &words, NULL));
    return sinter_command_main(&set, n, words);
}

static void
test_main_child(void)
{
    int status = run_main(g_getenv("COMMAND_LINE"));

    g_print("status %d\n", status);
}

static void
test_main(void)
{
    static const struct {
        const char *line;
        const char *out; /* patterns */
        const char *err;
    } cases[] = {
        { "prog merge good", "*status 0\n*", "" },
        { "prog merge 'b\033ad'", "*status 4\n*", "prog: domain 'b\\x1bad' is busy\n" },
        { "prog list", "*status 5\n*", "" },
        { "prog", "*status 1\n*", "prog: no command given; 'prog --help' lists the commands\n" },
        { "prog merge '\xff' x y", "*status 1\n*",
          "prog: merge: unexpected argument 'y'; usage: *\n" },
        { "prog --version", "*prog " SINTER_VERSION "\nstatus 0\n*", "" },
        { "prog --help", "*Commands:*status 0\n*", "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_setenv("COMMAND_LINE", cases[i].line, TRUE);
        g_test_trap_subprocess("/cli/command/main/subprocess", 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout(cases[i].out);
        g_test_trap_assert_stderr(cases[i].err);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/command/options", test_options);
    g_test_add_func("/cli/command/no-options", test_no_options);
    g_test_add_func("/cli/command/dashes", test_dashes);
    g_test_add_func("/cli/command/help", test_help);
    g_test_add_func("/cli/command/help-text", test_help_text);
    g_test_add_func("/cli/command/wrong", test_wrong);
    g_test_add_func("/cli/command/wrong-number", test_wrong_number);
    g_test_add_func("/cli/command/main", test_main);
    g_test_add_func("/cli/command/main/subprocess", test_main_child);
    return g_test_run();
}
