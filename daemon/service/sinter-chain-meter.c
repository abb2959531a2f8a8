/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Queues of measurements, one for each file system, that one thread each works through. Invariant:
 * each measurement is answered at most once, in the main context; a file system that does not
 * respond delays only its own. */

#include "sinter-chain-meter.h"

#include "sinter-error.h"

struct _SinterChainMeter {
    GHashTable *pools; /* st_dev (guint64) → GThreadPool */
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

/* Does not wait: the storage may not respond. */
static void
pool_free(gpointer data)
{
    g_thread_pool_free(data, FALSE, FALSE);
}

SinterChainMeter *
sinter_chain_meter_new(void)
{
    SinterChainMeter *meter = g_new0(SinterChainMeter, 1);

    meter->pools = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, pool_free);
    meter->cancellable = g_cancellable_new();
    return meter;
}

void
sinter_chain_meter_free(SinterChainMeter *meter)
{
    if (!meter)
        return;
    g_cancellable_cancel(meter->cancellable);
    g_hash_table_unref(meter->pools);
    g_object_unref(meter->cancellable);
    g_free(meter);
}

/* The pool for the file system of the active image. */
static GThreadPool *
find_pool(SinterChainMeter *meter, const SinterDomain *domain, const char *target)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, target);
    const SinterLayer *top = disk && disk->layers->len > 0 ? disk->layers->pdata[0] : NULL;
    guint64 device = top ? top->fs_device : 0;
    GThreadPool *pool = g_hash_table_lookup(meter->pools, &device);

    if (!pool) {
        pool = g_thread_pool_new(measure, NULL, 1, FALSE, NULL);
        g_hash_table_insert(meter->pools, g_memdup2(&device, sizeof device), pool);
    }
    return pool;
}

void
sinter_chain_meter_measure_async(SinterChainMeter *meter, SinterDomain *domain, const char *target,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, meter->cancellable, callback, user_data);
    GThreadPool *pool = find_pool(meter, domain, target);
    Question *question;

    g_task_set_check_cancellable(task, FALSE); /* the result itself reports a cancellation */
    if (g_thread_pool_unprocessed(pool) >= SINTER_CHAIN_METER_MAX_WAITING) {
        g_task_return_new_error(task, SINTER_ERROR, SINTER_ERROR_BUSY,
                                "%d measurements are already pending",
                                SINTER_CHAIN_METER_MAX_WAITING);
        return;
    }
    question = g_new0(Question, 1);
    question->domain = sinter_domain_ref(domain);
    question->target = g_strdup(target);
    g_task_set_task_data(task, question, question_free);
    g_thread_pool_push(pool, g_steal_pointer(&task), NULL);
}

GArray *
sinter_chain_meter_measure_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
