/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan's values: names, copies, and what a plan says as a whole. */

#include "sinter-plan.h"

#include <string.h>

static void
test_operation_names(void)
{
    static const char *const names[] = { "active-commit", "commit", "pull", "copy" };
    SinterOperation operation = SINTER_OPERATION_PULL;

    for (guint i = 0; i <= SINTER_OPERATION_COPY; i++) {
        g_assert_cmpstr(sinter_operation_name((SinterOperation)i), ==, names[i]);
        g_assert_true(sinter_operation_from_name(names[i], &operation));
        g_assert_cmpuint(operation, ==, i);
    }
    operation = SINTER_OPERATION_PULL;
    g_assert_false(sinter_operation_from_name("Copy", &operation));
    g_assert_false(sinter_operation_from_name("", &operation));
    g_assert_false(sinter_operation_from_name(NULL, &operation));
    g_assert_cmpuint(operation, ==, SINTER_OPERATION_PULL);
}

static void
test_step_names(void)
{
    static const char *const names[] = {
        "commit",          "pull",        "copy",          "pivot",
        "redefine-domain", "verify",      "drop-snapshot", "redefine-snapshot",
        "drop-checkpoint", "remove-file", "refresh-pool"
    };

    g_assert_cmpuint(G_N_ELEMENTS(names), ==, SINTER_STEP_REFRESH_POOL + 1);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(sinter_step_kind_name((SinterStepKind)i), ==, names[i]);
}

static void
test_refusal_codes(void)
{
    static const struct {
        SinterRefusalCode code;
        const char *name;
        const char *error;
    } codes[] = {
        { SINTER_REFUSAL_NO_CHAIN, "no-chain", "Failed" },
        { SINTER_REFUSAL_SHARED_BASE, "shared-base", "SharedBase" },
        { SINTER_REFUSAL_INTERNAL_SNAPSHOT, "internal-snapshot", "Unsupported" },
        { SINTER_REFUSAL_READ_ONLY, "read-only", "Unsupported" },
        { SINTER_REFUSAL_SHAREABLE, "shareable", "Unsupported" },
        { SINTER_REFUSAL_TRANSIENT, "transient", "Unsupported" },
        { SINTER_REFUSAL_BUSY, "busy", "Busy" },
        { SINTER_REFUSAL_NO_SPACE, "no-space", "NoSpace" },
        { SINTER_REFUSAL_MISSING_LAYER, "missing-layer", "NotFound" },
        { SINTER_REFUSAL_UNREADABLE, "unreadable", "Corrupt" },
        { SINTER_REFUSAL_UNSUPPORTED, "unsupported", "Unsupported" },
        { SINTER_REFUSAL_UNRESPONSIVE, "unresponsive", "Busy" },
        { SINTER_REFUSAL_RUNNING, "running", "Busy" },
        { SINTER_REFUSAL_NOT_RUNNING, "not-running", "Unsupported" },
        { SINTER_REFUSAL_MANAGED_SAVE, "managed-save", "Busy" },
        { SINTER_REFUSAL_MANAGED, "managed", "Unsupported" },
        { SINTER_REFUSAL_FORMAT_MISMATCH, "format-mismatch", "Unsupported" },
        { SINTER_REFUSAL_MIGRATED, "migrated", "Busy" },
        { SINTER_REFUSAL_SHARED_STORAGE, "shared-storage", "Unsupported" },
        { SINTER_REFUSAL_CHECKPOINT, "checkpoint", "Unsupported" },
        { SINTER_REFUSAL_BAD_RANGE, "bad-range", "InvalidArgument" },
    };

    g_assert_cmpuint(G_N_ELEMENTS(codes), ==, SINTER_REFUSAL_BAD_RANGE + 1);
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        g_assert_cmpstr(sinter_refusal_code_name(codes[i].code), ==, codes[i].name);
        g_assert_cmpstr(sinter_error_name(sinter_refusal_code_error(codes[i].code)), ==,
                        codes[i].error);
    }
}

