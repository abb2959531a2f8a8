/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns the options of a request (an operation, --keep, --top, --base) into a range of the chain.
 * Invariant of the result: first < base for commits and pulls; for commits base is a layer of the
 * chain. A name that matches two layers is refused, never guessed.
 */

#include "sinter-plan-range.h"
#include "sinter-plan-cost.h"
#include "sinter-plan-snapshots.h"

#include <string.h>

/* The matches of a name so far. */
typedef struct {
    guint place;
    gboolean ambiguous;
} Match;

static void
match_add(Match *match, guint place)
{
    if (match->place != SINTER_PLAN_NO_LAYER && match->place != place)
        match->ambiguous = TRUE;
    match->place = place;
}

/* Finds a layer by its path or description in the chain, or by another path to the same image. */
static guint
find_path(const SinterPlanDraft *draft, const char *name)
{
    g_autoptr(GPtrArray) references = NULL;

    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (g_strcmp0(layer->path, name) == 0 || g_strcmp0(layer->description, name) == 0)
            return i;
    }
    if (!g_path_is_absolute(name))
        return SINTER_PLAN_NO_LAYER;
    references = sinter_reference_graph_lookup_path(draft->graph, name);
    for (guint i = 0; i < references->len; i++) {
        const SinterReference *reference = g_ptr_array_index(references, i);
        guint place = reference->depth;

        if (g_strcmp0(reference->domain_uuid, draft->domain->uuid) == 0 &&
            g_strcmp0(reference->disk, draft->disk->target) == 0 &&
            reference->kind <= SINTER_REFERENCE_INACTIVE && place < draft->disk->layers->len &&
            g_strcmp0(sinter_plan_draft_layer(draft, place)->path, reference->path) == 0)
            return place;
    }
    return SINTER_PLAN_NO_LAYER;
}

static void
match_file_name(const SinterPlanDraft *draft, const char *name, Match *match)
{
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);
        const char *slash = layer->path ? strrchr(layer->path, '/') : NULL;

        if (slash && strcmp(slash + 1, name) == 0)
            match_add(match, i);
    }
}

/* "vda[3]": the layer that has index='3' in the live XML. */
static void
match_index(const SinterPlanDraft *draft, const char *name, Match *match)
{
    gsize target_len = strlen(draft->disk->target);
    g_autofree char *digits = NULL;
    guint64 index;

    if (!g_str_has_prefix(name, draft->disk->target) || name[target_len] != '[' ||
        !g_str_has_suffix(name, "]"))
        return;
    digits = g_strndup(name + target_len + 1, strlen(name) - target_len - 2);
    if (!g_ascii_string_to_unsigned(digits, 10, 1, G_MAXUINT, &index, NULL))
        return;
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        if (sinter_plan_draft_layer(draft, i)->index == index)
            match_add(match, i);
    }
}

static void
match_snapshot(const SinterPlanDraft *draft, const char *name, Match *match)
{
    const SinterSnapshot *snapshot = sinter_domain_find_snapshot(draft->domain, name);
    guint place = snapshot ? sinter_plan_draft_find_frozen(draft, snapshot) : SINTER_PLAN_NO_LAYER;

    if (place != SINTER_PLAN_NO_LAYER)
        match_add(match, place);
}

/* Refuses a range and lists the possible choices. */
static void refuse_range(SinterPlanDraft *draft, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
refuse_range(SinterPlanDraft *draft, const char *format, ...)
{
    g_autofree char *chain = sinter_plan_draft_name_layers(draft, 0, draft->disk->layers->len);
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_BAD_RANGE,
                             "%s; the chain of disk '%s' of domain '%s', starting at the top: %s",
                             text, draft->disk->target, draft->domain->name, chain);
}

/* @option: the option that names the layer: "--top" */
static gboolean
find_layer(SinterPlanDraft *draft, const char *option, const char *name, guint *ret_place)
{
    Match match = { SINTER_PLAN_NO_LAYER, FALSE };
    guint place = find_path(draft, name);

    if (place != SINTER_PLAN_NO_LAYER) {
        *ret_place = place;
        return TRUE;
    }
    match_file_name(draft, name, &match);
    match_index(draft, name, &match);
    match_snapshot(draft, name, &match);
    if (match.ambiguous) {
        refuse_range(draft, "%s '%s' matches more than one layer: give the full path", option,
                     name);
        return FALSE;
    }
    if (match.place == SINTER_PLAN_NO_LAYER) {
        refuse_range(draft, "%s '%s' matches no layer, live index or snapshot of this chain",
                     option, name);
        return FALSE;
    }
    *ret_place = match.place;
    return TRUE;
}

static gboolean
find_commit_ends(SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;

    draft->first = request->keep;
    draft->base = draft->disk->layers->len - 1;
    if (request->top && !find_layer(draft, "--top", request->top, &draft->first))
        return FALSE;
    return !request->base || find_layer(draft, "--base", request->base, &draft->base);
}

