/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plan as text, every field that is not empty: what a case is compared by. */

#include "plan-world.h"

/* The largest unit in which @bytes is a whole number. */
static void
dump_bytes(GString *text, const char *label, guint64 bytes)
{
    static const char units[] = "KMGTPE";
    int unit = -1;

    if (bytes == G_MAXUINT64) {
        g_string_append_printf(text, " %s max", label);
        return;
    }
    while (bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    g_string_append_printf(text, " %s %" G_GUINT64_FORMAT "%.*s", label, bytes, unit >= 0,
                           unit >= 0 ? units + unit : "");
}

static void
dump_list(GString *text, const char *label, char **items)
{
    g_autofree char *joined = g_strjoinv(" ", items);

    if (*joined)
        g_string_append_printf(text, "  %s %s\n", label, joined);
}

static void
dump_step(GString *text, const SinterStep *step)
{
    g_string_append_printf(text, "  %s%s%s", sinter_step_kind_name(step->kind),
                           step->subject ? " " : "", step->subject ? step->subject : "");
    if (step->bytes > 0)
        dump_bytes(text, "of", step->bytes);
    g_string_append_printf(text, ": %s\n", step->text);
}

static void
dump_head(GString *text, const SinterDiskPlan *plan)
{
    g_string_append_printf(text, "%s %s", plan->disk,
                           plan->refusals->len > 0 ? "refused"
                                                   : sinter_operation_name(plan->operation));
    if (plan->offline && plan->refusals->len == 0)
        g_string_append(text, " offline");
    if (plan->top_path)
        g_string_append_printf(text, " top %s", plan->top_path);
    if (plan->base_path)
        g_string_append_printf(text, " base %s", plan->base_path);
    if (plan->destination)
        g_string_append_printf(text, " to %s as %s", plan->destination, plan->destination_format);
    g_string_append_printf(text, "%s%s%s%s\n", plan->shallow ? " shallow" : "",
                           plan->reuse_external ? " reuse" : "", plan->pivot ? " pivot" : "",
                           plan->inactive_follows || plan->operation >= SINTER_OPERATION_CHECK
                               ? ""
                               : " (next boot differs)");
}

static void
dump_snapshot(GString *text, const SinterDiskPlan *plan)
{
    for (guint i = 0; plan->overlay_paths[i]; i++)
        g_string_append_printf(text, "  snapshot %s of %s: %s > %s\n", plan->snapshot_name,
                               plan->snapshot_disks[i], plan->overlay_paths[i],
                               plan->frozen_paths[i]);
}

static void
dump_check(GString *text, const SinterDiskPlan *plan)
{
    dump_snapshot(text, plan);
    dump_list(text, plan->seal ? "check below an overlay:" : "check:", plan->check_paths);
    for (guint i = 0; plan->skip_paths[i]; i++)
        g_string_append_printf(text, "  skip %s: %s\n", plan->skip_paths[i], plan->skip_reasons[i]);
}

static void
dump_costs(GString *text, const SinterDiskPlan *plan)
{
    g_string_append(text, " ");
    dump_bytes(text, "copy", plan->bytes_to_copy);
    dump_bytes(text, "before", plan->space_before_bytes);
    dump_bytes(text, "after", plan->space_after_bytes);
    dump_bytes(text, "peak", plan->peak_extra_bytes);
    g_string_append_printf(text, " on %" G_GUINT64_FORMAT "\n", plan->fs_device);
}

static void
dump_disk(GString *text, const SinterDiskPlan *plan)
{
    dump_head(text, plan);
    for (guint i = 0; i < plan->refusals->len; i++) {
        const SinterRefusal *refusal = g_ptr_array_index(plan->refusals, i);

        g_assert_true(sinter_disk_plan_is_on(plan, refusal->disk));
        g_string_append_printf(text, "  %s: %s\n", sinter_refusal_code_name(refusal->code),
                               refusal->text);
    }
    dump_list(text, "chain", plan->chain_before);
    if (plan->refusals->len == 0)
        dump_list(text, "then ", plan->chain_after);
    else
        g_assert_true(g_strv_equal((const char *const *)plan->chain_before,
                                   (const char *const *)plan->chain_after));
    dump_costs(text, plan);
    for (guint i = 0; i < plan->steps->len; i++)
        dump_step(text, g_ptr_array_index(plan->steps, i));
    dump_list(text, "redefine:", plan->redefine_snapshots);
    if (plan->redefine_snapshots[0])
        g_string_append_printf(text, "  redefined as: %s\n", plan->base_format);
    dump_list(text, "drop:", plan->drop_snapshots);
    dump_list(text, "remove:", plan->remove_files);
    dump_check(text, plan);
    for (guint i = 0; i < plan->warnings->len; i++)
        g_string_append_printf(text, "  warning: %s\n",
                               (char *)g_ptr_array_index(plan->warnings, i));
}

char *
plan_dump(const SinterPlan *plan, const char *folder)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->disks->len; i++)
        dump_disk(text, g_ptr_array_index(plan->disks, i));
    if (plan->disks->len == 0)
        g_string_append(text, "no disks\n");
    g_string_replace(text, folder, "$D", 0);
    g_string_replace(text, "/img/", "", 0);
    return g_string_free(text, FALSE);
}
