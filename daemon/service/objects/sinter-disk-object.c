/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A disk on the bus: its state as properties, and the three single block jobs as methods. It stores
 * nothing but its name: methods read everything else again when they are called.
 */

#include "sinter-disk-object.h"

#include <string.h>

#include "sinter-chain-view.h"
#include "sinter-block-job-name.h"
#include "sinter-chain-usage.h"
#include "sinter-dbus-error.h"
#include "sinter-destination.h"
#include "sinter-object-path.h"
#include "sinter-request.h"

struct _SinterDiskObject {
    SinterDBusDiskSkeleton parent_instance;
    SinterServiceContext *context;
    SinterPublisher *publisher;
    char *domain_uuid;
    char *target;
    gint64 ready_usec; /* when the block job was first seen ready, since the epoch; 0: it is not */
};

static void disk_iface_init(SinterDBusDiskIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterDiskObject, sinter_disk_object, SINTER_DBUS_TYPE_DISK_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_DISK, disk_iface_init))

SinterDiskObject *
sinter_disk_object_new(SinterServiceContext *context, SinterPublisher *publisher,
                       const char *domain_uuid, const char *target)
{
    SinterDiskObject *self = g_object_new(SINTER_TYPE_DISK_OBJECT, NULL);

    self->context = g_object_ref(context);
    self->publisher = g_object_ref(publisher);
    self->domain_uuid = g_strdup(domain_uuid);
    self->target = g_strdup(target);
    return self;
}

void
sinter_disk_object_show_job(SinterDiskObject *self)
{
    const char *id =
        sinter_service_context_find_job_on_disk(self->context, self->domain_uuid, self->target);
    g_autofree char *path = id ? sinter_object_path_job(id) : g_strdup("/");

    sinter_dbus_disk_set_job(SINTER_DBUS_DISK(self), path);
}

static guint64
virtual_size_bytes(const SinterDisk *disk)
{
    const SinterLayer *active = disk->layers->len > 0 ? g_ptr_array_index(disk->layers, 0) : NULL;

    return active ? active->virtual_size_bytes : 0;
}

/* A commit or copy that waits for somebody to end it. */
static void
show_ready(SinterDiskObject *self, const SinterDisk *disk)
{
    if (disk->mirror != SINTER_MIRROR_READY)
        self->ready_usec = 0;
    else if (self->ready_usec == 0)
        self->ready_usec = g_get_real_time();
    sinter_dbus_disk_set_block_job_ready_time(SINTER_DBUS_DISK(self), (guint64)self->ready_usec);
}

void
sinter_disk_object_update(SinterDiskObject *self, const SinterDomain *domain,
                          const SinterDisk *disk, const SinterReferenceGraph *graph)
{
    SinterDBusDisk *iface = SINTER_DBUS_DISK(self);
    SinterBlockJobType job =
        disk->block_job != SINTER_BLOCK_JOB_NONE ? disk->block_job : disk->mirror_job;
    const char *job_name = sinter_block_job_name(job);
    g_autofree char *domain_path = sinter_object_path_domain(domain->uuid);
    g_autofree char *reason = sinter_dbus_text(disk->unresponsive_reason);
    g_autoptr(GVariant) chain = sinter_chain_view_new(domain, disk, graph);

    sinter_dbus_disk_set_domain(iface, domain_path);
    sinter_dbus_disk_set_target(iface, disk->target);
    sinter_dbus_disk_set_device(iface, disk->device ? disk->device : "disk");
    sinter_dbus_disk_set_read_only(iface, disk->read_only);
    sinter_dbus_disk_set_shareable(iface, disk->shareable);
    sinter_dbus_disk_set_depth(iface, disk->layers->len);
    sinter_dbus_disk_set_chain(iface, chain);
    sinter_dbus_disk_set_allocated_bytes(iface, sinter_chain_view_allocated_bytes(disk));
    sinter_dbus_disk_set_virtual_size_bytes(iface, virtual_size_bytes(disk));
    sinter_dbus_disk_set_reclaimable_bytes(
        iface, sinter_chain_view_reclaimable_bytes(domain, disk, graph));
    sinter_dbus_disk_set_unresponsive_since(iface, (guint64)disk->unresponsive_since_usec);
    sinter_dbus_disk_set_unresponsive_reason(iface, reason);
    sinter_dbus_disk_set_block_job(iface, job_name ? job_name
                                                   : sinter_block_job_name(SINTER_BLOCK_JOB_NONE));
    show_ready(self, disk);
    sinter_disk_object_show_job(self);
}

