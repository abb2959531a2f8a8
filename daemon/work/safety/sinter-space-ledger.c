/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Claims on free space, by job. Invariant: whenever a claim is granted, the sum of the claims on
 * its file system is at most the free space at that moment.
 */

#include "sinter-space-ledger.h"
#include "sinter-sum.h"

typedef struct {
    guint64 fs_device;
    guint64 bytes;
} Claim;

struct _SinterSpaceLedger {
    GMutex lock;        /* guards claims */
    GHashTable *claims; /* job id → Claim */
};

SinterSpaceLedger *
sinter_space_ledger_new(void)
{
    SinterSpaceLedger *ledger = g_new0(SinterSpaceLedger, 1);

    g_mutex_init(&ledger->lock);
    ledger->claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return ledger;
}

void
sinter_space_ledger_free(SinterSpaceLedger *ledger)
{
    if (!ledger)
        return;
    g_hash_table_unref(ledger->claims);
    g_mutex_clear(&ledger->lock);
    g_free(ledger);
}

static guint64
sum_of_others(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device)
{
    GHashTableIter iter;
    gpointer id;
    gpointer value;
    guint64 sum = 0;

    g_hash_table_iter_init(&iter, ledger->claims);
    while (g_hash_table_iter_next(&iter, &id, &value)) {
        const Claim *claim = value;

        if (claim->fs_device == fs_device && !g_str_equal(id, job_id))
            sum = sinter_sum(sum, claim->bytes);
    }
    return sum;
}

static void
put(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device, guint64 bytes)
{
    Claim *claim = g_new0(Claim, 1);

    claim->fs_device = fs_device;
    claim->bytes = bytes;
    g_hash_table_replace(ledger->claims, g_strdup(job_id), claim);
}

SinterSpace
sinter_space_ledger_claim(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device,
                          guint64 need_bytes, guint64 free_bytes, guint64 *ret_promised_bytes)
{
    g_autoptr(GMutexLocker) locker = ledger ? g_mutex_locker_new(&ledger->lock) : NULL;

    *ret_promised_bytes = ledger ? sum_of_others(ledger, job_id, fs_device) : 0;
    if (need_bytes > free_bytes)
        return SINTER_SPACE_LACKING;
    if (*ret_promised_bytes > free_bytes - need_bytes)
        return SINTER_SPACE_PROMISED;
    if (ledger)
        put(ledger, job_id, fs_device, need_bytes);
    return SINTER_SPACE_GRANTED;
}

void
sinter_space_ledger_renew(SinterSpaceLedger *ledger, const char *job_id, guint64 fs_device,
                          guint64 need_bytes)
{
    g_autoptr(GMutexLocker) locker = ledger ? g_mutex_locker_new(&ledger->lock) : NULL;

    if (ledger)
        put(ledger, job_id, fs_device, need_bytes);
}

void
sinter_space_ledger_lower(SinterSpaceLedger *ledger, const char *job_id, guint64 left_bytes)
{
    g_autoptr(GMutexLocker) locker = ledger ? g_mutex_locker_new(&ledger->lock) : NULL;
    Claim *claim = ledger ? g_hash_table_lookup(ledger->claims, job_id) : NULL;

    if (claim)
        claim->bytes = MIN(claim->bytes, left_bytes);
}

void
sinter_space_ledger_give_up(SinterSpaceLedger *ledger, const char *job_id)
{
    g_autoptr(GMutexLocker) locker = ledger ? g_mutex_locker_new(&ledger->lock) : NULL;

    if (ledger)
        g_hash_table_remove(ledger->claims, job_id);
}
