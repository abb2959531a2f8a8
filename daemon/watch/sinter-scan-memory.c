/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The memory of scans. Invariant: it holds the state that the inventory shows, so that a job knows
 * of a domain that does not respond what a user knows.
 */

#include "sinter-scan-memory.h"

/* A daemon that answers a user's question within a second cannot wait longer for an image. */
static const SinterPatienceLimits storage_limits = { .limit_msec = 700, .max_open = 64 };

/* libvirtd has 20 workers by default, and an unanswered question occupies one: most of them must be
 * left to others. */
static const SinterPatienceLimits libvirt_limits = { .limit_msec = 700, .max_open = 6 };
static const SinterPatienceLimits qemu_limits = { .limit_msec = 700, .max_open = 6 };

SinterScanMemory *
sinter_scan_memory_new(void)
{
    SinterScanMemory *self = g_new0(SinterScanMemory, 1);

    g_atomic_ref_count_init(&self->ref_count);
    self->storage = sinter_patience_new(&storage_limits);
    self->libvirt = sinter_patience_new(&libvirt_limits);
    self->qemu = sinter_patience_new(&qemu_limits);
    self->share = sinter_scan_share_new();
    g_mutex_init(&self->lock);
    self->domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sinter_domain_unref);
    return self;
}

void
sinter_scan_memory_unref(SinterScanMemory *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->ref_count))
        return;
    sinter_patience_unref(self->storage);
    sinter_patience_unref(self->libvirt);
    sinter_patience_unref(self->qemu);
    sinter_scan_share_free(self->share);
    g_hash_table_unref(self->domains);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
sinter_scan_memory_remember(SinterScanMemory *self, SinterDomain *domain)
{
    g_mutex_lock(&self->lock);
    g_hash_table_replace(self->domains, domain->uuid, sinter_domain_ref(domain));
    g_mutex_unlock(&self->lock);
}

void
sinter_scan_memory_forget(SinterScanMemory *self, const char *uuid)
{
    g_mutex_lock(&self->lock);
    g_hash_table_remove(self->domains, uuid);
    g_mutex_unlock(&self->lock);
}

SinterDomain *
sinter_scan_memory_recall(SinterScanMemory *self, const char *uuid)
{
    SinterDomain *domain;

    g_mutex_lock(&self->lock);
    domain = g_hash_table_lookup(self->domains, uuid);
    if (domain)
        sinter_domain_ref(domain);
    g_mutex_unlock(&self->lock);
    return domain;
}
