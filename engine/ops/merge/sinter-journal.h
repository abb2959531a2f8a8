/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record of a merge in progress, in a small file in the folder of the image that was given.
 * After an interruption the same call completes the merge:
 *
 *   MOVING    content is moved and the image above is relinked to the result; the chain itself
 *             shows which of these steps are complete
 *   REMOVING  all of that is durable: only the removal of files is left
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
    /* the request */
    char *top;    /* nullable */
    char *base;   /* nullable */
    char *remove; /* nullable */
    gboolean drops_shadowed;
    gboolean deletes;
    /* its result */
    SinterMergeDirection direction; /* never CHEAPER */
    char **members;                 /* the range of images to merge, the top first */
    char *child;                    /* nullable: the image above */
    char *backing;                  /* nullable: the backing file of the result */
    GPtrArray *leftover;            /* of SinterLeftover, in the order of removal */
    /* nullable: dirty bitmaps that the result does not have, and for each the image that has it */
    char **lost_bitmaps;
    char **lost_bitmap_files;
} SinterJournal;

SinterJournal *sinter_journal_new(void);
void sinter_journal_free(SinterJournal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterJournal, sinter_journal_free)

/* (transfer full): the path of the journal of a merge in the chain of @image. */
char *sinter_journal_path(const char *image);

/* Sets @ret to NULL if there is no journal. A journal that cannot be parsed is an error. */
gboolean sinter_journal_load(SinterFs *fs, const char *path, SinterJournal **ret, GError **error);

/* Durable when it returns TRUE. On failure the previous journal, if any, is kept. */
gboolean sinter_journal_store(const SinterJournal *self, SinterFs *fs, const char *path,
                              GError **error);

/*
 * Changes the phase of a stored journal to REMOVING without space for another file. Durable when it
 * returns TRUE.
 */
gboolean sinter_journal_set_removing(SinterFs *fs, const char *path, GError **error);

/* Durable. Succeeds if the journal does not exist. */
gboolean sinter_journal_remove(SinterFs *fs, const char *path, GError **error);

/* Returns whether a call with @options started the merge. */
gboolean sinter_journal_matches(const SinterJournal *self, const SinterMergeOptions *options);

/* Returns whether both name the same files to remove, with the same content. */
gboolean sinter_journal_has_same_files(const SinterJournal *self, const SinterJournal *other);

/* (transfer full): a description of the request for people: "merge of 'a' down to 'b'". */
char *sinter_journal_describe(const SinterJournal *self);

G_END_DECLS
