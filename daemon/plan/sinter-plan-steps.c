/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The result of a plan without refusals: the future chain, the files that can be removed, and the
 * steps in a safe order: first data, then verification, then removal of what the verification
 * proves unused.
 */

#include "sinter-plan-steps.h"
#include "sinter-plan-sharing.h"
#include "sinter-plan-snapshots.h"
#include "sinter-units.h"

static char **
list_chain_after(const SinterPlanDraft *draft)
{
    g_autoptr(GStrvBuilder) after = g_strv_builder_new();
    char **before = draft->plan->chain_before;
    guint n_above = draft->first;

    if (draft->plan->operation == SINTER_OPERATION_COPY) {
        if (!draft->request->pivot)
            return g_strdupv(before);
        g_strv_builder_add(after, draft->plan->destination);
    }
    for (guint i = 0; i < n_above; i++)
        g_strv_builder_add(after, before[i]);
    for (guint i = draft->base; before[i]; i++)
        g_strv_builder_add(after, before[i]);
    return g_strv_builder_end(after);
}

/* Why a file that leaves the chain is not removed. */
typedef enum {
    STAYS_NOT,
    STAYS_DEVICE,
    STAYS_ASKED,
    STAYS_SHARED, /* in use, as are all layers from here on */
    STAYS_NEXT_BOOT,
    STAYS_SNAPSHOT,
    N_STAYS,
} Stays;

static const char *const stays_texts[N_STAYS] = {
    [STAYS_DEVICE] = "devices are kept",
    [STAYS_ASKED] = "files are kept as requested",
    [STAYS_SHARED] = "files are kept because others use them",
    [STAYS_NEXT_BOOT] = "files are kept because the persistent definition may need them",
    [STAYS_SNAPSHOT] = "files are kept because remaining snapshots may need them",
};

static Stays
why_stays(const SinterPlanDraft *draft, guint place)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);
    gboolean pull = draft->plan->operation == SINTER_OPERATION_PULL;

    if (layer->type != SINTER_SOURCE_FILE || !layer->path)
        return STAYS_DEVICE;
    if (draft->request->keep_files)
        return STAYS_ASKED;
    if (sinter_plan_draft_find_foreign(draft, layer))
        return STAYS_SHARED;
    if (pull && sinter_plan_draft_is_needed_by_next_boot(draft, place))
        return STAYS_NEXT_BOOT;
    return sinter_plan_draft_find_kept_user(draft, place) ? STAYS_SNAPSHOT : STAYS_NOT;
}

static void
warn_of_staying(SinterPlanDraft *draft, GPtrArray *const *staying)
{
    gboolean commit = sinter_plan_draft_is_commit(draft);

    for (guint i = STAYS_DEVICE; i < N_STAYS; i++) {
        g_autofree char *names = NULL;

        if (staying[i]->len == 0)
            continue;
        names = sinter_plan_join_names(staying[i]);
        sinter_plan_draft_warn(draft, "%s: %s%s", stays_texts[i], names,
                               commit ? ", which have no valid state after the merge" : "");
    }
}

/* Sorts the layers that leave the chain; returns those that can be removed (element-type guint
 * places). If a layer is in use, the layers below it are in use as well, because its header refers
 * to them. */
static GArray *
sort_leaving(SinterPlanDraft *draft)
{
    GArray *removable = g_array_new(FALSE, FALSE, sizeof(guint));
    GPtrArray *staying[N_STAYS];
    Stays needed_above = STAYS_NOT;

    for (guint i = 0; i < N_STAYS; i++)
        staying[i] = g_ptr_array_new_with_free_func(g_free);
    for (guint i = draft->first; i < draft->base; i++) {
        Stays why = why_stays(draft, i);

        if (why == STAYS_NOT)
            why = needed_above;
        if (why >= STAYS_SHARED)
            needed_above = why;
        if (why == STAYS_NOT)
            g_array_append_val(removable, i);
        else
            g_ptr_array_add(staying[why], sinter_plan_draft_name_layer(draft, i));
    }
    warn_of_staying(draft, staying);
    for (guint i = 0; i < N_STAYS; i++)
        g_ptr_array_unref(staying[i]);
    return removable;
}

static SinterStep *
add_step(SinterPlanDraft *draft, SinterStepKind kind, const char *subject, char *text)
{
    SinterStep *step = sinter_step_new(kind, draft->plan->disk);

    step->subject = g_strdup(subject);
    step->text = text;
    g_ptr_array_add(draft->plan->steps, step);
    return step;
}

/* "'l1.qcow2'", or "3 layers, 'l3.qcow2' to 'l1.qcow2'" */
static char *
describe_moving(const SinterPlanDraft *draft)
{
    g_autofree char *first = sinter_plan_draft_name_layer(draft, draft->first);
    g_autofree char *last = sinter_plan_draft_name_layer(draft, draft->base - 1);
    guint n_layers = draft->base - draft->first;

    if (n_layers == 1)
        return g_strdup_printf("'%s'", first);
    return g_strdup_printf("%u layers, '%s' to '%s'", n_layers, first, last);
}

