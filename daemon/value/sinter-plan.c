/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plan's values: create, copy and free them, and the stable names of their enumerations.
 * Invariant: string lists are never NULL here, only empty; single strings may be NULL.
 */

#include "sinter-plan.h"
#include "sinter-nick.h"
#include "sinter-value-types.h"

static const SinterError refusal_errors[] = {
    [SINTER_REFUSAL_NO_CHAIN] = SINTER_ERROR_FAILED,
    [SINTER_REFUSAL_SHARED_BASE] = SINTER_ERROR_SHARED_BASE,
    [SINTER_REFUSAL_INTERNAL_SNAPSHOT] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_READ_ONLY] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_SHAREABLE] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_TRANSIENT] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_BUSY] = SINTER_ERROR_BUSY,
    [SINTER_REFUSAL_NO_SPACE] = SINTER_ERROR_NO_SPACE,
    [SINTER_REFUSAL_MISSING_LAYER] = SINTER_ERROR_NOT_FOUND,
    [SINTER_REFUSAL_UNREADABLE] = SINTER_ERROR_CORRUPT,
    [SINTER_REFUSAL_UNRESPONSIVE] = SINTER_ERROR_BUSY,
    [SINTER_REFUSAL_UNSUPPORTED] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_RUNNING] = SINTER_ERROR_BUSY,
    [SINTER_REFUSAL_NOT_RUNNING] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_MANAGED_SAVE] = SINTER_ERROR_BUSY,
    [SINTER_REFUSAL_MANAGED] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_FORMAT_MISMATCH] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_MIGRATED] = SINTER_ERROR_BUSY,
    [SINTER_REFUSAL_SHARED_STORAGE] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_CHECKPOINT] = SINTER_ERROR_UNSUPPORTED,
    [SINTER_REFUSAL_BAD_RANGE] = SINTER_ERROR_INVALID_ARGUMENT,
};

const char *
sinter_operation_name(SinterOperation operation)
{
    return sinter_nick_get(SINTER_TYPE_OPERATION, operation);
}

gboolean
sinter_operation_from_name(const char *name, SinterOperation *ret_operation)
{
    int value;

    if (!sinter_nick_parse(SINTER_TYPE_OPERATION, name, &value))
        return FALSE;
    *ret_operation = (SinterOperation)value;
    return TRUE;
}

const char *
sinter_step_kind_name(SinterStepKind kind)
{
    return sinter_nick_get(SINTER_TYPE_STEP_KIND, kind);
}

const char *
sinter_refusal_code_name(SinterRefusalCode code)
{
    return sinter_nick_get(SINTER_TYPE_REFUSAL_CODE, code);
}

SinterError
sinter_refusal_code_error(SinterRefusalCode code)
{
    g_return_val_if_fail((gsize)code < G_N_ELEMENTS(refusal_errors), SINTER_ERROR_FAILED);
    return refusal_errors[code];
}

SinterStep *
sinter_step_new(SinterStepKind kind, const char *disk)
{
    SinterStep *step = g_new0(SinterStep, 1);

    step->kind = kind;
    step->disk = g_strdup(disk);
    return step;
}

static gpointer
step_copy(gconstpointer data, gpointer user_data)
{
    const SinterStep *step = data;
    SinterStep *copy = sinter_step_new(step->kind, step->disk);

    copy->subject = g_strdup(step->subject);
    copy->bytes = step->bytes;
    copy->text = g_strdup(step->text);
    return copy;
}

void
sinter_step_free(SinterStep *step)
{
    if (!step)
        return;
    g_free(step->disk);
    g_free(step->subject);
    g_free(step->text);
    g_free(step);
}

SinterRefusal *
sinter_refusal_new(SinterRefusalCode code, const char *disk, const char *format, ...)
{
    SinterRefusal *refusal = g_new0(SinterRefusal, 1);
    va_list args;

    refusal->code = code;
    refusal->disk = g_strdup(disk);
    va_start(args, format);
    refusal->text = g_strdup_vprintf(format, args);
    va_end(args);
    return refusal;
}

static gpointer
refusal_copy(gconstpointer data, gpointer user_data)
{
    const SinterRefusal *refusal = data;

    return sinter_refusal_new(refusal->code, refusal->disk, "%s", refusal->text);
}

void
sinter_refusal_free(SinterRefusal *refusal)
{
    if (!refusal)
        return;
    g_free(refusal->disk);
    g_free(refusal->text);
    g_free(refusal);
}

SinterDiskPlan *
sinter_disk_plan_new(const char *disk)
{
    SinterDiskPlan *plan = g_new0(SinterDiskPlan, 1);

    plan->disk = g_strdup(disk);
    plan->chain_before = g_new0(char *, 1);
    plan->chain_after = g_new0(char *, 1);
    plan->drop_snapshots = g_new0(char *, 1);
    plan->drop_checkpoints = g_new0(char *, 1);
    plan->redefine_snapshots = g_new0(char *, 1);
    plan->remove_files = g_new0(char *, 1);
    plan->ignored_readers = g_new0(char *, 1);
    plan->check_paths = g_new0(char *, 1);
    plan->skip_paths = g_new0(char *, 1);
    plan->skip_reasons = g_new0(char *, 1);
    plan->snapshot_disks = g_new0(char *, 1);
    plan->frozen_paths = g_new0(char *, 1);
    plan->overlay_paths = g_new0(char *, 1);
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_step_free);
    plan->refusals = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_refusal_free);
    plan->warnings = g_ptr_array_new_with_free_func(g_free);
    return plan;
}