static GVariant *
describe_usage(const GArray *usage)
{
    GVariantBuilder layers;

    g_variant_builder_init(&layers, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < usage->len; i++) {
        const SinterLayerUsage *one = &g_array_index(usage, SinterLayerUsage, i);

        g_variant_builder_open(&layers, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&layers, "{sv}", "data-bytes", g_variant_new_uint64(one->data_bytes));
        g_variant_builder_add(&layers, "{sv}", "shadowed-bytes",
                              g_variant_new_uint64(one->shadowed_bytes));
        g_variant_builder_close(&layers);
    }
    return g_variant_builder_end(&layers);
}

static void
on_measured(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;
    g_autoptr(GArray) usage = sinter_service_context_measure_chain_finish(result, &error);

    if (usage)
        sinter_dbus_disk_complete_measure_chain(NULL, invocation, describe_usage(usage));
    else
        sinter_dbus_return_error(invocation, error);
}

static gboolean
handle_measure_chain(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterDiskObject *self = SINTER_DISK_OBJECT(iface);
    g_autoptr(SinterDomain) domain =
        sinter_service_context_lookup_domain(self->context, self->domain_uuid);

    if (domain)
        sinter_service_context_measure_chain_async(self->context, domain, self->target, on_measured,
                                                   invocation);
    else
        sinter_dbus_return_error(invocation,
                                 g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                                             "domain %s no longer exists", self->domain_uuid));
    return TRUE;
}

/* Creates a request for one job on this disk. */
static SinterRequest *
new_request(SinterDiskObject *self, GDBusMethodInvocation *invocation, SinterOperation operation)
{
    SinterRequest *request = sinter_request_new(self->context, self, invocation, self->domain_uuid);
    SinterPlanRequest *wanted = &request->options.wanted;

    request->target = g_strdup(self->target);
    wanted->disk = request->target;
    wanted->operation_set = TRUE;
    wanted->operation = operation;
    /* a single block job keeps the merged files, as libvirt does: they are removed only on
     * request */
    if (!(request->options.set & SINTER_OPTION_KEEP_FILES))
        wanted->keep_files = TRUE;
    return request;
}

static void
on_planned(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *job = sinter_request_submit_one(request, plan, &error);

    if (job)
        g_dbus_method_invocation_return_value(g_steal_pointer(&request->invocation),
                                              g_variant_new("(o)", job));
    else
        sinter_request_fail(request, g_steal_pointer(&error));
}

static gboolean
handle_check(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    sinter_request_run(new_request(SINTER_DISK_OBJECT(iface), invocation, SINTER_OPERATION_CHECK),
                       on_planned);
    return TRUE;
}

static gboolean
handle_repair(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    sinter_request_run(new_request(SINTER_DISK_OBJECT(iface), invocation, SINTER_OPERATION_REPAIR),
                       on_planned);
    return TRUE;
}

static gboolean
handle_check_live(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterRequest *request =
        new_request(SINTER_DISK_OBJECT(iface), invocation, SINTER_OPERATION_CHECK);

    request->options.wanted.live = TRUE;
    sinter_request_run(request, on_planned);
    return TRUE;
}

static gboolean
handle_commit(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterDiskObject *self = SINTER_DISK_OBJECT(iface);

    /* if top is the active layer, the planner makes this an active commit */
    sinter_request_run(new_request(self, invocation, SINTER_OPERATION_COMMIT), on_planned);
    return TRUE;
}

static gboolean
handle_pull(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterDiskObject *self = SINTER_DISK_OBJECT(iface);

    sinter_request_run(new_request(self, invocation, SINTER_OPERATION_PULL), on_planned);
    return TRUE;
}

