/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of each range of the disk during a salvage, and its form as a map file of GNU ddrescue.
 *
 * Source of the format: the GNU ddrescue manual, chapter "Mapfile structure"
 * (https://www.gnu.org/software/ddrescue/manual/ddrescue_manual.html). Lines are comments (from '#'
 * on), one status line (position, phase, number of the pass), and one line for each block
 * (position, size, status); blocks are contiguous. Numbers are decimal, octal or hexadecimal. Older
 * versions have no number of the pass.
 */

#include "sinter/loss.h"

G_BEGIN_DECLS

/* The status of a block; the values are the characters of the map file. */
typedef enum {
    SINTER_SALVAGE_NOT_TRIED = '?',
    SINTER_SALVAGE_NOT_TRIMMED = '*',
    SINTER_SALVAGE_NOT_SCRAPED = '/',
    SINTER_SALVAGE_BAD = '-',
    SINTER_SALVAGE_READ = '+',
} SinterSalvageStatus;

/* Why a block is bad or, with the status READ, doubtful. */
typedef struct {
    SinterLoss loss;
    int errnum;
    guint layer;
    guint64 place;
} SinterSalvageCause;

typedef struct {
    guint64 offset;
    guint64 length;
    SinterSalvageStatus status;
    SinterSalvageCause cause;
} SinterSalvageBlock;

typedef struct _SinterSalvageMap SinterSalvageMap;

/* A disk of which nothing was tried. */
SinterSalvageMap *sinter_salvage_map_new(guint64 size);

/*
 * Parses a map file. Fails with CORRUPT if it is not one, and with CHAIN_CHANGED if it is for a
 * disk of another size than @size. Causes are not stored in it: they are NONE.
 */
SinterSalvageMap *sinter_salvage_map_parse(const char *text, guint64 size, GError **error);

void sinter_salvage_map_free(SinterSalvageMap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSalvageMap, sinter_salvage_map_free)

/* (transfer full): the map file. @phase: what is being done, READ: everything is done. */
char *sinter_salvage_map_print(const SinterSalvageMap *self, SinterSalvageStatus phase,
                               guint64 position);

/* Sets a range, which is inside the disk. @cause: (nullable): none */
void sinter_salvage_map_set(SinterSalvageMap *self, guint64 offset, guint64 length,
                            SinterSalvageStatus status, const SinterSalvageCause *cause);

/*
 * Returns the first block with @status that ends after @from, cut so that it does not begin before
 * @from; FALSE if there is none.
 */
gboolean sinter_salvage_map_next(const SinterSalvageMap *self, SinterSalvageStatus status,
                                 guint64 from, SinterSalvageBlock *ret);

/* The same backwards: the last block that begins before @to, cut so that it does not end after. */
gboolean sinter_salvage_map_last(const SinterSalvageMap *self, SinterSalvageStatus status,
                                 guint64 to, SinterSalvageBlock *ret);

/* All blocks, in ascending order: the one at @index, FALSE at the end. */
gboolean sinter_salvage_map_get(const SinterSalvageMap *self, guint index, SinterSalvageBlock *ret);

/* The number of bytes with that status. */
guint64 sinter_salvage_map_count(const SinterSalvageMap *self, SinterSalvageStatus status);

G_END_DECLS
