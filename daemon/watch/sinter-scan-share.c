/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Readings that several threads share. Invariant: a caller gets a reading that began after the
 * moment that it names and after the last known change of the domain, never an older one; an error
 * is shared only with those who were waiting for it. What is kept is dropped after a second, so
 * that the memory does not grow with the number of domains.
 */

#include "sinter-scan-share.h"

#define KEEP_USEC G_USEC_PER_SEC

/* A reading that is in progress or has ended. */
typedef struct {
    guint n_refs;
    gint64 begun_usec;
    gint64 ended_usec; /* 0: in progress */
    SinterDomain *domain;
    GError *error;
} Reading;

/* What is known of one domain. */
typedef struct {
    Reading *last;       /* that began, or NULL */
    gint64 changed_usec; /* 0 if not known */
} Entry;

struct _SinterScanShare {
    GMutex lock;         /* guards everything below */
    GCond ended;         /* a reading has ended */
    GHashTable *entries; /* uuid → Entry */
};

static Reading *
reading_new(void)
{
    Reading *reading = g_new0(Reading, 1);

    reading->n_refs = 1;
    reading->begun_usec = g_get_monotonic_time();
    return reading;
}

static Reading *
reading_ref(Reading *reading)
{
    reading->n_refs++;
    return reading;
}

static void
reading_unref(Reading *reading)
{
    if (!reading || --reading->n_refs > 0)
        return;
    sinter_domain_unref(reading->domain);
    g_clear_error(&reading->error);
    g_free(reading);
}

static void
entry_free(gpointer data)
{
    Entry *entry = data;

    reading_unref(entry->last);
    g_free(entry);
}

SinterScanShare *
sinter_scan_share_new(void)
{
    SinterScanShare *self = g_new0(SinterScanShare, 1);

    g_mutex_init(&self->lock);
    g_cond_init(&self->ended);
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return self;
}

void
sinter_scan_share_free(SinterScanShare *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->entries);
    g_cond_clear(&self->ended);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static gboolean
is_over(gpointer key, gpointer value, gpointer user_data)
{
    const Entry *entry = value;
    gint64 limit_usec = *(const gint64 *)user_data;

    return entry->changed_usec < limit_usec &&
           (!entry->last || (entry->last->ended_usec != 0 && entry->last->ended_usec < limit_usec));
}

/* The lock is held. */
static Entry *
get_entry(SinterScanShare *self, const char *uuid)
{
    gint64 limit_usec = g_get_monotonic_time() - KEEP_USEC;
    Entry *entry;

    g_hash_table_foreach_remove(self->entries, is_over, &limit_usec);
    entry = g_hash_table_lookup(self->entries, uuid);
    if (!entry) {
        entry = g_new0(Entry, 1);
        g_hash_table_insert(self->entries, g_strdup(uuid), entry);
    }
    return entry;
}

static gboolean
is_good(const Entry *entry, gint64 since_usec)
{
    const Reading *last = entry->last;

    return last && last->begun_usec >= since_usec && last->begun_usec > entry->changed_usec &&
           (last->ended_usec == 0 || last->domain);
}

/* @reading: (transfer full). The lock is held, and free after this. */
static SinterDomain *
take_answer(SinterScanShare *self, Reading *reading, GError **error)
{
    SinterDomain *domain;

    while (reading->ended_usec == 0)
        g_cond_wait(&self->ended, &self->lock);
    domain = reading->domain ? sinter_domain_ref(reading->domain) : NULL;
    if (!domain)
        g_propagate_error(error, g_error_copy(reading->error));
    reading_unref(reading);
    g_mutex_unlock(&self->lock);
    return domain;
}

SinterDomain *
sinter_scan_share_read(SinterScanShare *self, const char *uuid, gint64 since_usec,
                       SinterScanShareFunc func, gpointer data, GError **error)
{
    SinterDomain *domain;
    GError *cause = NULL;
    Reading *reading;
    Entry *entry;

    g_mutex_lock(&self->lock);
    entry = get_entry(self, uuid);
    if (is_good(entry, since_usec))
        return take_answer(self, reading_ref(entry->last), error);
    reading = reading_new();
    reading_unref(entry->last);
    entry->last = reading_ref(reading);
    g_mutex_unlock(&self->lock);
    domain = func(data, &cause);
    g_mutex_lock(&self->lock);
    reading->domain = domain;
    reading->error = cause;
    reading->ended_usec = g_get_monotonic_time();
    g_cond_broadcast(&self->ended);
    return take_answer(self, reading, error);
}

void
sinter_scan_share_note_change(SinterScanShare *self, const char *uuid, gint64 time_usec)
{
    Entry *entry;

    g_mutex_lock(&self->lock);
    entry = get_entry(self, uuid);
    entry->changed_usec = MAX(entry->changed_usec, time_usec);
    g_mutex_unlock(&self->lock);
}

gint64
sinter_scan_share_last_change(SinterScanShare *self, const char *uuid)
{
    const Entry *entry;
    gint64 changed_usec;

    g_mutex_lock(&self->lock);
    entry = g_hash_table_lookup(self->entries, uuid);
    changed_usec = entry ? entry->changed_usec : 0;
    g_mutex_unlock(&self->lock);
    return changed_usec != 0 ? changed_usec : g_get_monotonic_time();
}