static void
add_commit_step(SinterPlanDraft *draft, const char *moving, const char *bytes)
{
    g_autofree char *base = sinter_plan_draft_name_layer(draft, draft->base);
    SinterStep *step;

    step =
        add_step(draft, SINTER_STEP_COMMIT, draft->plan->base_path,
                 g_strdup_printf("merge %s (up to %s) down into '%s'%s", moving, bytes, base,
                                 draft->request->keep_files ? " and keep the merged files" : ""));
    step->bytes = draft->plan->bytes_to_copy;
    if (draft->plan->operation != SINTER_OPERATION_ACTIVE_COMMIT)
        return;
    if (draft->plan->offline)
        add_step(draft, SINTER_STEP_REDEFINE_DOMAIN, draft->plan->base_path,
                 g_strdup_printf("change the definition of domain '%s' to '%s'",
                                 draft->domain->name, base));
    else
        add_step(draft, SINTER_STEP_PIVOT, draft->plan->base_path,
                 g_strdup_printf("pivot the guest to '%s'", base));
}

static void
add_pull_step(SinterPlanDraft *draft, const char *moving, const char *bytes)
{
    g_autofree char *active = sinter_plan_draft_name_layer(draft, 0);
    SinterStep *step;

    step =
        add_step(draft, SINTER_STEP_PULL, draft->plan->top_path,
                 g_strdup_printf("pull %s (up to %s) into '%s'%s", moving, bytes, active,
                                 draft->request->keep_files ? " and keep the pulled files" : ""));
    step->bytes = draft->plan->bytes_to_copy;
}

static void
add_copy_step(SinterPlanDraft *draft, const char *moving, const char *bytes)
{
    const SinterDiskPlan *plan = draft->plan;
    SinterStep *step;

    step = add_step(draft, SINTER_STEP_COPY, plan->destination,
                    g_strdup_printf("copy %s (up to %s) to %s'%s', as %s", moving, bytes,
                                    plan->reuse_external ? "the existing " : "", plan->destination,
                                    plan->destination_format));
    step->bytes = plan->bytes_to_copy;
    if (plan->pivot)
        add_step(
            draft, SINTER_STEP_PIVOT, plan->destination,
            g_strdup_printf("pivot the guest to '%s' and keep the old files", plan->destination));
}

static void
add_verify_step(SinterPlanDraft *draft)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *chain = NULL;

    for (guint i = 0; draft->plan->chain_after[i]; i++)
        g_ptr_array_add(names, draft->plan->chain_after[i]);
    chain = sinter_plan_join_names(names);
    add_step(draft, SINTER_STEP_VERIFY, NULL,
             g_strdup_printf("verify that the chain is %s", chain));
}

static void
add_snapshot_steps(SinterPlanDraft *draft)
{
    g_autofree char *base =
        draft->plan->base_path ? sinter_plan_draft_name_layer(draft, draft->base) : NULL;

    for (char **name = draft->plan->redefine_snapshots; *name; name++)
        add_step(
            draft, SINTER_STEP_REDEFINE_SNAPSHOT, *name,
            g_strdup_printf("redefine snapshot '%s', whose state is now in '%s'", *name, base));
    for (char **name = draft->plan->drop_snapshots; *name; name++)
        add_step(draft, SINTER_STEP_DROP_SNAPSHOT, *name,
                 g_strdup_printf(
                     "delete the metadata of snapshot '%s', whose state no longer exists", *name));
    for (char **name = draft->plan->drop_checkpoints; *name; name++)
        add_step(draft, SINTER_STEP_DROP_CHECKPOINT, *name,
                 g_strdup_printf("delete the metadata of checkpoint '%s', whose dirty bitmaps no "
                                 "longer exist",
                                 *name));
}

static void
add_removal_steps(SinterPlanDraft *draft, const GArray *removable)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();

    for (guint i = 0; i < removable->len; i++) {
        guint place = g_array_index(removable, guint, i);
        const SinterLayer *layer = sinter_plan_draft_layer(draft, place);
        g_autofree char *name = sinter_plan_draft_name_layer(draft, place);
        g_autofree char *bytes = sinter_units_format_bytes(layer->allocated_bytes);
        SinterStep *step;

        step = add_step(
            draft, SINTER_STEP_REMOVE_FILE, layer->path,
            g_strdup_printf("remove '%s' (%s) after verifying that nothing uses it", name, bytes));
        step->bytes = layer->allocated_bytes;
        g_strv_builder_add(paths, layer->path);
    }
    g_strfreev(draft->plan->remove_files);
    draft->plan->remove_files = g_strv_builder_end(paths);
    if (removable->len > 0)
        add_step(draft, SINTER_STEP_REFRESH_POOL, NULL,
                 g_strdup("refresh the storage pools that held removed files"));
}

void
sinter_plan_draft_write_steps(SinterPlanDraft *draft)
{
    static void (*const add_data_steps[])(SinterPlanDraft *, const char *, const char *) = {
        [SINTER_OPERATION_ACTIVE_COMMIT] = add_commit_step,
        [SINTER_OPERATION_COMMIT] = add_commit_step,
        [SINTER_OPERATION_PULL] = add_pull_step,
        [SINTER_OPERATION_COPY] = add_copy_step,
    };
    g_autofree char *moving = describe_moving(draft);
    g_autofree char *bytes = sinter_units_format_bytes(draft->plan->bytes_to_copy);

    g_strfreev(draft->plan->chain_after);
    draft->plan->chain_after = list_chain_after(draft);
    add_data_steps[draft->plan->operation](draft, moving, bytes);
    add_verify_step(draft);
    add_snapshot_steps(draft);
    if (draft->plan->operation != SINTER_OPERATION_COPY) {
        g_autoptr(GArray) removable = sort_leaving(draft);

        add_removal_steps(draft, removable);
    }
}
