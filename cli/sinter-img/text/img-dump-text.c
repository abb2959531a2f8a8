/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two upper levels of a dump: the state of the image, its content and the suggested repairs;
 * and every finding with its location. Invariant: names from the image are passed through
 * sinter_img_name() before they reach a terminal.
 */

#include "img-dump-text.h"
#include "img-finding.h"
#include "img-message.h"
#include "img-stats.h"
#include "sinter-units.h"

#include <sinter/defragment.h>

#include <stdio.h>
#include <string.h>

#define U64 G_GUINT64_FORMAT
#define HEX "0x%" G_GINT64_MODIFIER "x"

/* "3 corruptions", "no bitmaps" */
static char *
count_text(guint64 n, const char *one, const char *many)
{
    if (n == 0)
        return g_strdup_printf("no %s", many);
    return g_strdup_printf("%" U64 " %s", n, n == 1 ? one : many);
}

const char *
sinter_img_dump_verdict(const SinterCheckResult *result)
{
    static const char *const words[] = { "clean", "not-completed", "corrupt", "leaks" };

    return words[sinter_img_check_status(result)];
}

/* Returns the finding with the highest stake, or N_CODES if there are only notes. */
static SinterFindingCode
worst_code(const SinterCheckResult *result)
{
    SinterFindingCode worst = SINTER_FINDING_N_CODES;
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);

    for (guint i = 0; i < counts->len; i++) {
        SinterFindingCode code = g_array_index(counts, SinterCheckCodeCount, i).code;

        if (sinter_finding_code_class(code) != SINTER_FINDING_NOTE &&
            (worst == SINTER_FINDING_N_CODES ||
             sinter_finding_code_stake(code) > sinter_finding_code_stake(worst)))
            worst = code;
    }
    return worst;
}

static const char *
stake_text(SinterFindingStake stake)
{
    static const char *const texts[] = {
        [SINTER_STAKE_NONE] = "no risk",
        [SINTER_STAKE_SPACE] = "host space is wasted; no risk to data",
        [SINTER_STAKE_BITMAP] = "a dirty bitmap is inconsistent",
        [SINTER_STAKE_WRITES] = "reads are correct, but writes can destroy other data",
        [SINTER_STAKE_SNAPSHOT] = "an internal snapshot may be damaged",
        [SINTER_STAKE_DATA] = "guest data is lost or wrong",
        [SINTER_STAKE_IMAGE] = "the whole image may be damaged",
    };

    return texts[stake];
}

static void
add_count(GPtrArray *parts, guint64 n, const char *one, const char *many)
{
    if (n > 0)
        g_ptr_array_add(parts, count_text(n, one, many));
}

/* "2 corruptions and 1 leaked cluster" */
static char *
counts_text(const SinterCheckCounts *counts)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

    add_count(parts, counts->corruptions, "corruption", "corruptions");
    add_count(parts, counts->errors, "location that could not be checked",
              "locations that could not be checked");
    add_count(parts, counts->leaks, "leaked cluster", "leaked clusters");
    if (parts->len == 0)
        return g_strdup("no damage and no leaks");
    g_ptr_array_add(parts, NULL);
    return g_strjoinv(", ", (char **)parts->pdata);
}

static void
print_verdict(const SinterImgDump *self, const char *name)
{
    static const char *const states[] = {
        "is sound",
        "could not be checked completely",
        "is damaged",
        "is intact, but has leaked clusters",
    };
    const SinterCheckResult *result = self->result;
    g_autofree char *counts = counts_text(&result->counts);
    SinterFindingCode worst = worst_code(result);

    printf("%s %s: %s", name, states[sinter_img_check_status(result)], counts);
    if (worst != SINTER_FINDING_N_CODES)
        printf("; at worst %s", stake_text(sinter_finding_code_stake(worst)));
    printf(".\n");
    if (result->trouble) {
        g_autofree char *trouble = sinter_img_name(result->trouble);

        printf("It cannot be opened: %s.\n", trouble);
    }
    for (guint i = 0; i < result->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(result->findings, SinterFinding, i);

        if (sinter_finding_code_class(finding->code) == SINTER_FINDING_NOTE) {
            g_autofree char *text = sinter_finding_get_text(finding);

            printf("%s.\n", text);
        }
    }
}