static void
set_strv(char ***strv, const char *words)
{
    g_strfreev(*strv);
    *strv = g_strsplit(words, " ", -1);
}

/* Every field set to something of its own. */
static SinterDiskPlan *
make_disk_plan(void)
{
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");
    SinterStep *step = sinter_step_new(SINTER_STEP_REMOVE_FILE, "vda");

    plan->operation = SINTER_OPERATION_COPY;
    plan->top_path = g_strdup("/top");
    plan->base_path = g_strdup("/base");
    plan->base_format = g_strdup("raw");
    plan->destination = g_strdup("/destination");
    plan->destination_format = g_strdup("raw");
    plan->destination_root = g_strdup("/root");
    plan->shallow = plan->reuse_external = plan->pivot = plan->inactive_follows = TRUE;
    set_strv(&plan->chain_before, "a b c");
    set_strv(&plan->chain_after, "a c");
    set_strv(&plan->drop_snapshots, "s1 s2");
    set_strv(&plan->redefine_snapshots, "s3");
    set_strv(&plan->remove_files, "/b");
    plan->bytes_to_copy = 1;
    plan->space_before_bytes = 2;
    plan->space_after_bytes = 3;
    plan->peak_extra_bytes = 4;
    plan->fs_device = G_MAXUINT64;
    step->subject = g_strdup("/b");
    step->bytes = 5;
    step->text = g_strdup("remove it");
    g_ptr_array_add(plan->steps, step);
    g_ptr_array_add(plan->refusals, sinter_refusal_new(SINTER_REFUSAL_BUSY, "vda", "%d%%", 7));
    g_ptr_array_add(plan->warnings, g_strdup("beware"));
    return plan;
}

static void
assert_strv_copied(char **strv, const char *words)
{
    g_autofree char *joined = g_strjoinv(" ", strv);

    g_assert_cmpstr(joined, ==, words);
}

static void
assert_disk_plan_copied(const SinterDiskPlan *plan)
{
    const SinterStep *step = g_ptr_array_index(plan->steps, 0);
    const SinterRefusal *refusal = g_ptr_array_index(plan->refusals, 0);

    g_assert_cmpstr(plan->disk, ==, "vda");
    g_assert_cmpint(plan->operation, ==, SINTER_OPERATION_COPY);
    g_assert_cmpstr(plan->top_path, ==, "/top");
    g_assert_cmpstr(plan->base_path, ==, "/base");
    g_assert_cmpstr(plan->base_format, ==, "raw");
    g_assert_cmpstr(plan->destination, ==, "/destination");
    g_assert_cmpstr(plan->destination_format, ==, "raw");
    g_assert_cmpstr(plan->destination_root, ==, "/root");
    g_assert_true(plan->shallow && plan->reuse_external && plan->pivot && plan->inactive_follows);
    assert_strv_copied(plan->chain_before, "a b c");
    assert_strv_copied(plan->chain_after, "a c");
    assert_strv_copied(plan->drop_snapshots, "s1 s2");
    assert_strv_copied(plan->redefine_snapshots, "s3");
    assert_strv_copied(plan->remove_files, "/b");
    g_assert_cmpuint(plan->bytes_to_copy, ==, 1);
    g_assert_cmpuint(plan->space_before_bytes, ==, 2);
    g_assert_cmpuint(plan->space_after_bytes, ==, 3);
    g_assert_cmpuint(plan->peak_extra_bytes, ==, 4);
    g_assert_cmpuint(plan->fs_device, ==, G_MAXUINT64);
    g_assert_cmpuint(plan->steps->len, ==, 1);
    g_assert_cmpint(step->kind, ==, SINTER_STEP_REMOVE_FILE);
    g_assert_cmpstr(step->disk, ==, "vda");
    g_assert_cmpstr(step->subject, ==, "/b");
    g_assert_cmpuint(step->bytes, ==, 5);
    g_assert_cmpstr(step->text, ==, "remove it");
    g_assert_cmpuint(plan->refusals->len, ==, 1);
    g_assert_cmpint(refusal->code, ==, SINTER_REFUSAL_BUSY);
    g_assert_cmpstr(refusal->disk, ==, "vda");
    g_assert_cmpstr(refusal->text, ==, "7%");
    g_assert_cmpuint(plan->warnings->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(plan->warnings, 0), ==, "beware");
}

