/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A domain on the bus: its properties show one state from the inventory, which the object holds.
 * Invariant: its Disks property names exactly the disk objects that are exported below it.
 */

#include "sinter-domain-object.h"

#include "sinter-dbus-error.h"
#include "sinter-disk-object.h"
#include "sinter-object-path.h"
#include "sinter-request.h"
#include "sinter-snapshot-view.h"

struct _SinterDomainObject {
    SinterDBusDomainSkeleton parent_instance;
    SinterServiceContext *context;
    SinterPublisher *publisher;
    SinterPlanTable *plans;
    SinterDomain *domain;
    GHashTable *disks; /* target → SinterDiskObject */
};

static void domain_iface_init(SinterDBusDomainIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterDomainObject, sinter_domain_object,
                              SINTER_DBUS_TYPE_DOMAIN_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_DOMAIN, domain_iface_init))

/* Unexports the disks that @domain (nullable) does not have. */
static void
drop_disks(SinterDomainObject *self, const SinterDomain *domain)
{
    GHashTableIter iter;
    gpointer target;

    g_hash_table_iter_init(&iter, self->disks);
    while (g_hash_table_iter_next(&iter, &target, NULL)) {
        g_autofree char *path = sinter_object_path_disk(self->domain->uuid, target);

        if (domain && sinter_domain_find_disk(domain, target))
            continue;
        sinter_publisher_unexport(self->publisher, path);
        g_hash_table_iter_remove(&iter);
    }
}

static void
show_disk(SinterDomainObject *self, const SinterDisk *disk, SinterReferenceGraph *graph)
{
    SinterDiskObject *object = g_hash_table_lookup(self->disks, disk->target);
    g_autofree char *path = NULL;

    if (object) {
        sinter_disk_object_update(object, self->domain, disk, graph);
        return;
    }
    object =
        sinter_disk_object_new(self->context, self->publisher, self->domain->uuid, disk->target);
    sinter_disk_object_update(object, self->domain, disk, graph);
    path = sinter_object_path_disk(self->domain->uuid, disk->target);
    sinter_publisher_export(self->publisher, path, G_DBUS_INTERFACE_SKELETON(object));
    g_hash_table_insert(self->disks, g_strdup(disk->target), object);
}

static void
show_properties(SinterDomainObject *self)
{
    SinterDBusDomain *iface = SINTER_DBUS_DOMAIN(self);
    const SinterDomain *domain = self->domain;
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();
    g_autoptr(GVariant) tree = sinter_snapshot_view_new(domain);
    g_autofree char *problem = sinter_dbus_text(domain->problem);
    g_autofree char *reason = sinter_dbus_text(domain->unresponsive_reason);

    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        g_ptr_array_add(disks, sinter_object_path_disk(domain->uuid, disk->target));
    }
    for (guint i = 0; i < domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        g_ptr_array_add(snapshots, snapshot->name);
    }
    g_ptr_array_add(disks, NULL);
    g_ptr_array_add(snapshots, NULL);
    sinter_dbus_domain_set_uuid(iface, domain->uuid);
    sinter_dbus_domain_set_name(iface, domain->name);
    sinter_dbus_domain_set_state(iface, sinter_domain_state_name(domain->state));
    sinter_dbus_domain_set_persistent(iface, domain->persistent);
    sinter_dbus_domain_set_disks(iface, (const char *const *)disks->pdata);
    sinter_dbus_domain_set_snapshots(iface, (const char *const *)snapshots->pdata);
    sinter_dbus_domain_set_snapshot_tree(iface, tree);
    sinter_dbus_domain_set_problem(iface, problem);
    sinter_dbus_domain_set_unresponsive_since(iface, (guint64)domain->unresponsive_since_usec);
    sinter_dbus_domain_set_unresponsive_reason(iface, reason);
}

void
sinter_domain_object_update(SinterDomainObject *self, SinterDomain *domain,
                            SinterReferenceGraph *graph)
{
    g_autoptr(SinterDomain) old = self->domain;

    self->domain = sinter_domain_ref(domain);
    drop_disks(self, domain);
    for (guint i = 0; i < domain->disks->len; i++)
        show_disk(self, g_ptr_array_index(domain->disks, i), graph);
    show_properties(self);
}

SinterDomainObject *
sinter_domain_object_new(const SinterDomainObjectParts *parts, SinterDomain *domain,
                         SinterReferenceGraph *graph)
{
    SinterDomainObject *self = g_object_new(SINTER_TYPE_DOMAIN_OBJECT, NULL);
    g_autofree char *path = sinter_object_path_domain(domain->uuid);

    self->context = g_object_ref(parts->context);
    self->publisher = g_object_ref(parts->publisher);
    self->plans = g_object_ref(parts->plans);
    sinter_domain_object_update(self, domain, graph);
    sinter_publisher_export(self->publisher, path, G_DBUS_INTERFACE_SKELETON(self));
    return self;
}

void
sinter_domain_object_show_job(SinterDomainObject *self, const char *target)
{
    SinterDiskObject *object = g_hash_table_lookup(self->disks, target);

    if (object)
        sinter_disk_object_show_job(object);
}

void
sinter_domain_object_settle_disk(SinterDomainObject *self, const char *target)
{
    SinterDiskObject *object = g_hash_table_lookup(self->disks, target);

    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self));
    if (!object)
        return;
    sinter_disk_object_show_job(object);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(object));
}

void
sinter_domain_object_unexport(SinterDomainObject *self)
{
    g_autofree char *path = sinter_object_path_domain(self->domain->uuid);

    drop_disks(self, NULL);
    sinter_publisher_unexport(self->publisher, path);
}

