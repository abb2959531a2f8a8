/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter check: looks for damage in the images of domains, and in files. */

#include <string.h>

#include "follow/sinter-follow.h"
#include "sinter-commands.h"
#include "sinter-error.h"
#include "sinter-work-options.h"
#include "text/sinter-check-text.h"
#include "text/sinter-job-text.h"

typedef struct {
    char **disks;
    gboolean live;
    const char *repair; /* the level */
    gboolean ignore_manager;
    gboolean ignore_migrated;
    SinterWaitOptions wait;
} Options;

/* A name with a slash is that of a file: no domain has one. */
static gboolean
is_file(const char *operand)
{
    return strchr(operand, '/') != NULL;
}

static void
add_file(SinterFollow *follow, const char *name)
{
    g_autofree char *path = g_canonicalize_filename(name, NULL);

    sinter_follow_add(follow, path,
                      &(SinterMethod){
                          .path = SINTER_BUS_MANAGER,
                          .interface = SINTER_IFACE("Manager"),
                          .method = "CheckFile",
                          .reply_type = "(o)",
                          .arguments = g_variant_new("(s)", path),
                      });
}

/* @disk: %NULL for all disks */
static void
add_call(SinterFollow *follow, const SinterObject *domain, const char *disk, const Options *options)
{
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
    const char *name = sinter_properties_get_string(domain->properties, "Name");
    g_autofree char *what = g_strconcat(name, disk ? " " : NULL, disk, NULL);

    sinter_work_options_add_string(dict, "disk", disk);
    sinter_work_options_add_string(dict, "level", options->repair);
    if ((options->live || options->repair) && options->ignore_manager)
        g_variant_dict_insert(dict, "ignore-manager", "b", TRUE);
    if (options->repair && options->ignore_migrated)
        g_variant_dict_insert(dict, "ignore-migrated", "b", TRUE);
    sinter_follow_add(follow, what,
                      &(SinterMethod){
                          .path = domain->path,
                          .interface = SINTER_IFACE("Domain"),
                          .method = options->repair ? "Repair"
                                    : options->live ? "CheckLive"
                                                    : "Check",
                          .reply_type = "(ao)",
                          .options = g_variant_dict_end(dict),
                      });
}

static gboolean
add_domain(SinterFollow *follow, SinterClient *client, const char *name, const Options *options,
           GError **error)
{
    g_autoptr(SinterObject) domain = sinter_object_find_domain(client, name, error);

    if (!domain)
        return FALSE;
    if (!options->disks)
        add_call(follow, domain, NULL, options);
    for (char **disk = options->disks; disk && *disk; disk++) {
        g_autoptr(SinterObject) object = sinter_object_find_disk(client, domain, *disk, error);

        if (!object)
            return FALSE;
        add_call(follow, domain, sinter_properties_get_string(object->properties, "Target"),
                 options);
    }
    return TRUE;
}

/* All names are looked up before the first job is started. */
static gboolean
add_all(SinterFollow *follow, SinterClient *client, const SinterCommandCall *call, GError **error)
{
    for (guint i = 0; i < call->n_operands; i++) {
        if (is_file(call->operands[i]))
            add_file(follow, call->operands[i]);
        else if (!add_domain(follow, client, call->operands[i], call->options, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_options(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    const char *of_domains = options->disks    ? "--disk"
                             : options->live   ? "--live"
                             : options->repair ? "--repair"
                                               : NULL;
    const char *fault = options->live && options->repair ? "--live and --repair" : NULL;
    g_autofree char *with_file = NULL;

    for (guint i = 0; of_domains && !fault && i < call->n_operands; i++) {
        if (is_file(call->operands[i]))
            fault = with_file = g_strconcat(of_domains, " and a file", NULL);
    }
    if (!fault)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "check: %s are mutually exclusive; see 'sinter check --help'", fault);
    return FALSE;
}

/* The tables of every job that has a result, with its label if there are several. */
static void
print_reports(const SinterClient *client, const SinterFollow *follow)
{
    guint n = sinter_follow_get_n_jobs(follow);

    for (guint i = 0; i < n; i++) {
        const SinterProperties *job = sinter_follow_get_job(follow, i);
        g_autofree char *text =
            job ? sinter_check_text_report(job, !client->globals->no_legend) : g_strdup("");
        g_autofree char *label = *text != '\0' ? sinter_job_text_label(job) : NULL;
        g_autofree char *printable = label ? sinter_text_printable(label) : NULL;

        if (printable && n > 1)
            g_print("\n%s\n", printable);
        g_print("%s", text);
    }
}

static int
run(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    g_autoptr(SinterClient) client = NULL;
    g_autoptr(SinterFollow) follow = NULL;
    int status;

    if (!check_options(call, error))
        return SINTER_EXIT_FAILED;
    client = sinter_client_open(call->globals, error);
    follow = client ? sinter_follow_new(client, &options->wait, error) : NULL;
    if (!follow || !add_all(follow, client, call, error))
        return SINTER_EXIT_FAILED;
    status = sinter_follow_run(follow);
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, sinter_follow_to_json(follow));
    else if (!client->globals->quiet)
        print_reports(client, follow);
    return status;
}

static const SinterOption option_rows[] = {
    { "disk", 0, "DISK", "only this disk; can be repeated", SINTER_OPTION_MEMBER(Options, disks),
      .kind = SINTER_OPTION_LIST },
    { "live", 0, NULL, "also the active layer of a running domain, below a temporary overlay",
      SINTER_OPTION_MEMBER(Options, live) },
    { "repair", 0, "[leaks|all]", "repair what is found: leaks only, or all (the default)",
      SINTER_OPTION_MEMBER(Options, repair), .otherwise = "all" },
    { "ignore-manager", 0, NULL,
      "with --live or --repair: also if another program manages the domain",
      SINTER_OPTION_MEMBER(Options, ignore_manager) },
    { "ignore-migrated", 0, NULL, "with --repair: also if the domain was migrated to another host",
      SINTER_OPTION_MEMBER(Options, ignore_migrated) },
    SINTER_WAIT_OPTIONS(Options),
};

const SinterCommand sinter_command_check = {
    .name = "check",
    .summary = "check disk images for damage",
    .operands = "DOMAIN|FILE …",
    .description =
        "A name with a '/' is a file. Of a running domain, the "
        "layers below the active\none are checked; with --live the active one too, below "
        "a temporary overlay that is then\nmerged back. Ctrl-C cancels the check.",
    .min_operands = 1,
    .max_operands = G_MAXUINT,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