/* Only looks for the name: no other file is opened. */
static gboolean
is_present(const char *path)
{
    return path && g_file_test(path, G_FILE_TEST_EXISTS);
}

static void
print_outline(const SinterImgDump *self)
{
    const SinterImageInfo *info = self->info;
    g_autofree char *disk = sinter_units_format_bytes(info->virtual_size);
    g_autofree char *cluster = sinter_units_format_bytes(info->cluster_size);
    g_autofree char *file = sinter_units_format_bytes(info->file_size);
    g_autofree char *space = sinter_units_format_bytes(info->allocated_size);
    g_autofree char *snapshots = count_text(info->n_snapshots, "snapshot", "snapshots");
    g_autofree char *bitmaps = count_text(info->n_bitmaps, "bitmap", "bitmaps");

    printf("Format %s, version %u; virtual size %s", info->format, info->version, disk);
    if (info->cluster_size > 0)
        printf(", cluster size %s%s", cluster, info->extended_l2 ? " with subclusters" : "");
    printf(", file size %s, allocated %s; %s, %s%s%s.\n", file, space, snapshots, bitmaps,
           info->encryption ? ", encryption " : "", info->encryption ? info->encryption : "");
    if (info->backing_name) {
        g_autofree char *backing = sinter_img_name(info->backing_name);

        g_autofree char *format =
            sinter_img_name(info->backing_format ? info->backing_format : "format not stored");

        printf("Its backing file is %s (%s)%s.\n", backing, format,
               is_present(info->backing_path) ? "" : ", which does not exist");
    }
    if (info->data_file_name) {
        g_autofree char *data = sinter_img_name(info->data_file_name);

        printf("Its data file is %s%s%s.\n", data, info->data_file_raw ? ", a raw image" : "",
               is_present(info->data_file_path) ? "" : ", which does not exist");
    }
    sinter_img_stats_print_mount(info->path);
}

static void
print_allocation(const SinterImageStats *stats)
{
    static const char *const modes[] = {
        [SINTER_ALLOCATION_NONE] = "No cluster is allocated",
        [SINTER_ALLOCATION_SPARSE] = "Clusters are allocated on write",
        [SINTER_ALLOCATION_METADATA] =
            "All clusters are mapped, mostly without host space (preallocation=metadata)",
        [SINTER_ALLOCATION_FULL] = "All clusters are mapped and allocated",
    };
    double allocated = (double)stats->allocated_clusters;

    printf("%s", modes[stats->allocation]);
    if (stats->allocated_clusters > 0)
        printf(": %" U64 " of %" U64
               " clusters (%.1f%%), of which %.1f%% fragmented and %.1f%% compressed",
               stats->allocated_clusters, stats->total_clusters,
               allocated * 100 / (double)stats->total_clusters,
               (double)stats->fragmented_clusters * 100 / allocated,
               (double)stats->compressed_clusters * 100 / allocated);
    printf(".\n");
    if (sinter_defragment_suggested(stats))
        printf("Defragmenting is worth it ('sinter-img defragment').\n");
}

/* Returns whether there is a finding, other than a note, with that stake and that fix. */
static gboolean
wants_fix(const SinterCheckResult *result, SinterFindingStake stake, SinterFindingFix fix)
{
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);

    for (guint i = 0; i < counts->len; i++) {
        SinterFindingCode code = g_array_index(counts, SinterCheckCodeCount, i).code;

        if (sinter_finding_code_stake(code) == stake && sinter_finding_code_fix(code) == fix &&
            sinter_finding_code_class(code) != SINTER_FINDING_NOTE)
            return TRUE;
    }
    return FALSE;
}