/* The copy must hold when the original is gone: the address sanitizer sees what it shares. */
static void
test_disk_plan_copy(void)
{
    SinterDiskPlan *plan = make_disk_plan();
    g_autoptr(SinterDiskPlan) copy = sinter_disk_plan_copy(plan);
    g_autoptr(SinterDiskPlan) again = NULL;

    sinter_disk_plan_free(plan);
    assert_disk_plan_copied(copy);
    again = sinter_disk_plan_copy(copy);
    assert_disk_plan_copied(again);
}

static void
test_disk_plan_copy_of_empty(void)
{
    g_autoptr(SinterDiskPlan) plan = sinter_disk_plan_new("vdb");
    g_autoptr(SinterDiskPlan) copy = sinter_disk_plan_copy(plan);

    g_assert_cmpstr(copy->disk, ==, "vdb");
    g_assert_null(copy->top_path);
    g_assert_null(copy->destination);
    g_assert_null(copy->chain_before[0]);
    g_assert_null(copy->remove_files[0]);
    g_assert_cmpuint(copy->steps->len, ==, 0);
}

static SinterDiskPlan *
add_disk(SinterPlan *plan, const char *target)
{
    SinterDiskPlan *disk = sinter_disk_plan_new(target);

    g_ptr_array_add(plan->disks, disk);
    return disk;
}

static void
refuse(SinterDiskPlan *disk, SinterRefusalCode code)
{
    g_ptr_array_add(disk->refusals, sinter_refusal_new(code, disk->disk, "because"));
}

/* "No chain" is no obstacle to the other disks; anything else is. */
static void
test_plan_as_a_whole(void)
{
    g_autoptr(SinterPlan) plan = sinter_plan_new();
    g_autoptr(SinterPlan) same = sinter_plan_ref(plan);
    SinterDiskPlan *flat;

    g_assert_true(same == plan);
    g_assert_false(sinter_plan_has_work(plan));
    g_assert_null(sinter_plan_get_refusal(plan));
    flat = add_disk(plan, "vda");
    refuse(flat, SINTER_REFUSAL_NO_CHAIN);
    g_assert_false(sinter_plan_has_work(plan));
    g_assert_null(sinter_plan_get_refusal(plan));
    add_disk(plan, "vdb");
    g_assert_true(sinter_plan_has_work(plan));
    g_assert_null(sinter_plan_get_refusal(plan));
    refuse(flat, SINTER_REFUSAL_BUSY);
    refuse(add_disk(plan, "vdc"), SINTER_REFUSAL_NO_SPACE);
    g_assert_true(sinter_plan_has_work(plan));
    g_assert_cmpint(sinter_plan_get_refusal(plan)->code, ==, SINTER_REFUSAL_BUSY);
    g_assert_cmpstr(sinter_plan_get_refusal(plan)->disk, ==, "vda");
}

static void
test_free_of_nothing(void)
{
    sinter_step_free(NULL);
    sinter_refusal_free(NULL);
    sinter_disk_plan_free(NULL);
    sinter_plan_unref(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/operation-names", test_operation_names);
    g_test_add_func("/plan/step-names", test_step_names);
    g_test_add_func("/plan/refusal-codes", test_refusal_codes);
    g_test_add_func("/plan/disk-plan-copy", test_disk_plan_copy);
    g_test_add_func("/plan/disk-plan-copy-of-empty", test_disk_plan_copy_of_empty);
    g_test_add_func("/plan/as-a-whole", test_plan_as_a_whole);
    g_test_add_func("/plan/free-of-nothing", test_free_of_nothing);
    return g_test_run();
}
