/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter doctor: what on this host prevents Sinter from protecting guests, with the line that
 * solves it. */

#include "bus/sinter-client.h"
#include "sinter-commands.h"
#include "text/sinter-doctor-text.h"

typedef struct {
    char **except;
} Options;

/* (transfer full) (nullable) (element-type SinterProperties) */
static GPtrArray *
examine(SinterClient *client, const Options *options, GError **error)
{
    g_autoptr(GVariant) reply = sinter_client_call(client,
                                                   &(SinterMethod){
                                                       .path = SINTER_BUS_MANAGER,
                                                       .interface = SINTER_IFACE("Manager"),
                                                       .method = "ExamineHost",
                                                       .reply_type = "(aa{sv})",
                                                   },
                                                   error);
    g_autoptr(GVariant) all = reply ? g_variant_get_child_value(reply, 0) : NULL;

    return all ? sinter_doctor_text_select(all, (const char *const *)options->except) : NULL;
}

static void
print(const SinterClient *client, GPtrArray *findings)
{
    g_autofree char *text = NULL;

    if (client->json != SINTER_JSON_OFF) {
        sinter_client_print_json(client, sinter_doctor_text_to_json(findings));
        return;
    }
    text = client->globals->quiet ? sinter_doctor_text_names(findings)
                                  : sinter_doctor_text_table(findings, !client->globals->no_legend);
    g_print("%s", text);
}

static int
run(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(GPtrArray) findings = client ? examine(client, call->options, error) : NULL;

    if (!findings)
        return SINTER_EXIT_FAILED;
    print(client, findings);
    return findings->len > 0 ? SINTER_EXIT_FOUND : SINTER_EXIT_DONE;
}

static const SinterOption option_rows[] = {
    { "except", 0, "CHECK", "leave out what this check finds; can be repeated",
      SINTER_OPTION_MEMBER(Options, except), .kind = SINTER_OPTION_LIST },
};

const SinterCommand sinter_command_doctor = {
    .name = "doctor",
    .summary = "show what on this host prevents guests from being protected",
    .operands = "",
    .description =
        "For each problem, prints the check that found it, the disk, domain or file system, and a "
        "line that solves it. Nothing is changed. The exit status is 0 if nothing was found, and 8 "
        "if something was. Checks: libvirt, error-policy, threshold, lvm-autoextend, "
        "backing-write, reflink, locks, agent, manager, version.",
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
