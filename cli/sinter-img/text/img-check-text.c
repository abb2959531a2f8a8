/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints the result of a check in the format of qemu-img. Invariant: standard output has no line
 * and no key that qemu-img does not have, except "sinter".
 */

#include "img-check-text.h"
#include "img-finding.h"
#include "img-message.h"
#include "img-stats.h"

#include <stdio.h>

/* Returns where qemu-img would report a finding: reference counts by host cluster, then the flags
 * that follow from them by guest offset. Findings that qemu-img does not have come first. */
enum { ORDER_OTHERS, ORDER_COUNTS, ORDER_FLAGS };

static guint
order_of(const SinterFinding *finding)
{
    switch (finding->code) {
    case SINTER_FINDING_REFCOUNT_TOO_LOW:
    case SINTER_FINDING_REFCOUNT_TOO_HIGH:
    case SINTER_FINDING_CLUSTER_LEAKED:
        return ORDER_COUNTS;
    case SINTER_FINDING_L1_COPIED_FALSE:
    case SINTER_FINDING_L1_COPIED_MISSING:
    case SINTER_FINDING_L2_COPIED_FALSE:
    case SINTER_FINDING_L2_COPIED_MISSING:
        return ORDER_FLAGS;
    default:
        return ORDER_OTHERS;
    }
}

static int
compare_numbers(guint64 a, guint64 b)
{
    return a < b ? -1 : a > b;
}

static int
compare_findings(gconstpointer a, gconstpointer b)
{
    const SinterFinding *one = *(const SinterFinding *const *)a;
    const SinterFinding *other = *(const SinterFinding *const *)b;
    guint order = order_of(one);
    int by_place = 0;

    if (order != order_of(other))
        return compare_numbers(order, order_of(other));
    if (order == ORDER_COUNTS)
        by_place = compare_numbers(one->host_offset, other->host_offset);
    else if (order == ORDER_FLAGS)
        by_place = compare_numbers(one->guest_offset, other->guest_offset);
    /* an L1 entry comes before the first entry of its table; entries of one array are in array
     * order */
    if (by_place == 0 && order == ORDER_FLAGS)
        by_place = compare_numbers(one->code, other->code);
    return by_place ? by_place : compare_numbers((guint64)(gsize)one, (guint64)(gsize)other);
}

/* Returns: (transfer container): the findings in the order of qemu-img. */
static GPtrArray *
in_order(const SinterCheckResult *result)
{
    GPtrArray *findings = g_ptr_array_new();

    for (guint i = 0; i < result->findings->len; i++)
        g_ptr_array_add(findings, &g_array_index(result->findings, SinterFinding, i));
    g_ptr_array_sort(findings, compare_findings);
    return findings;
}

void
sinter_img_check_print_findings(const SinterCheckResult *result, guint64 l1_entry_bytes,
                                gboolean skips_flags)
{
    g_autoptr(GPtrArray) findings = in_order(result);
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);

    for (guint i = 0; i < findings->len; i++) {
        const SinterFinding *finding = g_ptr_array_index(findings, i);
        g_autofree char *line =
            sinter_img_finding_line(finding, result->stats.cluster_bytes, l1_entry_bytes);
        g_autofree char *shown = sinter_img_error_name(line);

        if (skips_flags && order_of(finding) == ORDER_FLAGS)
            continue;
        fprintf(stderr, "%s\n", shown);
    }
    for (guint i = 0; i < counts->len; i++) {
        const SinterCheckCodeCount *count = &g_array_index(counts, SinterCheckCodeCount, i);

        if (count->found > count->kept)
            fprintf(stderr,
                    "%s: %" G_GUINT64_FORMAT " more of this kind (--max-findings=N shows more)\n",
                    sinter_finding_code_name(count->code), count->found - count->kept);
    }
}

static void
print_allocation(const SinterImageStats *stats)
{
    double allocated = (double)stats->allocated_clusters;

    if (stats->total_clusters > 0 && stats->allocated_clusters > 0)
        printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
               " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n",
               stats->allocated_clusters, stats->total_clusters,
               allocated * 100.0 / (double)stats->total_clusters,
               (double)stats->fragmented_clusters * 100.0 / allocated,
               (double)stats->compressed_clusters * 100.0 / allocated);
    if (stats->image_end_offset > 0)
        printf("Image end offset: %" G_GUINT64_FORMAT "\n", stats->image_end_offset);
}

