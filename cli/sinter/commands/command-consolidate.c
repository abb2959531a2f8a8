/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter consolidate: merges the layers of disks, for one or more domains. */

#include <string.h>

#include "sinter-commands.h"
#include "sinter-error.h"
#include "follow/sinter-follow.h"
#include "sinter-work-options.h"

typedef struct {
    char **disks;
    const char *plan;
    SinterRangeOptions range;
    SinterIgnoreOptions ignore;
    SinterBandwidthOptions bandwidth;
    SinterWaitOptions wait;
} Options;

static gboolean
check_options(const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;
    const SinterRangeOptions *range = &options->range;
    const char *fault = NULL;

    if (!options->plan && call->n_operands == 0)
        fault = "DOMAIN or --plan is missing";
    else if (options->plan && call->n_operands > 0)
        fault = "--plan and a domain are mutually exclusive";
    else if (options->plan &&
             (options->disks || range->keep || range->top || range->base || range->pull ||
              range->keep_files || options->ignore.readers || options->ignore.manager))
        fault = "--plan can only be combined with --bandwidth and the options for waiting";
    if (!fault)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "consolidate: %s; see 'sinter consolidate --help'", fault);
    return FALSE;
}

/* Records the state of the disks before the jobs, for the summary at the end. */
static gboolean
note_disks(SinterFollow *follow, SinterClient *client, const SinterObject *domain, GError **error)
{
    g_autoptr(GPtrArray) disks = NULL;

    if (client->globals->quiet && client->json == SINTER_JSON_OFF)
        return TRUE;
    disks = sinter_object_read_disks(client, domain, error);
    if (!disks)
        return FALSE;
    while (disks->len > 0)
        sinter_follow_add_disk(follow, g_ptr_array_steal_index(disks, disks->len - 1));
    return TRUE;
}

/* @disk: %NULL for all disks */
static gboolean
add_call(SinterFollow *follow, const SinterObject *domain, const char *disk, const Options *options,
         GError **error)
{
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
    const char *name = sinter_properties_get_string(domain->properties, "Name");
    g_autofree char *what = g_strconcat(name, disk ? " " : NULL, disk, NULL);

    sinter_work_options_add_string(dict, "disk", disk);
    if (!sinter_range_options_add(&options->range, dict, error) ||
        !sinter_bandwidth_options_add(&options->bandwidth, dict, error))
        return FALSE;
    sinter_ignore_options_add(&options->ignore, dict);
    sinter_follow_add(follow, what,
                      &(SinterMethod){
                          .path = domain->path,
                          .interface = SINTER_IFACE("Domain"),
                          .method = "Consolidate",
                          .reply_type = "(ao)",
                          .options = g_variant_dict_end(dict),
                      });
    return TRUE;
}

static gboolean
add_domain(SinterFollow *follow, SinterClient *client, const char *name, const Options *options,
           GError **error)
{
    g_autoptr(SinterObject) domain = sinter_object_find_domain(client, name, error);

    if (!domain || !note_disks(follow, client, domain, error))
        return FALSE;
    if (!options->disks)
        return add_call(follow, domain, NULL, options, error);
    for (char **disk = options->disks; *disk; disk++) {
        g_autoptr(SinterObject) object = sinter_object_find_disk(client, domain, *disk, error);

        if (!object ||
            !add_call(follow, domain, sinter_properties_get_string(object->properties, "Target"),
                      options, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_plan(SinterFollow *follow, SinterClient *client, const Options *options, GError **error)
{
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
    g_autoptr(SinterObject) plan = sinter_object_find_plan(client, options->plan, error);
    g_autoptr(SinterObject) domain = NULL;

    if (!plan)
        return FALSE;
    domain = sinter_object_read(client, sinter_properties_get_string(plan->properties, "Domain"),
                                SINTER_IFACE("Domain"), error);
    if (!domain || !note_disks(follow, client, domain, error) ||
        !sinter_bandwidth_options_add(&options->bandwidth, dict, error))
        return FALSE;
    sinter_follow_add(follow, sinter_properties_get_string(domain->properties, "Name"),
                      &(SinterMethod){
                          .path = plan->path,
                          .interface = SINTER_IFACE("Plan"),
                          .method = "Execute",
                          .reply_type = "(ao)",
                          .options = g_variant_dict_end(dict),
                      });
    return TRUE;
}

/* All names are looked up before the first job is started, so that a misspelled name starts
 * nothing. */
static gboolean
add_all(SinterFollow *follow, SinterClient *client, const SinterCommandCall *call, GError **error)
{
    const Options *options = call->options;

    if (options->plan)
        return add_plan(follow, client, options, error);
    for (guint i = 0; i < call->n_operands; i++) {
        if (!add_domain(follow, client, call->operands[i], options, error))
            return FALSE;
    }
    return TRUE;
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
    return status;
}

static const SinterOption option_rows[] = {
    { "disk", 0, "DISK", "only this disk; can be repeated", SINTER_OPTION_MEMBER(Options, disks),
      .kind = SINTER_OPTION_LIST },
    SINTER_RANGE_OPTIONS(Options),
    SINTER_IGNORE_OPTIONS(Options),
    { "plan", 0, "ID", "carry out this plan (see 'sinter plan')",
      SINTER_OPTION_MEMBER(Options, plan) },
    SINTER_BANDWIDTH_OPTIONS(Options),
    SINTER_WAIT_OPTIONS(Options),
};

const SinterCommand sinter_command_consolidate = {
    .name = "consolidate",
    .summary = "merge the layers of domains' disks",
    .operands = "DOMAIN …",
    .description = "Ctrl-C cancels the jobs; a second Ctrl-C exits, and the jobs continue.",
    .max_operands = G_MAXUINT,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