/* Returns the suggested repairs: ordered by stake, and flags after the errors that cause them. */
static GArray *
wanted_fixes(const SinterCheckResult *result)
{
    GArray *fixes = g_array_new(FALSE, FALSE, sizeof(SinterFindingFix));
    gboolean seen[SINTER_FIX_RESCUE + 1] = { FALSE };

    for (int stake = SINTER_STAKE_IMAGE; stake >= SINTER_STAKE_NONE; stake--) {
        for (int fix = SINTER_FIX_RESCUE; fix >= SINTER_FIX_NONE; fix--) {
            SinterFindingFix one = (SinterFindingFix)fix;

            if (seen[fix] || !wants_fix(result, (SinterFindingStake)stake, one))
                continue;
            seen[fix] = TRUE;
            g_array_append_val(fixes, one);
        }
    }
    return fixes;
}

static void
print_hint(const SinterCheckResult *result)
{
    g_autoptr(GArray) fixes = wanted_fixes(result);

    if (fixes->len == 0)
        return;
    printf("Repair: ");
    for (guint i = 0; i < fixes->len; i++)
        printf("%s%s", i ? "; " : "",
               sinter_finding_fix_describe(g_array_index(fixes, SinterFindingFix, i)));
    printf(".\n");
    if (result->counts.leaks > 0 && !result->leaks_are_safe)
        printf("Do not free leaked clusters before lost data was searched for with '%s rescue': "
               "damaged entries or lost tables may have referred to them.\n",
               sinter_img_program());
}

static void
print_place(const char *what, guint64 offset)
{
    if (offset != SINTER_OFFSET_NONE)
        printf("    %-8s" HEX " (%" U64 ")\n", what, offset, offset);
}

static void
print_finding(const SinterFinding *finding)
{
    g_autofree char *text = sinter_finding_get_text(finding);
    g_autofree char *shown = sinter_img_name(text);

    printf("%s %s: %s\n", sinter_finding_class_name(sinter_finding_code_class(finding->code)),
           sinter_finding_code_name(finding->code), shown);
    print_place("guest", finding->guest_offset);
    print_place("host", finding->host_offset);
    for (guint i = 0; i < finding->n_owners; i++) {
        g_autofree char *owner = sinter_owner_describe(&finding->owners[i]);
        g_autofree char *shown_owner = sinter_img_name(owner);

        printf("    %-8s%s\n", "owner", shown_owner);
    }
    printf("    %-8s%s\n", "mend",
           sinter_finding_fix_describe(sinter_finding_code_fix(finding->code)));
}

static void
print_findings(const SinterCheckResult *result)
{
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);

    if (result->findings->len > 0)
        printf("\nFindings:\n");
    for (guint i = 0; i < result->findings->len; i++)
        print_finding(&g_array_index(result->findings, SinterFinding, i));
    for (guint i = 0; i < counts->len; i++) {
        const SinterCheckCodeCount *count = &g_array_index(counts, SinterCheckCodeCount, i);

        if (count->found > count->kept)
            printf("%s %s: %" U64 " more (--max-findings=N shows more)\n",
                   sinter_finding_class_name(sinter_finding_code_class(count->code)),
                   sinter_finding_code_name(count->code), count->found - count->kept);
    }
}

static void
print_tables(const SinterImageStats *stats)
{
    printf("\nTables:\n"
           "    L1 table               %" U64 " of %" U64 " entries in use\n"
           "    L2 tables              %" U64 "\n"
           "    refcount table         %" U64 " of %" U64 " entries in use\n"
           "    host clusters          %" U64 " of %" U64 " referenced, %" U64 " by metadata\n"
           "    guest clusters         %" U64 " allocated, %" U64 " compressed, %" U64
           " fragmented, %" U64 " zero\n"
           "    last cluster in use    ends at " HEX " (%" U64 ")\n",
           stats->l1_used, stats->l1_entries, stats->l2_tables, stats->refcount_blocks,
           stats->refcount_table_entries, stats->host_used, stats->host_clusters,
           stats->metadata_clusters, stats->allocated_clusters, stats->compressed_clusters,
           stats->fragmented_clusters, stats->zero_clusters, stats->image_end_offset,
           stats->image_end_offset);
}