SinterDomain *
sinter_domain_object_get_domain(SinterDomainObject *self)
{
    return self->domain;
}

static void
on_planned(SinterRequest *request, SinterPlan *plan)
{
    SinterDomainObject *self = request->object;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = sinter_plan_table_add(self->plans, plan, request->uid, &error);

    if (path)
        sinter_dbus_domain_complete_plan(NULL, g_steal_pointer(&request->invocation), path);
    else
        sinter_request_fail(request, g_steal_pointer(&error));
}

static void
on_consolidate_planned(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) jobs = sinter_request_submit(request, plan, &error);

    if (jobs)
        sinter_dbus_domain_complete_consolidate(NULL, g_steal_pointer(&request->invocation),
                                                (const char *const *)jobs);
    else
        sinter_request_fail(request, g_steal_pointer(&error));
}

static void
run_request(SinterDomainObject *self, GDBusMethodInvocation *invocation, SinterRequestFunc answer)
{
    sinter_request_run(sinter_request_new(self->context, self, invocation, self->domain->uuid),
                       answer);
}

static gboolean
handle_plan(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    run_request(SINTER_DOMAIN_OBJECT(iface), invocation, on_planned);
    return TRUE;
}

static gboolean
handle_consolidate(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    run_request(SINTER_DOMAIN_OBJECT(iface), invocation, on_consolidate_planned);
    return TRUE;
}

static void
on_jobs_planned(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) jobs = sinter_request_submit(request, plan, &error);

    if (jobs)
        g_dbus_method_invocation_return_value(g_steal_pointer(&request->invocation),
                                              g_variant_new("(^ao)", jobs));
    else
        sinter_request_fail(request, g_steal_pointer(&error));
}

static void
run_check(SinterDomainObject *self, GDBusMethodInvocation *invocation, SinterOperation operation,
          gboolean live)
{
    SinterRequest *request =
        sinter_request_new(self->context, self, invocation, self->domain->uuid);

    request->options.wanted.operation_set = TRUE;
    request->options.wanted.operation = operation;
    request->options.wanted.live = live;
    sinter_request_run(request, on_jobs_planned);
}

static gboolean
handle_check(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    run_check(SINTER_DOMAIN_OBJECT(iface), invocation, SINTER_OPERATION_CHECK, FALSE);
    return TRUE;
}

static gboolean
handle_check_live(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    run_check(SINTER_DOMAIN_OBJECT(iface), invocation, SINTER_OPERATION_CHECK, TRUE);
    return TRUE;
}

static gboolean
handle_repair(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    run_check(SINTER_DOMAIN_OBJECT(iface), invocation, SINTER_OPERATION_REPAIR, FALSE);
    return TRUE;
}

static void
on_snapshot_planned(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *job = sinter_request_submit_one(request, plan, &error);

    if (job)
        sinter_dbus_domain_complete_create_snapshot(NULL, g_steal_pointer(&request->invocation),
                                                    job);
    else
        sinter_request_fail(request, g_steal_pointer(&error));
}

static gboolean
handle_create_snapshot(SinterDBusDomain *iface, GDBusMethodInvocation *invocation,
                       GVariant *options)
{
    SinterDomainObject *self = SINTER_DOMAIN_OBJECT(iface);
    SinterRequest *request =
        sinter_request_new(self->context, self, invocation, self->domain->uuid);

    request->options.wanted.operation_set = TRUE;
    request->options.wanted.operation = SINTER_OPERATION_SNAPSHOT;
    sinter_request_run(request, on_snapshot_planned);
    return TRUE;
}

static gboolean
handle_delete_snapshot(SinterDBusDomain *iface, GDBusMethodInvocation *invocation, const char *name,
                       GVariant *options)
{
    SinterDomainObject *self = SINTER_DOMAIN_OBJECT(iface);
    SinterRequest *request =
        sinter_request_new(self->context, self, invocation, self->domain->uuid);

    request->target = g_strdup(name);
    request->options.wanted.delete_snapshot = request->target;
    sinter_request_run(request, on_jobs_planned);
    return TRUE;
}

static void
domain_iface_init(SinterDBusDomainIface *iface)
{
    iface->handle_plan = handle_plan;
    iface->handle_consolidate = handle_consolidate;
    iface->handle_check = handle_check;
    iface->handle_check_live = handle_check_live;
    iface->handle_repair = handle_repair;
    iface->handle_create_snapshot = handle_create_snapshot;
    iface->handle_delete_snapshot = handle_delete_snapshot;
}

static void
sinter_domain_object_finalize(GObject *object)
{
    SinterDomainObject *self = SINTER_DOMAIN_OBJECT(object);

    g_clear_pointer(&self->domain, sinter_domain_unref);
    g_hash_table_unref(self->disks);
    g_clear_object(&self->plans);
    g_clear_object(&self->publisher);
    g_clear_object(&self->context);
    G_OBJECT_CLASS(sinter_domain_object_parent_class)->finalize(object);
}

static GVariant *
get_properties(GDBusInterfaceSkeleton *skeleton)
{
    GDBusInterfaceSkeletonClass *parent =
        G_DBUS_INTERFACE_SKELETON_CLASS(sinter_domain_object_parent_class);

    return sinter_publisher_flatten(SINTER_DOMAIN_OBJECT(skeleton)->publisher,
                                    parent->get_properties(skeleton));
}

static void
sinter_domain_object_class_init(SinterDomainObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_domain_object_finalize;
    G_DBUS_INTERFACE_SKELETON_CLASS(klass)->get_properties = get_properties;
}

static void
sinter_domain_object_init(SinterDomainObject *self)
{
    self->disks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
}
