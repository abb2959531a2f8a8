/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A plan on the bus: the planner's value as properties, and the method that executes it. The
 * executor gets exactly the value that was shown; the executor checks whether the domain still
 * matches the plan.
 */

#include "sinter-plan-object.h"

#include "sinter-authority.h"
#include "sinter-dbus-error.h"
#include "sinter-object-path.h"
#include "sinter-request.h"
#include "sinter-sum.h"

struct _SinterPlanObject {
    SinterDBusPlanSkeleton parent_instance;
    SinterServiceContext *context;
    SinterPlan *plan;
    guint uid;
};

static void plan_iface_init(SinterDBusPlanIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterPlanObject, sinter_plan_object, SINTER_DBUS_TYPE_PLAN_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_PLAN, plan_iface_init))

enum { CONSUMED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
add_string(GVariantBuilder *builder, const char *key, const char *value)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_take_string(sinter_dbus_text(value)));
}

static GVariant *
step_view(const SinterStep *step)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    add_string(&builder, "kind", sinter_step_kind_name(step->kind));
    add_string(&builder, "disk", step->disk);
    add_string(&builder, "subject", step->subject);
    g_variant_builder_add(&builder, "{sv}", "bytes", g_variant_new_uint64(step->bytes));
    add_string(&builder, "text", step->text);
    return g_variant_builder_end(&builder);
}

static GVariant *
refusal_view(const SinterRefusal *refusal)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    add_string(&builder, "code", sinter_refusal_code_name(refusal->code));
    add_string(&builder, "error", sinter_error_name(sinter_refusal_code_error(refusal->code)));
    add_string(&builder, "disk", refusal->disk);
    add_string(&builder, "text", refusal->text);
    return g_variant_builder_end(&builder);
}

static void
show_sums(SinterDBusPlan *iface, const SinterPlan *plan)
{
    guint64 copied = 0, before = 0, after = 0, peak = 0;

    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);

        copied = sinter_sum(copied, disk->bytes_to_copy);
        before = sinter_sum(before, disk->space_before_bytes);
        after = sinter_sum(after, disk->space_after_bytes);
        peak = sinter_sum(peak, disk->peak_extra_bytes);
    }
    sinter_dbus_plan_set_bytes_to_copy(iface, copied);
    sinter_dbus_plan_set_space_before_bytes(iface, before);
    sinter_dbus_plan_set_space_after_bytes(iface, after);
    sinter_dbus_plan_set_peak_extra_bytes(iface, peak);
}

/* --- the worst case of work on a running domain ----------------------------------------------- */

/* Bytes per second that the guest is assumed to write without pause, and the storage to copy. */
#define WRITE_RATE ((guint64)32 * 1024 * 1024)
#define COPY_RATE ((guint64)64 * 1024 * 1024)

/* What is done to a guest that outruns the copy, each after a period without headway: lift the
 * bandwidth limit, throttle three times, suspend (sinter-convergence.h). */
#define N_CONVERGE_STEPS 5

/* Returns whether the guest's writes during the job have to be copied too. */
static gboolean
is_mirror(const SinterDiskPlan *disk)
{
    return disk->operation == SINTER_OPERATION_ACTIVE_COMMIT ||
           disk->operation == SINTER_OPERATION_COPY;
}

static guint64
usec_to_copy(guint64 bytes, guint64 bytes_per_sec)
{
    return (guint64)((double)bytes / (double)bytes_per_sec * G_USEC_PER_SEC);
}

static void
show_worst_case(SinterDBusPlan *iface, const SinterPlan *plan, const SinterJobLimits *limits)
{
    guint64 hold_usec = 0;
    guint64 time_usec = 0;

    for (guint i = 0; plan->domain_active && i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);
        gboolean mirror = is_mirror(disk);

        if (disk->steps->len == 0)
            continue;
        time_usec =
            sinter_sum(time_usec, usec_to_copy(disk->bytes_to_copy,
                                               mirror ? COPY_RATE - WRITE_RATE : COPY_RATE));
        if (!mirror)
            continue;
        hold_usec = (guint64)limits->max_pause_msec * 1000;
        time_usec = sinter_sum(time_usec, (guint64)limits->converge_after_sec * N_CONVERGE_STEPS *
                                              G_USEC_PER_SEC);
    }
    sinter_dbus_plan_set_longest_hold(iface, hold_usec);
    sinter_dbus_plan_set_worst_case_time(iface, time_usec);
    sinter_dbus_plan_set_assumed_write_rate(iface, WRITE_RATE);
    sinter_dbus_plan_set_assumed_copy_rate(iface, COPY_RATE);
}

