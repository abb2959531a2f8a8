/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A queue of examinations that one thread works through. Invariant: each is answered once, in the
 * main context, and every question within it has a limit.
 */

#include "sinter-doctor.h"

#include "sinter-doctor-host.h"
#include "sinter-doctor-libvirt.h"
#include "sinter-error.h"

/* For all questions to libvirt together. */
#define LIBVIRT_LIMIT_MSEC 5000

struct _SinterDoctor {
    GThreadPool *pool;
    SinterConnection *connection;
    SinterPatience *storage;
    SinterPatience *libvirt;
};

typedef struct {
    SinterDoctorFacts *facts;
    SinterConnection *connection;
    SinterPatience *storage;
    SinterPatience *libvirt;
} Examination;

static void
examination_free(gpointer data)
{
    Examination *examination = data;

    sinter_doctor_facts_free(examination->facts);
    g_object_unref(examination->connection);
    sinter_patience_unref(examination->storage);
    sinter_patience_unref(examination->libvirt);
    g_free(examination);
}

/* Runs in the pool's thread. */
static void
examine(gpointer data, gpointer user_data)
{
    g_autoptr(GTask) task = data;
    Examination *self = g_task_get_task_data(task);

    sinter_doctor_libvirt_examine(self->facts, self->libvirt, self->connection);
    sinter_doctor_host_examine(self->facts, self->storage, &sinter_doctor_places);
    g_task_return_pointer(task, sinter_doctor_checks_run(self->facts),
                          (GDestroyNotify)g_ptr_array_unref);
}

SinterDoctor *
sinter_doctor_new(SinterConnection *connection, SinterPatience *storage)
{
    const SinterPatienceLimits limits = { .limit_msec = LIBVIRT_LIMIT_MSEC, .max_open = 1 };
    SinterDoctor *doctor = g_new0(SinterDoctor, 1);

    doctor->pool = g_thread_pool_new(examine, NULL, 1, FALSE, NULL);
    doctor->connection = g_object_ref(connection);
    doctor->storage = sinter_patience_ref(storage);
    doctor->libvirt = sinter_patience_new(&limits);
    return doctor;
}

void
sinter_doctor_free(SinterDoctor *doctor)
{
    if (!doctor)
        return;
    g_thread_pool_free(doctor->pool, FALSE, FALSE);
    sinter_patience_unref(doctor->storage);
    sinter_patience_unref(doctor->libvirt);
    g_object_unref(doctor->connection);
    g_free(doctor);
}

void
sinter_doctor_examine_async(SinterDoctor *doctor, GPtrArray *domains, guint max_pause_msec,
                            GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Examination *examination;

    if (g_thread_pool_unprocessed(doctor->pool) >= SINTER_DOCTOR_MAX_WAITING) {
        g_task_return_new_error(task, SINTER_ERROR, SINTER_ERROR_BUSY,
                                "%d examinations of the host are already pending",
                                SINTER_DOCTOR_MAX_WAITING);
        return;
    }
    examination = g_new0(Examination, 1);
    examination->facts =
        sinter_doctor_facts_new(domains, sinter_connection_get_uri(doctor->connection));
    examination->facts->max_pause_msec = max_pause_msec;
    examination->connection = g_object_ref(doctor->connection);
    examination->storage = sinter_patience_ref(doctor->storage);
    examination->libvirt = sinter_patience_ref(doctor->libvirt);
    g_task_set_task_data(task, examination, examination_free);
    g_thread_pool_push(doctor->pool, g_steal_pointer(&task), NULL);
}

GPtrArray *
sinter_doctor_examine_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
