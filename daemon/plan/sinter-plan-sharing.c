/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Other users of the images that an operation changes. A commit changes its base, and with it the
 * meaning of every layer between: any user that reads through one of them, even a shut-off domain
 * or a snapshot on another branch, would read a mixture of two states. So a commit needs exclusive
 * use of every layer from top to base. A pull changes only what no other user can see, a copy only
 * its destination.
 *
 * The definition for the next boot is such a user as well. It follows the live chain if libvirt
 * finds the same source in both; libvirt compares paths as text, so another name of the same file
 * does not match.
 */

#include "sinter-plan-sharing.h"
#include "sinter-plan-snapshots.h"
#include "sinter-unknown-reader.h"

/* (nullable): the more informative of two references: a running user before others */
static const SinterReference *
find_running(const SinterPlanDraft *draft, const SinterLayer *layer, const SinterReference *found)
{
    g_autoptr(GPtrArray) references = sinter_reference_graph_lookup(draft->graph, layer);

    for (guint i = 0; i < references->len; i++) {
        const SinterReference *reference = g_ptr_array_index(references, i);

        if (reference->kind == SINTER_REFERENCE_LIVE &&
            g_strcmp0(reference->domain_uuid, found->domain_uuid) == 0 &&
            g_strcmp0(reference->disk, found->disk) == 0)
            return reference;
    }
    return found;
}

/* The number of domains that use @layer, without ours and that of @found. */
static guint
count_more_domains(const SinterPlanDraft *draft, const SinterLayer *layer,
                   const SinterReference *found)
{
    g_autoptr(GPtrArray) references = sinter_reference_graph_lookup(draft->graph, layer);
    g_autoptr(GHashTable) uuids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < references->len; i++) {
        const SinterReference *reference = g_ptr_array_index(references, i);

        if (reference->domain_uuid && g_strcmp0(reference->domain_uuid, draft->domain->uuid) != 0 &&
            g_strcmp0(reference->domain_uuid, found->domain_uuid) != 0)
            g_hash_table_add(uuids, (gpointer)reference->domain_uuid);
    }
    return g_hash_table_size(uuids);
}

/* "disk 'vda' of domain 'db' (running) and 3 more domains" */
static char *
describe_user(const SinterPlanDraft *draft, const SinterLayer *layer, const SinterReference *found)
{
    const SinterReference *reference = find_running(draft, layer, found);
    gboolean own = g_strcmp0(reference->domain_uuid, draft->domain->uuid) == 0;
    guint n_more = count_more_domains(draft, layer, reference);
    g_autofree char *words = sinter_reference_describe(reference);
    GString *text = g_string_new(NULL);

    if (reference->kind > SINTER_REFERENCE_INACTIVE)
        g_string_append(text, words);
    else
        g_string_append_printf(text, "disk '%s' of %s'%s' (%s)", reference->disk,
                               own ? "the same domain " : "domain ", reference->domain_name,
                               reference->kind == SINTER_REFERENCE_LIVE ? "running"
                                                                        : "not running on it");
    if (n_more > 0)
        g_string_append_printf(text, " and by %u more domain%s", n_more, n_more == 1 ? "" : "s");
    return g_string_free(text, FALSE);
}

/* What can be done if all layers from @shared on must stay unchanged. @remedy: what removes the
 * cause */
static char *
propose(const SinterPlanDraft *draft, guint shared, const char *remedy)
{
    gboolean merge = shared > draft->first + 1;
    gboolean pull = shared > 1;
    const char *pull_words = draft->consolidate ? "--pull --base" : "a pull with --base";
    g_autofree char *above = merge ? sinter_plan_draft_name_layer(draft, shared - 1) : NULL;
    g_autofree char *name = sinter_plan_draft_name_layer(draft, shared);

    if (merge)
        return g_strdup_printf(
            "merge only the layers above it (--base '%s'), pull down to it (%s '%s'), or %s", above,
            pull_words, name, remedy);
    if (pull)
        return g_strdup_printf("pull down to it (%s '%s'), or %s", pull_words, name, remedy);
    return g_strdup_printf("copy the disk to another image, or %s", remedy);
}

static gboolean
refuse_foreign(SinterPlanDraft *draft, guint place)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);
    const SinterReference *found = sinter_plan_draft_find_foreign(draft, layer);
    g_autofree char *user = NULL;
    g_autofree char *remedy = NULL;
    g_autofree char *proposal = NULL;

    if (!found)
        return FALSE;
    user = describe_user(draft, layer, found);
    remedy = found->stray
                 ? g_strdup_printf("confirm that its content is not needed (--ignore-reader '%s')",
                                   found->stray->description)
                 : g_strdup("remove the other use first");
    proposal = propose(draft, place, remedy);
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHARED_BASE,
                             "'%s', a layer of disk '%s' of domain '%s', is also used by %s, whose "
                             "data the merge would corrupt: %s",
                             layer->description, draft->disk->target, draft->domain->name, user,
                             proposal);
    return TRUE;
}

