/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter plan: shows what a consolidation would do. */

#include <string.h>

#include "sinter-commands.h"
#include "bus/sinter-object.h"
#include "text/sinter-plan-text.h"
#include "sinter-work-options.h"

typedef struct {
    const char *disk;
    SinterRangeOptions range;
    SinterIgnoreOptions ignore;
} Options;

static SinterObject *
make_plan(SinterClient *client, const SinterObject *domain, const Options *options, GError **error)
{
    g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);
    g_autoptr(GVariant) reply = NULL;
    const char *path;

    sinter_work_options_add_string(dict, "disk", options->disk);
    if (!sinter_range_options_add(&options->range, dict, error))
        return NULL;
    sinter_ignore_options_add(&options->ignore, dict);
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = domain->path,
                                   .interface = SINTER_IFACE("Domain"),
                                   .method = "Plan",
                                   .reply_type = "(o)",
                                   .options = g_variant_dict_end(dict),
                               },
                               error);
    if (!reply)
        return NULL;
    g_variant_get(reply, "(&o)", &path);
    return sinter_object_read(client, path, SINTER_IFACE("Plan"), error);
}

/* The daemon keeps a limited number of plans, so a plan that cannot be used is discarded
 * immediately. */
static void
discard(SinterClient *client, const SinterObject *plan)
{
    g_autoptr(GVariant) reply = sinter_client_call(client,
                                                   &(SinterMethod){
                                                       .path = plan->path,
                                                       .interface = SINTER_IFACE("Plan"),
                                                       .method = "Discard",
                                                       .reply_type = "()",
                                                   },
                                                   NULL);
}

static JsonNode *
to_json(const SinterObject *domain, const SinterObject *plan, SinterPlanVerdict verdict)
{
    static const char *const verdicts[] = {
        [SINTER_PLAN_WORK] = "work",
        [SINTER_PLAN_IDLE] = "idle",
        [SINTER_PLAN_REFUSED] = "refused",
    };
    JsonObject *object = sinter_properties_to_json(plan->properties);
    JsonNode *node = json_node_alloc();

    json_object_set_string_member(object, "domain-name",
                                  sinter_properties_get_string(domain->properties, "Name"));
    json_object_set_string_member(object, "verdict", verdicts[verdict]);
    if (verdict != SINTER_PLAN_WORK)
        json_object_set_null_member(object, "id");
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}

static void
print(const SinterClient *client, const SinterObject *domain, const SinterObject *plan,
      SinterPlanVerdict verdict)
{
    const char *name = sinter_properties_get_string(domain->properties, "Name");
    g_autofree char *text = NULL;

    if (client->json != SINTER_JSON_OFF) {
        sinter_client_print_json(client, to_json(domain, plan, verdict));
    } else if (!client->globals->quiet) {
        text = sinter_plan_text_format(plan->properties, name, !client->globals->no_legend);
        g_print("%s", text);
    } else if (verdict == SINTER_PLAN_WORK) {
        g_print("%s\n", sinter_properties_get_string(plan->properties, "Id"));
    }
}

static int
run(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(SinterObject) domain = NULL;
    g_autoptr(SinterObject) plan = NULL;
    SinterPlanVerdict verdict;

    if (!client)
        return SINTER_EXIT_FAILED;
    domain = sinter_object_find_domain(client, call->operands[0], error);
    plan = domain ? make_plan(client, domain, call->options, error) : NULL;
    if (!plan)
        return SINTER_EXIT_FAILED;
    verdict = sinter_plan_text_verdict(plan->properties);
    if (verdict != SINTER_PLAN_WORK)
        discard(client, plan);
    print(client, domain, plan, verdict);
    if (sinter_plan_text_is_misasked(plan->properties))
        return SINTER_EXIT_FAILED; /* like consolidate: this is not a refusal by a safety rule */
    return verdict == SINTER_PLAN_REFUSED ? SINTER_EXIT_REFUSED : SINTER_EXIT_DONE;
}

static const SinterOption option_rows[] = {
    { "disk", 0, "DISK", "only this disk", SINTER_OPTION_MEMBER(Options, disk) },
    SINTER_RANGE_OPTIONS(Options),
    SINTER_IGNORE_OPTIONS(Options),
};

const SinterCommand sinter_command_plan = {
    .name = "plan",
    .summary = "show what a consolidation would do",
    .operands = "DOMAIN",
    .description = "Exits with 4 if the consolidation would be refused, and with 1 if the chain "
                   "has no such\nrange.",
    .min_operands = 1,
    .max_operands = 1,
    .options = option_rows,
    .n_options = G_N_ELEMENTS(option_rows),
    .options_size = sizeof(Options),
    .run = run,
};
