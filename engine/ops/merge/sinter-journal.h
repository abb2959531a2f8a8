/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a merge that was begun is about, in a small file beside the image that it was asked for, so
 * that the same call finishes it when it was cut:
 *
 *   MOVING    content moves and the image above is put onto the result; which of that is done,
 *             the chain tells
 *   REMOVING  all of that is durable: nothing is left to do but to remove files
 *
 * The file is a key file; names in it are escaped to ASCII.
 */

#include "io/sinter-io.h"
#include "sinter/merge.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_JOURNAL_MOVING,
    SINTER_JOURNAL_REMOVING,
} SinterJournalPhase;

typedef struct {
    SinterJournalPhase phase;
    /* what was asked for */
    char *top;    /* nullable */
    char *base;   /* nullable */
    char *remove; /* nullable */
    gboolean drops_shadowed;
    gboolean deletes;
    /* what that means */
    SinterMergeDirection direction; /* never CHEAPER */
    char **members;                 /* the stretch, the top first */
    char *child;                    /* nullable: the image above */
    char *backing;                  /* nullable: what the result stands on */
    GPtrArray *leftover;            /* of SinterLeftover, in the order of removal */
} SinterJournal;

SinterJournal *sinter_journal_new(void);
void sinter_journal_free(SinterJournal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterJournal, sinter_journal_free)

/* (transfer full): where the journal of a merge in the chain of @image lies. */
char *sinter_journal_path(const char *image);

/* NULL in @ret where there is none. One that cannot be understood is an error. */
gboolean sinter_journal_load(SinterFs *fs, const char *path, SinterJournal **ret, GError **error);

/* Durable when it returns TRUE; on failure the former journal stands, if there was one. */
gboolean sinter_journal_store(const SinterJournal *self, SinterFs *fs, const char *path,
                              GError **error);

/* Durable. One that is gone already is a success. */
gboolean sinter_journal_remove(SinterFs *fs, const char *path, GError **error);

/* Whether it was begun by a call with @options. */
gboolean sinter_journal_matches(const SinterJournal *self, const SinterMergeOptions *options);

/* (transfer full): what was asked for, for people: "merge of 'a' down to 'b'". */
char *sinter_journal_describe(const SinterJournal *self);

G_END_DECLS
