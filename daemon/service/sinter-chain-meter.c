/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A queue of measurements that one thread works through. Invariant: each is answered exactly once,
 * in the main context, also when the meter is freed. */

#include "sinter-chain-meter.h"

#include "sinter-error.h"

struct _SinterChainMeter {
    GThreadPool *pool;
    GCancellable *cancellable;
};

typedef struct {
    SinterDomain *domain;
    char *target;
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    sinter_domain_unref(question->domain);
    g_free(question->target);
    g_free(question);
}

/* Runs in the pool's thread. */
static void
measure(gpointer data, gpointer user_data)
{
    g_autoptr(GTask) task = data;
    const Question *question = g_task_get_task_data(task);
    const SinterDisk *disk = sinter_domain_find_disk(question->domain, question->target);
    g_autoptr(GError) error = NULL;
    GArray *usage = NULL;

    if (disk)
        usage = sinter_chain_usage_measure(disk, g_task_get_cancellable(task), &error);
    else
        error = g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' has no disk '%s'",
                            question->domain->name, question->target);
    if (usage)
        g_task_return_pointer(task, usage, (GDestroyNotify)g_array_unref);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

SinterChainMeter *
sinter_chain_meter_new(void)
{
    SinterChainMeter *meter = g_new0(SinterChainMeter, 1);

    meter->pool = g_thread_pool_new(measure, NULL, 1, FALSE, NULL);
    meter->cancellable = g_cancellable_new();
    return meter;
}

void
sinter_chain_meter_free(SinterChainMeter *meter)
{
    if (!meter)
        return;
    g_cancellable_cancel(meter->cancellable);
    g_thread_pool_free(meter->pool, FALSE, TRUE);
    g_object_unref(meter->cancellable);
    g_free(meter);
}

void
sinter_chain_meter_measure_async(SinterChainMeter *meter, SinterDomain *domain, const char *target,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, meter->cancellable, callback, user_data);
    Question *question;

    g_task_set_check_cancellable(task, FALSE); /* the result itself reports a cancellation */
    if (g_thread_pool_unprocessed(meter->pool) >= SINTER_CHAIN_METER_MAX_WAITING) {
        g_task_return_new_error(task, SINTER_ERROR, SINTER_ERROR_BUSY,
                                "%d measurements are already pending",
                                SINTER_CHAIN_METER_MAX_WAITING);
        return;
    }
    question = g_new0(Question, 1);
    question->domain = sinter_domain_ref(domain);
    question->target = g_strdup(target);
    g_task_set_task_data(task, question, question_free);
    g_thread_pool_push(meter->pool, g_steal_pointer(&task), NULL);
}

GArray *
sinter_chain_meter_measure_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