/* Adds to the plan of a copy the folder that permits its destination. */
static void
on_copy_planned(SinterRequest *request, SinterPlan *plan)
{
    g_autoptr(SinterDomain) domain =
        sinter_service_context_lookup_domain(request->context, request->domain_uuid);
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, request->target) : NULL;
    SinterDiskPlan *part = g_ptr_array_index(plan->disks, 0);
    g_autoptr(GError) error = NULL;

    if (disk &&
        !sinter_destination_find_root(part->destination, disk,
                                      sinter_service_context_get_copy_folders(request->context),
                                      &part->destination_root, &error))
        sinter_request_fail(request, g_steal_pointer(&error));
    else
        on_planned(request, plan);
}

static GError *
check_copy(const char *destination, const char *format)
{
    if (!g_path_is_absolute(destination) || strlen(destination) >= SINTER_OPTION_MAX_STRING)
        return g_error_new(SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                           "destination '%.64s' is not an absolute path of a file", destination);
    if (format && strcmp(format, "qcow2") != 0 && strcmp(format, "raw") != 0)
        return g_error_new(SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                           "option 'format' is '%.64s'; expected 'qcow2' or 'raw'", format);
    return NULL;
}

static gboolean
handle_copy(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, const char *destination,
            GVariant *options)
{
    SinterDiskObject *self = SINTER_DISK_OBJECT(iface);
    SinterRequest *request = new_request(self, invocation, SINTER_OPERATION_COPY);
    SinterPlanRequest *wanted = &request->options.wanted;
    GError *error = check_copy(destination, wanted->destination_format);

    if (error) {
        sinter_request_refuse(request, error);
        return TRUE;
    }
    request->destination = g_strdup(destination);
    wanted->destination = request->destination;
    if (!wanted->destination_format)
        wanted->destination_format = "qcow2";
    wanted->pivot = !request->options.finish;
    sinter_request_run(request, on_copy_planned);
    return TRUE;
}

static gboolean
handle_adopt(SinterDBusDisk *iface, GDBusMethodInvocation *invocation, const char *action,
             GVariant *options)
{
    SinterRequest *request =
        new_request(SINTER_DISK_OBJECT(iface), invocation, SINTER_OPERATION_ACTIVE_COMMIT);
    SinterPlanRequest *wanted = &request->options.wanted;

    wanted->adopt = TRUE;
    wanted->abort = g_str_equal(action, "abort");
    if (wanted->abort || g_str_equal(action, "pivot"))
        sinter_request_run(request, on_planned);
    else
        sinter_request_refuse(request,
                              g_error_new(SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                                          "action '%.64s' is neither 'pivot' nor 'abort'", action));
    return TRUE;
}

static void
disk_iface_init(SinterDBusDiskIface *iface)
{
    iface->handle_measure_chain = handle_measure_chain;
    iface->handle_check = handle_check;
    iface->handle_check_live = handle_check_live;
    iface->handle_repair = handle_repair;
    iface->handle_commit = handle_commit;
    iface->handle_pull = handle_pull;
    iface->handle_copy = handle_copy;
    iface->handle_adopt = handle_adopt;
}

static void
sinter_disk_object_finalize(GObject *object)
{
    SinterDiskObject *self = SINTER_DISK_OBJECT(object);

    g_clear_object(&self->context);
    g_clear_object(&self->publisher);
    g_free(self->domain_uuid);
    g_free(self->target);
    G_OBJECT_CLASS(sinter_disk_object_parent_class)->finalize(object);
}

static GVariant *
get_properties(GDBusInterfaceSkeleton *skeleton)
{
    GDBusInterfaceSkeletonClass *parent =
        G_DBUS_INTERFACE_SKELETON_CLASS(sinter_disk_object_parent_class);

    return sinter_publisher_flatten(SINTER_DISK_OBJECT(skeleton)->publisher,
                                    parent->get_properties(skeleton));
}

static void
sinter_disk_object_class_init(SinterDiskObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_disk_object_finalize;
    G_DBUS_INTERFACE_SKELETON_CLASS(klass)->get_properties = get_properties;
}

static void
sinter_disk_object_init(SinterDiskObject *self)
{
}