static gpointer
warning_copy(gconstpointer data, gpointer user_data)
{
    return g_strdup(data);
}

SinterDiskPlan *
sinter_disk_plan_copy(const SinterDiskPlan *plan)
{
    SinterDiskPlan *copy = g_new0(SinterDiskPlan, 1);

    *copy = *plan; /* the numbers; owned members follow */
    copy->disk = g_strdup(plan->disk);
    copy->top_path = g_strdup(plan->top_path);
    copy->base_path = g_strdup(plan->base_path);
    copy->base_format = g_strdup(plan->base_format);
    copy->destination = g_strdup(plan->destination);
    copy->destination_format = g_strdup(plan->destination_format);
    copy->destination_root = g_strdup(plan->destination_root);
    copy->chain_before = g_strdupv(plan->chain_before);
    copy->chain_after = g_strdupv(plan->chain_after);
    copy->drop_snapshots = g_strdupv(plan->drop_snapshots);
    copy->drop_checkpoints = g_strdupv(plan->drop_checkpoints);
    copy->redefine_snapshots = g_strdupv(plan->redefine_snapshots);
    copy->remove_files = g_strdupv(plan->remove_files);
    copy->ignored_readers = g_strdupv(plan->ignored_readers);
    copy->incident = g_strdup(plan->incident);
    copy->remedy = g_strdup(plan->remedy);
    copy->policy = g_strdup(plan->policy);
    copy->reason = g_strdup(plan->reason);
    copy->check_paths = g_strdupv(plan->check_paths);
    copy->skip_paths = g_strdupv(plan->skip_paths);
    copy->skip_reasons = g_strdupv(plan->skip_reasons);
    copy->snapshot_name = g_strdup(plan->snapshot_name);
    copy->snapshot_description = g_strdup(plan->snapshot_description);
    copy->snapshot_disks = g_strdupv(plan->snapshot_disks);
    copy->frozen_paths = g_strdupv(plan->frozen_paths);
    copy->overlay_paths = g_strdupv(plan->overlay_paths);
    copy->steps = g_ptr_array_copy(plan->steps, step_copy, NULL);
    copy->refusals = g_ptr_array_copy(plan->refusals, refusal_copy, NULL);
    copy->warnings = g_ptr_array_copy(plan->warnings, warning_copy, NULL);
    return copy;
}

void
sinter_disk_plan_free(SinterDiskPlan *plan)
{
    if (!plan)
        return;
    g_free(plan->disk);
    g_free(plan->top_path);
    g_free(plan->base_path);
    g_free(plan->base_format);
    g_free(plan->destination);
    g_free(plan->destination_format);
    g_free(plan->destination_root);
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    g_strfreev(plan->drop_snapshots);
    g_strfreev(plan->drop_checkpoints);
    g_strfreev(plan->redefine_snapshots);
    g_strfreev(plan->remove_files);
    g_strfreev(plan->ignored_readers);
    g_free(plan->incident);
    g_free(plan->remedy);
    g_free(plan->policy);
    g_free(plan->reason);
    g_strfreev(plan->check_paths);
    g_strfreev(plan->skip_paths);
    g_strfreev(plan->skip_reasons);
    g_free(plan->snapshot_name);
    g_free(plan->snapshot_description);
    g_strfreev(plan->snapshot_disks);
    g_strfreev(plan->frozen_paths);
    g_strfreev(plan->overlay_paths);
    g_clear_pointer(&plan->steps, g_ptr_array_unref);
    g_clear_pointer(&plan->refusals, g_ptr_array_unref);
    g_clear_pointer(&plan->warnings, g_ptr_array_unref);
    g_free(plan);
}

SinterPlan *
sinter_plan_new(void)
{
    SinterPlan *plan = g_new0(SinterPlan, 1);

    g_atomic_ref_count_init(&plan->ref_count);
    plan->disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_disk_plan_free);
    return plan;
}

SinterPlan *
sinter_plan_ref(SinterPlan *plan)
{
    g_atomic_ref_count_inc(&plan->ref_count);
    return plan;
}

void
sinter_plan_unref(SinterPlan *plan)
{
    if (!plan || !g_atomic_ref_count_dec(&plan->ref_count))
        return;
    g_free(plan->domain_uuid);
    g_free(plan->domain_name);
    g_clear_pointer(&plan->disks, g_ptr_array_unref);
    g_free(plan);
}

const SinterRefusal *
sinter_plan_get_refusal(const SinterPlan *plan)
{
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);

        for (guint j = 0; j < disk->refusals->len; j++) {
            const SinterRefusal *refusal = g_ptr_array_index(disk->refusals, j);

            if (refusal->code != SINTER_REFUSAL_NO_CHAIN)
                return refusal;
        }
    }
    return NULL;
}

gboolean
sinter_plan_has_work(const SinterPlan *plan)
{
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);

        if (disk->refusals->len == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_disk_plan_is_on(const SinterDiskPlan *plan, const char *target)
{
    return g_strcmp0(plan->disk, target) == 0 ||
           g_strv_contains((const char *const *)plan->snapshot_disks, target);
}