void
sinter_img_check_print_human(const SinterCheckResult *result)
{
    const SinterCheckCounts *counts = &result->counts;

    if (counts->corruptions + counts->leaks + counts->errors == 0)
        printf("No errors were found on the image.\n");
    if (counts->corruptions > 0)
        printf("\n%" G_GUINT64_FORMAT " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               counts->corruptions);
    if (counts->leaks > 0)
        printf("\n%" G_GUINT64_FORMAT " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               counts->leaks);
    if (counts->errors > 0)
        printf("\n%" G_GUINT64_FORMAT " internal errors have occurred during the check.\n",
               counts->errors);
    print_allocation(&result->stats);
}

/* Returns whether tables or entries were lost that may have referred to leaked clusters. */
static gboolean
may_have_lost(const SinterCheckResult *result)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterFindingFix fix = sinter_finding_code_fix((SinterFindingCode)code);

        if (result->per_code[code] > 0 && (fix == SINTER_FIX_ENTRY || fix == SINTER_FIX_RESCUE))
            return TRUE;
    }
    return FALSE;
}

void
sinter_img_check_print_hint(const SinterCheckResult *result, const char *name)
{
    g_autofree char *quoted = g_shell_quote(name);

    if (result->counts.leaks == 0 || !may_have_lost(result))
        return;
    fflush(stdout);
    fprintf(stderr, "Leaked clusters may hold lost data. To search for it, run: %s rescue %s\n",
            sinter_img_program(), quoted);
}

/* qemu-img omits values that are 0, except for the errors. */
static void
set_count(JsonObject *object, const char *name, guint64 value)
{
    if (value > 0)
        json_object_set_int_member(object, name, (gint64)value);
}

/* The members that qemu-img does not have. */
static JsonObject *
own_to_json(const SinterCheckResult *result)
{
    JsonObject *object = json_object_new();
    JsonObject *theirs = json_object_new();

    json_object_set_string_member(object, "kind",
                                  sinter_check_kind_name(sinter_check_result_get_kind(result)));
    json_object_set_boolean_member(object, "complete", result->complete);
    json_object_set_boolean_member(object, "leaks-are-safe", result->leaks_are_safe);
    if (result->trouble)
        json_object_set_string_member(object, "trouble", result->trouble);
    json_object_set_int_member(object, "notes", (gint64)result->counts.notes);
    json_object_set_int_member(theirs, "corruptions", (gint64)result->qemu_counts.corruptions);
    json_object_set_int_member(theirs, "leaks", (gint64)result->qemu_counts.leaks);
    json_object_set_int_member(theirs, "check-errors", (gint64)result->qemu_counts.errors);
    json_object_set_object_member(object, "seen-by-qemu-img", theirs);
    sinter_img_stats_add_mount(object, result->path);
    json_object_set_object_member(object, "statistics", sinter_img_stats_to_json(&result->stats));
    sinter_img_findings_add_json(object, result);
    return object;
}

JsonNode *
sinter_img_check_to_json(const SinterCheckResult *result, const char *name,
                         const SinterImgRepaired *repaired)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);
    JsonObject *own = own_to_json(result);
    const SinterImageStats *stats = &result->stats;

    set_count(object, "image-end-offset", stats->image_end_offset);
    set_count(object, "compressed-clusters", stats->compressed_clusters);
    set_count(object, "total-clusters", stats->total_clusters);
    set_count(object, "corruptions", result->counts.corruptions);
    set_count(object, "corruptions-fixed", repaired ? repaired->corruptions : 0);
    json_object_set_int_member(object, "check-errors", (gint64)result->counts.errors);
    set_count(object, "leaks", result->counts.leaks);
    set_count(object, "leaks-fixed", repaired ? repaired->leaks : 0);
    set_count(object, "allocated-clusters", stats->allocated_clusters);
    json_object_set_string_member(object, "filename", name);
    json_object_set_string_member(object, "format", result->format);
    set_count(object, "fragmented-clusters", stats->fragmented_clusters);
    if (repaired)
        json_object_set_member(own, "repair", repaired->plan);
    json_object_set_object_member(object, "sinter", own);
    json_object_unref(object);
    return node;
}