/* Our own snapshot on another branch: its state is in a file outside the chain that is backed by
 * the layer at @place. */
static gboolean
is_branch_on(const SinterPlanDraft *draft, const SinterSnapshotDisk *disk, guint place)
{
    const SinterLayer *layer = sinter_plan_draft_layer(draft, place);

    for (guint i = 0; disk->frozen_layers && i < disk->frozen_layers->len; i++) {
        if (sinter_layer_same_file(g_ptr_array_index(disk->frozen_layers, i), layer))
            return TRUE;
    }
    return FALSE;
}

static gboolean
refuse_branch_of(SinterPlanDraft *draft, const SinterSnapshot *snapshot, guint place)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        g_autofree char *proposal = NULL;

        if (!sinter_plan_keeps_state(snapshot, disk) || !is_branch_on(draft, disk, place))
            continue;
        proposal = propose(draft, place, "delete that snapshot first");
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_SHARED_BASE,
            "snapshot '%s' of domain '%s' keeps its state of disk '%s' in '%s', which is outside "
            "the chain and backed by '%s', which the merge would change: %s",
            snapshot->name, draft->domain->name, disk->target, disk->frozen_path,
            sinter_plan_draft_layer(draft, place)->description, proposal);
        return TRUE;
    }
    return FALSE;
}

static gboolean
refuse_branches(SinterPlanDraft *draft, guint place)
{
    for (guint i = 0; i < draft->domain->snapshots->len; i++) {
        if (refuse_branch_of(draft, g_ptr_array_index(draft->domain->snapshots, i), place))
            return TRUE;
    }
    return FALSE;
}

/* A branch whose file cannot be read may be backed by any image. A file that no longer exists is
 * backed by none. */
static void
refuse_unknown_branch_of(SinterPlanDraft *draft, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        for (guint j = 0; disk->frozen_layers && j < disk->frozen_layers->len; j++) {
            const SinterLayer *layer = g_ptr_array_index(disk->frozen_layers, j);

            if (!layer->backing_unknown || !sinter_plan_keeps_state(snapshot, disk))
                continue;
            sinter_plan_draft_refuse(
                draft, SINTER_REFUSAL_UNREADABLE,
                "'%s', which keeps a state of snapshot '%s' of domain '%s', could not be read, so "
                "it may be backed by a layer that the merge would change: %s",
                layer->description, snapshot->name, draft->domain->name, layer->problem);
            return;
        }
    }
}

/* The highest layer of the live chain that the chain of the next boot's definition contains, its
 * own top first; SINTER_PLAN_NO_LAYER for none. */
static guint
find_next_boot_entry(const SinterPlanDraft *draft)
{
    const GPtrArray *layers = draft->disk->inactive_layers;

    for (guint i = 0; layers && i < layers->len; i++) {
        guint place = sinter_plan_draft_find_file(draft, g_ptr_array_index(layers, i));

        if (place != SINTER_PLAN_NO_LAYER)
            return place;
    }
    return SINTER_PLAN_NO_LAYER;
}

static const SinterLayer *
get_next_boot_top(const SinterPlanDraft *draft)
{
    const GPtrArray *layers = draft->disk->inactive_layers;

    return layers && layers->len > 0 ? g_ptr_array_index(layers, 0) : NULL;
}

static gboolean
is_same_source(const SinterLayer *a, const SinterLayer *b)
{
    return a->path || b->path ? g_strcmp0(a->path, b->path) == 0
                              : g_strcmp0(a->description, b->description) == 0;
}

void
sinter_plan_draft_compare_next_boot(SinterPlanDraft *draft)
{
    const GPtrArray *layers = draft->disk->layers;
    const SinterLayer *next_top = get_next_boot_top(draft);
    gboolean same;

    if (next_top && layers->len > 0)
        same = is_same_source(g_ptr_array_index(layers, 0), next_top);
    else
        same = !next_top && layers->len == 0; /* an empty drive */
    draft->plan->inactive_follows = !draft->domain->active || same;
}

/* The layer of the next boot's chain that could not be read, so that the rest of the chain is
 * unknown. */
static const SinterLayer *
find_next_boot_gap(const SinterPlanDraft *draft)
{
    const GPtrArray *layers = draft->disk->inactive_layers;

    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (sinter_plan_draft_find_file(draft, layer) != SINTER_PLAN_NO_LAYER)
            return NULL;
        if (layer->backing_unknown)
            return layer;
    }
    return NULL;
}

/*
 * Where the next boot's chain joins the live one, it must not use a layer that a commit makes
 * meaningless. Joining above the merged range is fine (those layers are kept consistent), and so is
 * the base itself: it holds a consistent, though newer state.
 */