static void
print_snapshots(const SinterImageStats *stats)
{
    if (stats->snapshots->len == 0)
        return;
    printf("\nSnapshots, compared with the active state:\n");
    for (guint i = 0; i < stats->snapshots->len; i++) {
        const SinterSnapshotStats *one = g_ptr_array_index(stats->snapshots, i);
        g_autofree char *name = sinter_img_name(one->name);
        g_autofree char *id = sinter_img_name(one->id);
        g_autofree char *whole = sinter_units_format_bytes(one->clusters * stats->cluster_bytes);
        g_autofree char *shared =
            sinter_units_format_bytes(one->shared_clusters * stats->cluster_bytes);
        g_autofree char *added =
            sinter_units_format_bytes(one->added_clusters * stats->cluster_bytes);

        printf("    %s (%s): %s, of these %s shared; %s written since\n", name, id, whole, shared,
               added);
    }
}

void
sinter_img_dump_print(const SinterImgDump *self, SinterImgDumpDepth depth)
{
    g_autofree char *name = sinter_img_name(self->name);

    print_verdict(self, name);
    print_outline(self);
    if (self->result->stats.cluster_bytes > 0)
        print_allocation(&self->result->stats);
    print_hint(self->result);
    if (depth == SINTER_IMG_DUMP_VERDICT)
        return;
    if (self->result->stats.cluster_bytes > 0) {
        print_tables(&self->result->stats);
        print_snapshots(&self->result->stats);
    }
    print_findings(self->result);
}

/* --- JSON output --- */

static JsonArray *
fixes_to_json(const SinterCheckResult *result)
{
    g_autoptr(GArray) fixes = wanted_fixes(result);
    JsonArray *array = json_array_new();

    for (guint i = 0; i < fixes->len; i++)
        json_array_add_string_element(
            array, sinter_finding_fix_describe(g_array_index(fixes, SinterFindingFix, i)));
    return array;
}

JsonNode *
sinter_img_dump_to_json(const SinterImgDump *self)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);
    const SinterCheckResult *result = self->result;
    SinterFindingCode worst = worst_code(result);

    json_object_set_string_member(object, "filename", self->name);
    json_object_set_string_member(object, "format", result->format);
    json_object_set_string_member(object, "verdict", sinter_img_dump_verdict(result));
    json_object_set_string_member(
        object, "stake",
        sinter_finding_stake_name(worst == SINTER_FINDING_N_CODES
                                      ? SINTER_STAKE_NONE
                                      : sinter_finding_code_stake(worst)));
    if (result->trouble)
        json_object_set_string_member(object, "trouble", result->trouble);
    json_object_set_boolean_member(object, "complete", result->complete);
    json_object_set_boolean_member(object, "leaks-are-safe", result->leaks_are_safe);
    json_object_set_int_member(object, "corruptions", (gint64)result->counts.corruptions);
    json_object_set_int_member(object, "leaks", (gint64)result->counts.leaks);
    json_object_set_int_member(object, "check-errors", (gint64)result->counts.errors);
    json_object_set_int_member(object, "notes", (gint64)result->counts.notes);
    json_object_set_array_member(object, "mend", fixes_to_json(result));
    if (self->info->backing_name)
        json_object_set_boolean_member(object, "backing-file-present",
                                       is_present(self->info->backing_path));
    sinter_img_stats_add_mount(object, self->info->path);
    json_object_set_object_member(object, "statistics", sinter_img_stats_to_json(&result->stats));
    sinter_img_findings_add_json(object, result);
    json_object_unref(object);
    return node;
}
