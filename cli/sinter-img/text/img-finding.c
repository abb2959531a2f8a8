/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Formats findings as lines and as JSON. Invariant: if qemu-img has a line for a finding, that line
 * is used unchanged, so that scripts that search for it find it.
 */

#include "img-finding.h"

#define HEX G_GINT64_MODIFIER "x"

/* Exit statuses of a check. */
enum {
    CLEAN = 0,
    NOT_COMPLETED = 1,
    CORRUPT = 2,
    LEAKS = 3,
};

static char *
refcount_line(const SinterFinding *finding, const char *word, guint64 references,
              guint64 cluster_bytes)
{
    return g_strdup_printf("%s cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
                           " reference=%" G_GUINT64_FORMAT,
                           word, finding->host_offset / cluster_bytes, finding->seen, references);
}

static char *
own_line(const SinterFinding *finding)
{
    static const char *const words[SINTER_FINDING_N_CLASSES] = { "ERROR", "Leaked", "ERROR",
                                                                 "Note" };
    g_autofree char *text = sinter_finding_get_text(finding);

    return g_strdup_printf("%s %s: %s", words[sinter_finding_code_class(finding->code)],
                           sinter_finding_code_name(finding->code), text);
}

char *
sinter_img_finding_line(const SinterFinding *finding, guint64 cluster_bytes, guint64 l1_entry_bytes)
{
    if (cluster_bytes == 0 || l1_entry_bytes == 0)
        return own_line(finding);
    switch (finding->code) {
    case SINTER_FINDING_REFCOUNT_TOO_LOW:
        return refcount_line(finding, "ERROR", finding->expected, cluster_bytes);
    case SINTER_FINDING_REFCOUNT_TOO_HIGH:
        return refcount_line(finding, "Leaked", finding->expected, cluster_bytes);
    case SINTER_FINDING_CLUSTER_LEAKED:
        return refcount_line(finding, "Leaked", 0, cluster_bytes);
    case SINTER_FINDING_L1_COPIED_FALSE:
    case SINTER_FINDING_L1_COPIED_MISSING:
        return g_strdup_printf("ERROR OFLAG_COPIED L2 cluster: l1_index=%" G_GUINT64_FORMAT
                               " l1_entry=%" HEX " refcount=%" G_GUINT64_FORMAT,
                               finding->guest_offset / l1_entry_bytes, finding->seen,
                               finding->refcount);
    case SINTER_FINDING_L2_COPIED_FALSE:
    case SINTER_FINDING_L2_COPIED_MISSING:
        return g_strdup_printf("ERROR OFLAG_COPIED data cluster: l2_entry=%" HEX
                               " refcount=%" G_GUINT64_FORMAT,
                               finding->seen, finding->refcount);
    default:
        return own_line(finding);
    }
}

void
sinter_img_json_set_offset(JsonObject *object, const char *name, guint64 value)
{
    if (value != SINTER_OFFSET_NONE)
        json_object_set_int_member(object, name, (gint64)value);
}

static JsonNode *
owner_to_json(const SinterOwner *owner)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);
    g_autofree char *text = sinter_owner_describe(owner);

    json_object_set_string_member(object, "kind", sinter_owner_kind_name(owner->kind));
    json_object_set_int_member(object, "where", (gint64)owner->where);
    if (owner->name)
        json_object_set_string_member(object, "name", owner->name);
    json_object_set_string_member(object, "text", text);
    json_object_unref(object);
    return node;
}

JsonNode *
sinter_img_finding_to_json(const SinterFinding *finding)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);
    JsonArray *owners = json_array_new();
    SinterFindingCode code = finding->code;
    SinterFindingFix fix = sinter_finding_code_fix(code);
    g_autofree char *text = sinter_finding_get_text(finding);

    json_object_set_string_member(object, "code", sinter_finding_code_name(code));
    json_object_set_string_member(object, "class",
                                  sinter_finding_class_name(sinter_finding_code_class(code)));
    json_object_set_string_member(object, "stake",
                                  sinter_finding_stake_name(sinter_finding_code_stake(code)));
    sinter_img_json_set_offset(object, "guest-offset", finding->guest_offset);
    sinter_img_json_set_offset(object, "host-offset", finding->host_offset);
    json_object_set_int_member(object, "times", (gint64)finding->times);
    for (guint i = 0; i < finding->n_owners; i++)
        json_array_add_element(owners, owner_to_json(&finding->owners[i]));
    json_object_set_array_member(object, "owners", owners);
    json_object_set_string_member(object, "text", text);
    json_object_set_boolean_member(object, "fixable",
                                   fix != SINTER_FIX_NONE && fix != SINTER_FIX_NEWER);
    json_object_set_string_member(object, "fix", sinter_finding_fix_describe(fix));
    json_object_unref(object);
    return node;
}

void
sinter_img_findings_add_json(JsonObject *object, const SinterCheckResult *result)
{
    JsonObject *counts = json_object_new();
    JsonArray *findings = json_array_new();
    g_autoptr(GArray) codes = sinter_check_result_count_codes(result);

    for (guint i = 0; i < codes->len; i++) {
        const SinterCheckCodeCount *count = &g_array_index(codes, SinterCheckCodeCount, i);

        json_object_set_int_member(counts, sinter_finding_code_name(count->code),
                                   (gint64)count->found);
    }
    for (guint i = 0; i < result->findings->len; i++)
        json_array_add_element(findings, sinter_img_finding_to_json(
                                             &g_array_index(result->findings, SinterFinding, i)));
    json_object_set_object_member(object, "counts", counts);
    json_object_set_array_member(object, "findings", findings);
}

int
sinter_img_check_status(const SinterCheckResult *result)
{
    if (result->counts.errors > 0)
        return NOT_COMPLETED;
    if (result->counts.corruptions > 0)
        return CORRUPT;
    return result->counts.leaks > 0 ? LEAKS : CLEAN;
}

/* From the least to the worst. */
static const int kind_statuses[SINTER_N_CHECK_KINDS] = {
    [SINTER_CHECK_KIND_SOUND] = CLEAN, [SINTER_CHECK_KIND_LEAKS] = LEAKS,
    [SINTER_CHECK_KIND_DIRTY] = 4,     [SINTER_CHECK_KIND_MARKED] = 5,
    [SINTER_CHECK_KIND_COPIED] = 6,    [SINTER_CHECK_KIND_BITMAPS] = 7,
    [SINTER_CHECK_KIND_SNAPSHOTS] = 8, [SINTER_CHECK_KIND_REFCOUNTS] = 9,
    [SINTER_CHECK_KIND_CONTENT] = 10,  [SINTER_CHECK_KIND_OTHER] = CORRUPT,
    [SINTER_CHECK_KIND_MAPPING] = 11,  [SINTER_CHECK_KIND_HEADER] = 12,
    [SINTER_CHECK_KIND_CHAIN] = 13,    [SINTER_CHECK_KIND_UNKNOWN] = NOT_COMPLETED,
};

int
sinter_img_check_kind_status(SinterCheckKind kind)
{
    return kind_statuses[kind];
}

static guint
kind_of_status(int status)
{
    guint kind = 0;

    while (kind + 1 < SINTER_N_CHECK_KINDS && kind_statuses[kind] != status)
        kind++;
    return kind;
}

int
sinter_img_check_worse_kind_status(int a, int b)
{
    return kind_of_status(a) > kind_of_status(b) ? a : b;
}