/* Several disks that lose the same snapshot have the same warning: adds it only once. Takes
 * ownership of @string. */
static void
add_once(GPtrArray *strings, char *string)
{
    if (g_ptr_array_find_with_equal_func(strings, string, g_str_equal, NULL))
        g_free(string);
    else
        g_ptr_array_add(strings, string);
}

static void
show_lists(SinterDBusPlan *iface, const SinterPlan *plan)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    GVariantBuilder steps;
    GVariantBuilder refusals;

    g_variant_builder_init(&steps, G_VARIANT_TYPE("aa{sv}"));
    g_variant_builder_init(&refusals, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *disk = g_ptr_array_index(plan->disks, i);

        for (guint j = 0; j < disk->steps->len; j++)
            g_variant_builder_add_value(&steps, step_view(g_ptr_array_index(disk->steps, j)));
        for (guint j = 0; j < disk->refusals->len; j++)
            g_variant_builder_add_value(&refusals,
                                        refusal_view(g_ptr_array_index(disk->refusals, j)));
        for (guint j = 0; j < disk->warnings->len; j++)
            add_once(warnings, sinter_dbus_text(g_ptr_array_index(disk->warnings, j)));
    }
    g_ptr_array_add(warnings, NULL);
    sinter_dbus_plan_set_steps(iface, g_variant_builder_end(&steps));
    sinter_dbus_plan_set_refusals(iface, g_variant_builder_end(&refusals));
    sinter_dbus_plan_set_warnings(iface, (const char *const *)warnings->pdata);
}

SinterPlanObject *
sinter_plan_object_new(SinterServiceContext *context, const char *id, SinterPlan *plan, guint uid)
{
    SinterPlanObject *self = g_object_new(SINTER_TYPE_PLAN_OBJECT, NULL);
    SinterDBusPlan *iface = SINTER_DBUS_PLAN(self);
    g_autofree char *domain_path = sinter_object_path_domain(plan->domain_uuid);

    self->context = g_object_ref(context);
    self->plan = sinter_plan_ref(plan);
    self->uid = uid;
    sinter_dbus_plan_set_id(iface, id);
    sinter_dbus_plan_set_domain(iface, domain_path);
    sinter_dbus_plan_set_created(iface, plan->created_usec);
    show_lists(iface, plan);
    show_sums(iface, plan);
    show_worst_case(iface, plan, sinter_service_context_get_job_limits(context));
    sinter_authority_set_owner(G_DBUS_INTERFACE_SKELETON(self), uid);
    return self;
}

SinterPlan *
sinter_plan_object_get_plan(SinterPlanObject *self)
{
    return self->plan;
}

guint
sinter_plan_object_get_uid(SinterPlanObject *self)
{
    return self->uid;
}

static void
on_ready(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) jobs = sinter_request_submit(request, plan, &error);

    if (!jobs) {
        sinter_request_fail(request, g_steal_pointer(&error));
        return;
    }
    g_signal_emit(request->object, signals[CONSUMED], 0);
    sinter_dbus_plan_complete_execute(NULL, g_steal_pointer(&request->invocation),
                                      (const char *const *)jobs);
}

static gboolean
handle_execute(SinterDBusPlan *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterPlanObject *self = SINTER_PLAN_OBJECT(iface);
    SinterRequest *request =
        sinter_request_new(self->context, self, invocation, self->plan->domain_uuid);

    request->plan = sinter_plan_ref(self->plan);
    sinter_request_run(request, on_ready);
    return TRUE;
}

static gboolean
handle_discard(SinterDBusPlan *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterPlanObject *self = SINTER_PLAN_OBJECT(iface);

    sinter_dbus_plan_complete_discard(iface, invocation);
    g_signal_emit(self, signals[CONSUMED], 0);
    return TRUE;
}

static void
plan_iface_init(SinterDBusPlanIface *iface)
{
    iface->handle_execute = handle_execute;
    iface->handle_discard = handle_discard;
}

static void
sinter_plan_object_finalize(GObject *object)
{
    SinterPlanObject *self = SINTER_PLAN_OBJECT(object);

    g_clear_pointer(&self->plan, sinter_plan_unref);
    g_clear_object(&self->context);
    G_OBJECT_CLASS(sinter_plan_object_parent_class)->finalize(object);
}

static void
sinter_plan_object_class_init(SinterPlanObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_plan_object_finalize;
    signals[CONSUMED] = g_signal_new("consumed", SINTER_TYPE_PLAN_OBJECT, G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sinter_plan_object_init(SinterPlanObject *self)
{
}
