/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A disk's plan while it is being made: the functions that all of the planner's files share, mainly
 * naming and finding layers. A draft refers to the caller's values and owns only its plan.
 */

#include "sinter-plan-draft.h"

#include <string.h>

/* Texts list this many names, then count the rest. */
#define MAX_NAMES_IN_TEXT 8

SinterPlanDraft *
sinter_plan_draft_new(const SinterPlanRequest *request, const SinterDomain *domain,
                      const SinterDisk *disk, const SinterReferenceGraph *graph)
{
    SinterPlanDraft *draft = g_new0(SinterPlanDraft, 1);

    draft->request = request;
    draft->domain = domain;
    draft->disk = disk;
    draft->graph = graph;
    draft->consolidate = !request->operation_set;
    draft->plan = sinter_disk_plan_new(disk->target);
    draft->base = disk->layers->len;
    return draft;
}

void
sinter_plan_draft_free(SinterPlanDraft *draft)
{
    if (!draft)
        return;
    sinter_disk_plan_free(draft->plan);
    g_free(draft);
}

SinterDiskPlan *
sinter_plan_draft_steal_plan(SinterPlanDraft *draft)
{
    return g_steal_pointer(&draft->plan);
}

void
sinter_plan_draft_refuse(SinterPlanDraft *draft, SinterRefusalCode code, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(draft->plan->refusals,
                    sinter_refusal_new(code, draft->disk->target, "%s", text));
}

void
sinter_plan_draft_warn(SinterPlanDraft *draft, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(draft->plan->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

/* A layer's file name, or NULL if it has no path. Points into the path. */
static const char *
file_name(const SinterLayer *layer)
{
    const char *slash = layer->path ? strrchr(layer->path, '/') : NULL;

    return slash && slash[1] != '\0' ? slash + 1 : layer->path;
}

char *
sinter_plan_draft_name_layer(const SinterPlanDraft *draft, guint place)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);
    const char *name = file_name(layer);

    if (!name)
        return g_strdup(layer->description);
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        if (i != place && g_strcmp0(file_name(sinter_plan_draft_layer(draft, i)), name) == 0)
            return g_strdup(layer->path);
    }
    return g_strdup(name);
}

char *
sinter_plan_join_names(const GPtrArray *names)
{
    GString *text = g_string_new(NULL);
    guint n_shown = names->len <= MAX_NAMES_IN_TEXT ? names->len : MAX_NAMES_IN_TEXT - 1;

    for (guint i = 0; i < n_shown; i++)
        g_string_append_printf(text, "%s'%s'", i > 0 ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    if (n_shown < names->len)
        g_string_append_printf(text, " and %u more", names->len - n_shown);
    return g_string_free(text, FALSE);
}

char *
sinter_plan_draft_name_layers(const SinterPlanDraft *draft, guint from, guint to)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = from; i < to; i++)
        g_ptr_array_add(names, sinter_plan_draft_name_layer(draft, i));
    return sinter_plan_join_names(names);
}

static gboolean
is_ignored(const SinterPlanDraft *draft, const SinterReference *reference)
{
    return reference->stray &&
           g_strv_contains(draft->request->ignored_readers, reference->stray->description);
}

const SinterReference *
sinter_plan_draft_find_foreign(const SinterPlanDraft *draft, const SinterLayer *layer)
{
    g_autoptr(GPtrArray) found = sinter_reference_graph_lookup(draft->graph, layer);

    for (guint i = 0; i < found->len; i++) {
        const SinterReference *reference = g_ptr_array_index(found, i);

        if (!sinter_reference_is_own(reference, draft->domain->uuid, draft->disk->target) &&
            !is_ignored(draft, reference))
            return reference;
    }
    return NULL;
}

guint
sinter_plan_draft_find_file(const SinterPlanDraft *draft, const SinterLayer *probe)
{
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        if (sinter_layer_same_file(sinter_plan_draft_layer(draft, i), probe))
            return i;
    }
    return SINTER_PLAN_NO_LAYER;
}