static void
refuse_kept(SinterPlanDraft *draft)
{
    g_autofree char *base = sinter_plan_draft_name_layer(draft, draft->base);

    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_CHAIN,
                             "nothing to consolidate: disk '%s' of domain '%s' has %u layer%s "
                             "above '%s', and --keep is %u",
                             draft->disk->target, draft->domain->name, draft->base,
                             draft->base == 1 ? "" : "s", base, draft->request->keep);
}

/* Checks that the range of a commit has two ends in the right order; refuses otherwise. */
static gboolean
check_commit_ends(SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;
    g_autofree char *top = NULL;
    g_autofree char *base = NULL;

    if (draft->first < draft->base)
        return TRUE;
    base = sinter_plan_draft_name_layer(draft, draft->base);
    if (request->keep > 0 && draft->base > 0) {
        refuse_kept(draft);
        return FALSE;
    }
    top = sinter_plan_draft_name_layer(draft, request->top ? draft->first : 0);
    if (draft->base == 0)
        refuse_range(draft, "--base '%s' is the active layer: there is no layer above it", base);
    else if (draft->first == draft->base && !request->base)
        refuse_range(draft, "--top '%s' is the base of the chain: there is no layer below it", top);
    else if (draft->first == draft->base)
        refuse_range(draft, "--top and --base both name '%s'", top);
    else
        refuse_range(draft, "--top '%s' is below --base '%s'", top, base);
    return FALSE;
}

static gboolean
find_commit_range(SinterPlanDraft *draft)
{
    if (!find_commit_ends(draft) || !check_commit_ends(draft))
        return FALSE;
    if (draft->request->operation_set &&
        draft->request->operation == SINTER_OPERATION_ACTIVE_COMMIT && draft->first > 0) {
        refuse_range(draft, "--top '%s' is not the active layer, at which an active commit starts",
                     draft->request->top);
        return FALSE;
    }
    draft->plan->operation =
        draft->first == 0 ? SINTER_OPERATION_ACTIVE_COMMIT : SINTER_OPERATION_COMMIT;
    return TRUE;
}

static gboolean
find_pull_range(SinterPlanDraft *draft)
{
    g_autofree char *base = NULL;

    draft->plan->operation = SINTER_OPERATION_PULL;
    draft->first = 1;
    draft->base = draft->disk->layers->len;
    if (!draft->request->base)
        return TRUE;
    if (!find_layer(draft, "--base", draft->request->base, &draft->base))
        return FALSE;
    if (draft->base > 1)
        return TRUE;
    base = sinter_plan_draft_name_layer(draft, draft->base);
    if (draft->base == 0)
        refuse_range(draft, "--base '%s' is the active layer, which is the target of the pull",
                     base);
    else
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_NO_CHAIN,
                                 "nothing to pull: on disk '%s' of domain '%s', '%s' is already "
                                 "the backing file of the active layer",
                                 draft->disk->target, draft->domain->name, base);
    return FALSE;
}

/* Returns whether the bottom layer may leave the chain: it must be a file of the same format as the
 * top one, and have no other user. */
static gboolean
may_bottom_go(const SinterPlanDraft *draft)
{
    const SinterLayer *top = sinter_plan_draft_layer(draft, 0);
    const SinterLayer *bottom = sinter_plan_draft_layer(draft, draft->base);

    return top->type == SINTER_SOURCE_FILE && bottom->type == SINTER_SOURCE_FILE &&
           top->fs_device == bottom->fs_device && g_strcmp0(top->format, "qcow2") == 0 &&
           g_strcmp0(bottom->format, "qcow2") == 0 &&
           !sinter_plan_draft_find_foreign(draft, bottom);
}

/*
 * A whole chain can be merged into the bottom layer or into the top one. Offline the guest sees no
 * difference, because no process has either image open: so the direction that moves fewer bytes is
 * chosen.
 */
static gboolean
is_upward_cheaper(const SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;
    guint n_layers = draft->disk->layers->len;

    if (!draft->plan->offline || !draft->consolidate || request->keep > 0 || request->top ||
        request->base || !may_bottom_go(draft))
        return FALSE;
    return sinter_plan_draft_sum_used(draft, 1, n_layers) <
           sinter_plan_draft_sum_used(draft, 0, n_layers - 1);
}

static gboolean
find_copy_range(SinterPlanDraft *draft)
{
    draft->plan->operation = SINTER_OPERATION_COPY;
    draft->first = 0;
    draft->base = draft->request->shallow ? 1 : draft->disk->layers->len;
    return TRUE;
}

gboolean
sinter_plan_draft_find_range(SinterPlanDraft *draft)
{
    const SinterPlanRequest *request = draft->request;

    if (request->operation_set && request->operation == SINTER_OPERATION_COPY)
        return find_copy_range(draft);
    if (request->pull || (request->operation_set && request->operation == SINTER_OPERATION_PULL))
        return find_pull_range(draft);
    if (!find_commit_range(draft))
        return FALSE;
    return is_upward_cheaper(draft) ? find_pull_range(draft) : TRUE;
}
