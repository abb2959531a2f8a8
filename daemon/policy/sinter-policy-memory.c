/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What came of automatic work on each disk before. Invariant: a disk that was refused is not asked
 * again before something has changed, and a disk on which a job failed is left alone for at least
 * RETRY_USEC.
 */

#include "sinter-policy-memory.h"

#include <string.h>

#define RETRY_USEC (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)
#define HOUR_USEC (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define MAX_RETRY_USEC (6 * HOUR_USEC)
#define CANCELLED_USEC (24 * HOUR_USEC)

/* How often RETRY_USEC is doubled at most: then it is longer than MAX_RETRY_USEC. */
#define MAX_DOUBLINGS 10

struct _SinterPolicyMemory {
    GHashTable *notes; /* "UUID/DISK" → Note */
};

typedef struct {
    guint n_times;        /* refused or failed in a row */
    char *why;            /* as a sentence; NULL if nothing speaks against the disk */
    gint64 until_usec;    /* the disk is left alone until then */
    SinterDomain *domain; /* after a refusal: or until the domain differs from this … */
    guint64 generation;   /* … and the host from this */
} Note;

static void
note_clear(Note *note)
{
    g_clear_pointer(&note->why, g_free);
    g_clear_pointer(&note->domain, sinter_domain_unref);
}

static void
note_free(gpointer data)
{
    note_clear(data);
    g_free(data);
}

SinterPolicyMemory *
sinter_policy_memory_new(void)
{
    SinterPolicyMemory *self = g_new0(SinterPolicyMemory, 1);

    self->notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, note_free);
    return self;
}

void
sinter_policy_memory_free(SinterPolicyMemory *self)
{
    g_hash_table_unref(self->notes);
    g_free(self);
}

static char *
make_key(const char *uuid, const char *disk)
{
    return g_strconcat(uuid, "/", disk, NULL);
}

/* (transfer none): made if there is none */
static Note *
get_note(SinterPolicyMemory *self, const char *uuid, const char *disk)
{
    g_autofree char *key = make_key(uuid, disk);
    Note *note = g_hash_table_lookup(self->notes, key);

    if (!note) {
        note = g_new0(Note, 1);
        g_hash_table_insert(self->notes, g_steal_pointer(&key), note);
    }
    return note;
}

/* 1, 2, 4 … minutes */
static gint64
count_wait(guint n_times)
{
    guint n_doublings = MIN(n_times - 1, MAX_DOUBLINGS);

    return MIN(RETRY_USEC << n_doublings, MAX_RETRY_USEC);
}

gboolean
sinter_policy_memory_refuse(SinterPolicyMemory *self, const SinterPolicyDisk *disk, const char *why)
{
    Note *note = get_note(self, disk->domain->uuid, disk->disk->target);
    gboolean is_new = g_strcmp0(note->why, why) != 0;
    char *copy = g_strdup(why);

    note->n_times = is_new ? 1 : note->n_times + 1;
    note_clear(note);
    note->why = copy;
    note->until_usec = disk->now_usec + count_wait(note->n_times);
    note->domain = sinter_domain_ref(disk->domain);
    note->generation = disk->generation;
    return is_new;
}

static void
take_failure(Note *note, const SinterJobRecord *record, gint64 wait_usec)
{
    note_clear(note);
    note->why = g_strdup_printf("job %s %s%s%s", record->id, sinter_phase_name(record->phase),
                                record->error_message ? ": " : "",
                                record->error_message ? record->error_message : "");
    note->until_usec = wait_usec == G_MAXINT64 ? G_MAXINT64 : record->ended_usec + wait_usec;
}

void
sinter_policy_memory_take_job(SinterPolicyMemory *self, const SinterJobRecord *record)
{
    Note *note = get_note(self, record->domain_uuid, record->plan->disk);

    switch (record->phase) {
    case SINTER_PHASE_DONE:
        note_clear(note);
        note->n_times = 0;
        break;
    case SINTER_PHASE_QUARANTINED:
        take_failure(note, record, G_MAXINT64);
        break;
    case SINTER_PHASE_FAILED:
        if (record->plan->policy)
            take_failure(note, record, count_wait(++note->n_times));
        break;
    case SINTER_PHASE_CANCELLED:
        if (record->plan->policy)
            take_failure(note, record, CANCELLED_USEC);
        break;
    default:
        break;
    }
}

/* Whether what was refused may be accepted now. */
static gboolean
has_changed(const Note *note, const SinterPolicyDisk *disk)
{
    return !sinter_domain_equal(note->domain, disk->domain) ||
           (note->generation != disk->generation && disk->now_usec >= note->until_usec);
}

const char *
sinter_policy_memory_find_obstacle(SinterPolicyMemory *self, const SinterPolicyDisk *disk,
                                   gint64 *ret_until_usec)
{
    g_autofree char *key = make_key(disk->domain->uuid, disk->disk->target);
    const Note *note = g_hash_table_lookup(self->notes, key);

    if (!note || !note->why)
        return NULL;
    if (note->domain ? has_changed(note, disk) : disk->now_usec >= note->until_usec)
        return NULL;
    *ret_until_usec = note->domain ? G_MAXINT64 : note->until_usec;
    return note->why;
}

static gboolean
is_of_domain(gpointer key, gpointer value, gpointer user_data)
{
    return g_str_has_prefix(key, user_data);
}

void
sinter_policy_memory_forget(SinterPolicyMemory *self, const char *uuid)
{
    g_autofree char *prefix = make_key(uuid, "");

    g_hash_table_foreach_remove(self->notes, is_of_domain, prefix);
}
