/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Converts libvirt's callbacks to plain events. libvirt calls back for domain events from the event
 * loop, which is the main context; for a broken connection from the thread that noticed it, so that
 * one is forwarded to the main context. Each event registration holds a reference to the source,
 * which libvirt releases in any thread: the function may be muted long before the last reference is
 * released.
 */

#include "sinter-event-source.h"
#include "sinter-connection-error.h"
#include "sinter-event-qmp.h"
#include "sinter-log.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

struct _SinterEventSource {
    gatomicrefcount ref_count;
    virConnectPtr connection;
    GArray *callback_ids; /* of int */
    int qmp_callback_id;  /* -1 for none */
    SinterEventFunc func; /* NULL: muted; main context only */
    gpointer user_data;
};

static SinterEventSource *
source_ref(SinterEventSource *source)
{
    g_atomic_ref_count_inc(&source->ref_count);
    return source;
}

static void
source_unref(void *opaque)
{
    SinterEventSource *source = opaque;

    if (!g_atomic_ref_count_dec(&source->ref_count))
        return;
    g_array_unref(source->callback_ids);
    g_free(source);
}

static void
source_emit(SinterEventSource *source, virDomainPtr domain, SinterEvent *event)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (source->func) {
        if (domain && virDomainGetUUIDString(domain, uuid) == 0) {
            event->uuid = g_strdup(uuid);
            event->name = g_strdup(virDomainGetName(domain));
        }
        source->func(event, source->user_data);
    }
    sinter_event_free(event);
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int type, int detail, void *opaque)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_LIFECYCLE);

    event->status = type;
    event->detail = detail;
    source_emit(opaque, domain, event);
    return 0;
}

static void
on_block_job(virConnectPtr connection, virDomainPtr domain, const char *disk, int type, int status,
             void *opaque)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_BLOCK_JOB);

    event->device = g_strdup(disk);
    event->job_type = type;
    event->status = status;
    source_emit(opaque, domain, event);
}

static void
on_io_error(virConnectPtr connection, virDomainPtr domain, const char *path, const char *alias,
            int action, const char *reason, void *opaque)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_IO_ERROR);

    event->device = g_strdup(alias);
    event->path = g_strdup(path);
    event->text = g_strdup(reason ? reason : "");
    event->detail = action;
    source_emit(opaque, domain, event);
}

static void
on_job_completed(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr params,
                 int n_params, void *opaque)
{
    source_emit(opaque, domain, sinter_event_new(SINTER_EVENT_JOB_COMPLETED));
}

static void
emit_device(SinterEventSource *source, virDomainPtr domain, SinterEventKind kind, const char *alias)
{
    SinterEvent *event = sinter_event_new(kind);

    event->device = g_strdup(alias);
    source_emit(source, domain, event);
}

static void
on_device_added(virConnectPtr connection, virDomainPtr domain, const char *alias, void *opaque)
{
    emit_device(opaque, domain, SINTER_EVENT_DEVICE_ADDED, alias);
}

static void
on_device_removed(virConnectPtr connection, virDomainPtr domain, const char *alias, void *opaque)
{
    emit_device(opaque, domain, SINTER_EVENT_DEVICE_REMOVED, alias);
}

static void
on_block_threshold(virConnectPtr connection, virDomainPtr domain, const char *device,
                   const char *path, unsigned long long threshold, unsigned long long excess,
                   void *opaque)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_BLOCK_THRESHOLD);

    event->device = g_strdup(device);
    event->path = g_strdup(path);
    event->threshold_bytes = threshold;
    event->excess_bytes = excess;
    source_emit(opaque, domain, event);
}

static void
on_metadata_change(virConnectPtr connection, virDomainPtr domain, int type, const char *uri,
                   void *opaque)
{
    SinterEvent *event = sinter_event_new(SINTER_EVENT_METADATA_CHANGE);

    event->detail = type;
    event->text = g_strdup(uri ? uri : "");
    source_emit(opaque, domain, event);
}

static void
on_qmp_event(virConnectPtr connection, virDomainPtr domain, const char *name, long long seconds,
             unsigned int micros, const char *details, void *opaque)
{
    SinterEvent *event = sinter_event_new_from_qmp(name, details);

    if (event)
        source_emit(opaque, domain, event);
}

/* The notification of a broken connection, on its way to the main context. */
typedef struct {
    SinterEventSource *source;
    int reason; /* virConnectCloseReason */
} Closing;

