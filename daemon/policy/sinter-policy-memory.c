/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What came of automatic work on each disk before. Invariant: a disk that was refused is not asked
 * again before something has changed, and a disk that was refused, or on which a job failed, is
 * left alone for at least RETRY_USEC.
 */

#include "sinter-policy-memory.h"

#include "sinter-policy-shape.h"

#include <string.h>

#define RETRY_USEC (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)
#define HOUR_USEC (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define MAX_RETRY_USEC (6 * HOUR_USEC)
#define CANCELLED_USEC (24 * HOUR_USEC)

/* How often RETRY_USEC is doubled at most: then it is longer than MAX_RETRY_USEC. */
#define MAX_DOUBLINGS 10

struct _SinterPolicyMemory {
    GHashTable *notes;    /* "UUID/DISK" → Note */
    GHashTable *shut_off; /* UUID → gint64: since when a domain has been seen to be shut off */
};

typedef struct {
    guint n_times;      /* refused or failed in a row */
    char *why;          /* as a sentence; NULL if nothing speaks against the disk */
    gboolean lasts;     /* it holds for a domain of this UUID that is defined again, too */
    gint64 until_usec;  /* the disk is left alone until then */
    int code;           /* after a refusal: why … */
    char *shape;        /* … and until the domain differs from this … */
    guint64 generation; /* … or the host from this */
} Note;

static void
note_clear(Note *note)
{
    g_clear_pointer(&note->why, g_free);
    g_clear_pointer(&note->shape, g_free);
    note->lasts = FALSE;
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
    self->shut_off = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void
sinter_policy_memory_free(SinterPolicyMemory *self)
{
    g_hash_table_unref(self->notes);
    g_hash_table_unref(self->shut_off);
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
sinter_policy_memory_refuse(SinterPolicyMemory *self, const SinterPolicyDisk *disk,
                            const GError *error)
{
    Note *note = get_note(self, disk->domain->uuid, disk->disk->target);
    char *shape = sinter_policy_shape_describe(disk->domain);
    gboolean is_new = !note->shape || note->code != error->code;
    gboolean is_same = !is_new && g_str_equal(note->shape, shape);

    note->n_times = is_same ? note->n_times + 1 : 1;
    note_clear(note);
    note->why = g_strdup(error->message);
    note->until_usec = disk->now_usec + count_wait(note->n_times);
    note->code = error->code;
    note->shape = shape;
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

/* Whether the job has left the images of the disk in a state that is known. */
static gboolean
settles(const SinterDiskPlan *plan)
{
    switch (plan->operation) {
    case SINTER_OPERATION_ACTIVE_COMMIT:
    case SINTER_OPERATION_COMMIT:
    case SINTER_OPERATION_PULL:
    case SINTER_OPERATION_COPY:
        return TRUE;
    default:
        return sinter_disk_plan_repairs(plan);
    }
}

void
sinter_policy_memory_take_job(SinterPolicyMemory *self, const SinterJobRecord *record)
{
    Note *note = get_note(self, record->domain_uuid, record->plan->disk);

    switch (record->phase) {
    case SINTER_PHASE_DONE:
        if (settles(record->plan)) {
            note_clear(note);
            note->n_times = 0;
        }
        break;
    case SINTER_PHASE_QUARANTINED:
        take_failure(note, record, G_MAXINT64);
        note->lasts = TRUE;
        break;
    case SINTER_PHASE_FAILED:
        if (record->plan->policy)
            take_failure(note, record, count_wait(++note->n_times));
        break;
    case SINTER_PHASE_CANCELLED:
        if (record->plan->policy) {
            take_failure(note, record, CANCELLED_USEC);
            note->lasts = TRUE;
        }
        break;
    default:
        break;
    }
}

/* Whether what was refused may be accepted now. */
static gboolean
has_changed(const Note *note, const SinterPolicyDisk *disk)
{
    g_autofree char *shape = sinter_policy_shape_describe(disk->domain);

    return note->generation != disk->generation || !g_str_equal(note->shape, shape);
}

const char *
sinter_policy_memory_find_obstacle(SinterPolicyMemory *self, const SinterPolicyDisk *disk,
                                   gint64 *ret_until_usec)
{
    g_autofree char *key = make_key(disk->domain->uuid, disk->disk->target);
    const Note *note = g_hash_table_lookup(self->notes, key);
    gboolean passes = note && (!note->shape || has_changed(note, disk));

    if (!note || !note->why || (passes && disk->now_usec >= note->until_usec))
        return NULL;
    *ret_until_usec = passes ? note->until_usec : G_MAXINT64;
    return note->why;
}

gboolean
sinter_policy_memory_is_refused(SinterPolicyMemory *self, const SinterPolicyDisk *disk)
{
    g_autofree char *key = make_key(disk->domain->uuid, disk->disk->target);
    const Note *note = g_hash_table_lookup(self->notes, key);
    gint64 until_usec;

    return note && note->shape && sinter_policy_memory_find_obstacle(self, disk, &until_usec);
}

void
sinter_policy_memory_see(SinterPolicyMemory *self, const SinterDomain *domain, gint64 now_usec)
{
    if (domain->active)
        g_hash_table_remove(self->shut_off, domain->uuid);
    else if (!g_hash_table_contains(self->shut_off, domain->uuid))
        g_hash_table_insert(self->shut_off, g_strdup(domain->uuid),
                            g_memdup2(&now_usec, sizeof now_usec));
}

gint64
sinter_policy_memory_find_shut_off(SinterPolicyMemory *self, const char *uuid, gint64 now_usec)
{
    const gint64 *since_usec = g_hash_table_lookup(self->shut_off, uuid);

    return since_usec ? *since_usec : now_usec;
}

static gboolean
is_forgotten(gpointer key, gpointer value, gpointer user_data)
{
    return g_str_has_prefix(key, user_data) && !((const Note *)value)->lasts;
}

void
sinter_policy_memory_forget(SinterPolicyMemory *self, const char *uuid)
{
    g_autofree char *prefix = make_key(uuid, "");

    g_hash_table_foreach_remove(self->notes, is_forgotten, prefix);
    g_hash_table_remove(self->shut_off, uuid);
}