static gboolean
is_next_boot_ruined(const SinterPlanDraft *draft)
{
    guint entry = find_next_boot_entry(draft);

    if (entry == SINTER_PLAN_NO_LAYER || entry < draft->first || entry > draft->base)
        return FALSE;
    return entry != draft->base ||
           !sinter_layer_same_file(sinter_plan_draft_layer(draft, entry), get_next_boot_top(draft));
}

static void
refuse_next_boot(SinterPlanDraft *draft)
{
    const SinterLayer *gap = find_next_boot_gap(draft);

    if (draft->plan->inactive_follows)
        return;
    if (gap)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_UNREADABLE,
            "'%s', which the persistent definition of domain '%s' uses for disk '%s', could not be "
            "read, so it may be backed by a layer that the merge would change: %s",
            gap->description, draft->domain->name, draft->disk->target, gap->problem);
    else if (is_next_boot_ruined(draft))
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_SHARED_BASE,
            "the persistent definition of domain '%s' names '%s' for disk '%s' instead of the live "
            "'%s', and the merge would corrupt that image: change the definition to the live image "
            "(virsh edit), or pull instead",
            draft->domain->name, get_next_boot_top(draft)->description, draft->disk->target,
            sinter_plan_draft_layer(draft, 0)->description);
}

gboolean
sinter_plan_draft_is_needed_by_next_boot(const SinterPlanDraft *draft, guint place)
{
    guint entry = find_next_boot_entry(draft);

    if (draft->plan->inactive_follows)
        return FALSE;
    /* a chain that joins at the active layer continues by its header, which a pull rewrites */
    return find_next_boot_gap(draft) ||
           (entry != SINTER_PLAN_NO_LAYER && entry > 0 && entry <= place);
}

/* (nullable): the first layer, from the base up, that an unknown reader may use */
static const SinterLayer *
find_unknown_reader(const SinterPlanDraft *draft, const char *const *ignored,
                    SinterUnknownReader *ret_reader)
{
    SinterUnknownReaderSearch search = { draft->graph, draft->domain->uuid, ignored };

    for (guint place = draft->base + 1; place > draft->first; place--) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, place - 1);

        if (sinter_unknown_reader_find(&search, layer, ret_reader))
            return layer;
    }
    return NULL;
}

static void
refuse_unknown_readers(SinterPlanDraft *draft)
{
    SinterUnknownReader reader;
    const SinterLayer *layer = find_unknown_reader(draft, draft->request->ignored_readers, &reader);
    gboolean ignored = !layer;
    g_autofree char *text = NULL;

    if (ignored)
        layer = find_unknown_reader(draft, NULL, &reader);
    if (!layer)
        return;
    text = sinter_unknown_reader_describe(&reader);
    if (ignored)
        sinter_plan_draft_warn(draft,
                               "as requested, it is assumed that '%s' is not used, although "
                               "%s",
                               layer->description, text);
    else
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_UNREADABLE,
            "it is unknown whether another domain uses '%s': %s; correct this, pull instead, or "
            "confirm that the image is not used (--ignore-reader '%s')",
            layer->description, text, sinter_unknown_reader_get_name(&reader));
}

void
sinter_plan_draft_check_sharing(SinterPlanDraft *draft)
{
    if (!sinter_plan_draft_is_commit(draft))
        return;
    for (guint i = draft->first; i <= draft->base; i++) {
        if (refuse_foreign(draft, i) || refuse_branches(draft, i))
            break;
    }
    for (guint i = 0; i < draft->domain->snapshots->len; i++)
        refuse_unknown_branch_of(draft, g_ptr_array_index(draft->domain->snapshots, i));
    refuse_next_boot(draft);
    refuse_unknown_readers(draft);
}

/* Checks that the file is unused as far as the graph knows; the executor checks whether it
 * exists. */
void
sinter_plan_draft_check_destination(SinterPlanDraft *draft)
{
    const char *destination = draft->request->destination;
    const char *format = draft->plan->destination_format;
    g_autoptr(GPtrArray) users = NULL;

    if (draft->plan->operation != SINTER_OPERATION_COPY)
        return;
    if (g_strcmp0(format, "qcow2") != 0 && g_strcmp0(format, "raw") != 0)
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_UNSUPPORTED,
            "'%s' cannot be written in format '%s': only qcow2 and raw are supported", destination,
            format);
    users = sinter_reference_graph_lookup_soon(draft->graph, destination);
    if (!users) {
        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_UNRESPONSIVE,
                                 "the storage of the destination '%s' does not respond",
                                 destination);
    } else if (users->len > 0) {
        g_autofree char *user = sinter_reference_describe(g_ptr_array_index(users, 0));

        sinter_plan_draft_refuse(draft, SINTER_REFUSAL_SHARED_BASE,
                                 "'%s' cannot be the destination: it is used by %s", destination,
                                 user);
    }
}