static const char *
describe_close_reason(int reason)
{
    static const char *const texts[] = {
        [VIR_CONNECT_CLOSE_REASON_ERROR] = "an I/O error",
        [VIR_CONNECT_CLOSE_REASON_EOF] = "libvirt closed it",
        [VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirt does not respond",
        [VIR_CONNECT_CLOSE_REASON_CLIENT] = "it was closed by sinterd",
    };

    return reason >= 0 && (gsize)reason < G_N_ELEMENTS(texts) ? texts[reason] : "unknown";
}

static gboolean
deliver_close(gpointer data)
{
    Closing *closing = data;
    SinterEvent *event = sinter_event_new(SINTER_EVENT_DISCONNECTED);

    event->text = g_strdup(describe_close_reason(closing->reason));
    source_emit(closing->source, NULL, event);
    return G_SOURCE_REMOVE;
}

static void
closing_free(gpointer data)
{
    Closing *closing = data;

    source_unref(closing->source);
    g_free(closing);
}

static void
on_close(virConnectPtr connection, int reason, void *opaque)
{
    Closing *closing = g_new0(Closing, 1);

    closing->source = source_ref(opaque);
    closing->reason = reason;
    g_idle_add_full(G_PRIORITY_DEFAULT, deliver_close, closing, closing_free);
}

#define REGISTRATION(id, callback)                                                                 \
    {                                                                                              \
        id, VIR_DOMAIN_EVENT_CALLBACK(callback), #id                                               \
    }

static const struct {
    int id;
    virConnectDomainEventGenericCallback callback;
    const char *name;
} registrations[] = {
    REGISTRATION(VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_lifecycle),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, on_block_job),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, on_io_error),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, on_job_completed),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, on_device_added),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, on_device_removed),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, on_block_threshold),
    REGISTRATION(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, on_metadata_change),
};

#define QMP_BIT G_N_ELEMENTS(registrations)
#define CLOSE_BIT (QMP_BIT + 1)

/* Handles a failed registration. @bit: its bit among those already logged. */
static gboolean
pass_by(const char *name, guint bit, GError **error)
{
    static guint logged; /* atomic: a bit for each one logged */

    if (sinter_connection_last_error_is_lost()) {
        sinter_connection_set_error(error, "subscribing to libvirt's events");
        return FALSE;
    }
    if (!(g_atomic_int_or(&logged, 1u << bit) & (1u << bit)))
        sinter_log(G_LOG_LEVEL_DEBUG, NULL, "libvirt does not offer %s here: %s", name,
                   virGetLastErrorMessage());
    return TRUE;
}

static gboolean
register_events(SinterEventSource *source, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(registrations); i++) {
        int id = virConnectDomainEventRegisterAny(source->connection, NULL, registrations[i].id,
                                                  registrations[i].callback, source_ref(source),
                                                  source_unref);

        if (id >= 0) {
            g_array_append_val(source->callback_ids, id);
            continue;
        }
        source_unref(source);
        if (!pass_by(registrations[i].name, (guint)i, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
register_qmp(SinterEventSource *source, GError **error)
{
    source->qmp_callback_id = virConnectDomainQemuMonitorEventRegister(
        source->connection, NULL, "^BLOCK_(JOB_COMPLETED|JOB_ERROR|IMAGE_CORRUPTED)$", on_qmp_event,
        source_ref(source), source_unref, VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX);
    if (source->qmp_callback_id >= 0)
        return TRUE;
    source_unref(source);
    return pass_by("QEMU monitor events", QMP_BIT, error);
}

/* Registers without a reference: a driver without such a callback reports success and never
 * releases the reference. libvirt invokes the callback under the lock that deregistering takes, so
 * no call is in progress after that. */
static gboolean
register_close(SinterEventSource *source, GError **error)
{
    return virConnectRegisterCloseCallback(source->connection, on_close, source, NULL) == 0 ||
           pass_by("the notification of a closed connection", CLOSE_BIT, error);
}

SinterEventSource *
sinter_event_source_new(virConnectPtr connection, gboolean use_qmp_events, SinterEventFunc func,
                        gpointer user_data, GError **error)
{
    SinterEventSource *source = g_new0(SinterEventSource, 1);

    g_atomic_ref_count_init(&source->ref_count);
    virConnectRef(connection);
    source->connection = connection;
    source->callback_ids = g_array_new(FALSE, FALSE, sizeof(int));
    source->qmp_callback_id = -1;
    source->func = func;
    source->user_data = user_data;
    if (register_close(source, error) && register_events(source, error) &&
        (!use_qmp_events || register_qmp(source, error)))
        return source;
    sinter_event_source_free(source);
    return NULL;
}

void
sinter_event_source_mute(SinterEventSource *source)
{
    source->func = NULL;
}

void
sinter_event_source_free(SinterEventSource *source)
{
    if (!source)
        return;
    for (guint i = 0; i < source->callback_ids->len; i++)
        virConnectDomainEventDeregisterAny(source->connection,
                                           g_array_index(source->callback_ids, int, i));
    if (source->qmp_callback_id >= 0)
        virConnectDomainQemuMonitorEventDeregister(source->connection, source->qmp_callback_id);
    virConnectUnregisterCloseCallback(source->connection, on_close);
    virConnectClose(source->connection);
    source_unref(source);
}
