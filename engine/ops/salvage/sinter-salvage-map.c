/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The map of a salvage: a sorted list of the places at which the state changes. Invariant: the
 * blocks cover the disk without gap or overlap, and two neighbors always differ in status or cause.
 */

#include "sinter-salvage-map.h"
#include "sinter-error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A block reaches to the next mark. */
typedef struct {
    guint64 offset;
    SinterSalvageStatus status;
    SinterSalvageCause cause;
} Mark;

struct _SinterSalvageMap {
    guint64 size;
    GArray *marks; /* of Mark; the first is at 0 */
};

static const Mark *
mark_at(const SinterSalvageMap *self, guint index)
{
    return &g_array_index(self->marks, Mark, index);
}

static SinterSalvageMap *
map_new(guint64 size)
{
    SinterSalvageMap *self = g_new0(SinterSalvageMap, 1);

    self->size = size;
    self->marks = g_array_new(FALSE, TRUE, sizeof(Mark));
    return self;
}

SinterSalvageMap *
sinter_salvage_map_new(guint64 size)
{
    SinterSalvageMap *self = map_new(size);
    const Mark all = { .status = SINTER_SALVAGE_NOT_TRIED };

    g_array_append_val(self->marks, all);
    return self;
}

void
sinter_salvage_map_free(SinterSalvageMap *self)
{
    if (!self)
        return;
    g_array_unref(self->marks);
    g_free(self);
}

/* Returns the index of the mark whose block contains @offset. */
static guint
map_find(const SinterSalvageMap *self, guint64 offset)
{
    guint low = 0;
    guint high = self->marks->len;

    while (high - low > 1) {
        guint middle = low + (high - low) / 2;

        if (mark_at(self, middle)->offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static guint64
mark_end(const SinterSalvageMap *self, guint index)
{
    return index + 1 < self->marks->len ? mark_at(self, index + 1)->offset : self->size;
}

/* The place of the damage differs from cluster to cluster, so it does not separate blocks. */
static gboolean
same_state(const Mark *a, const Mark *b)
{
    return a->status == b->status && a->cause.loss == b->cause.loss &&
           a->cause.errnum == b->cause.errnum && a->cause.layer == b->cause.layer;
}

void
sinter_salvage_map_set(SinterSalvageMap *self, guint64 offset, guint64 length,
                       SinterSalvageStatus status, const SinterSalvageCause *cause)
{
    const SinterSalvageCause none = { 0 };
    Mark mark = { offset, status, cause ? *cause : none };
    guint64 end = offset + length;
    guint first = map_find(self, offset);
    guint last = map_find(self, end - 1);
    Mark rest = *mark_at(self, last);
    gboolean has_rest = mark_end(self, last) > end;

    if (mark_at(self, first)->offset < offset)
        first++;
    /* a neighbor in the same state takes the range, or what follows it */
    if (!has_rest && last + 1 < self->marks->len && same_state(&mark, mark_at(self, last + 1)))
        last++;
    if (last + 1 > first)
        g_array_remove_range(self->marks, first, last + 1 - first);
    if (has_rest && !same_state(&mark, &rest)) {
        rest.offset = end;
        g_array_insert_val(self->marks, first, rest);
    }
    if (first == 0 || !same_state(&mark, mark_at(self, first - 1)))
        g_array_insert_val(self->marks, first, mark);
}

gboolean
sinter_salvage_map_get(const SinterSalvageMap *self, guint index, SinterSalvageBlock *ret)
{
    const Mark *mark;

    if (index >= self->marks->len || self->size == 0)
        return FALSE;
    mark = mark_at(self, index);
    *ret = (SinterSalvageBlock){ .offset = mark->offset,
                                 .length = mark_end(self, index) - mark->offset,
                                 .status = mark->status,
                                 .cause = mark->cause };
    return TRUE;
}

gboolean
sinter_salvage_map_next(const SinterSalvageMap *self, SinterSalvageStatus status, guint64 from,
                        SinterSalvageBlock *ret)
{
    if (from >= self->size)
        return FALSE;
    for (guint i = map_find(self, from); i < self->marks->len; i++) {
        if (mark_at(self, i)->status != status)
            continue;
        sinter_salvage_map_get(self, i, ret);
        if (ret->offset < from) {
            ret->length -= from - ret->offset;
            ret->offset = from;
        }
        return TRUE;
    }
    return FALSE;
}

gboolean
sinter_salvage_map_last(const SinterSalvageMap *self, SinterSalvageStatus status, guint64 to,
                        SinterSalvageBlock *ret)
{
    if (to == 0)
        return FALSE;
    for (guint i = map_find(self, MIN(to, self->size) - 1) + 1; i > 0; i--) {
        if (mark_at(self, i - 1)->status != status)
            continue;
        sinter_salvage_map_get(self, i - 1, ret);
        ret->length = MIN(ret->length, to - ret->offset);
        return TRUE;
    }
    return FALSE;
}

guint64
sinter_salvage_map_count(const SinterSalvageMap *self, SinterSalvageStatus status)
{
    guint64 bytes = 0;

    for (guint i = 0; i < self->marks->len; i++) {
        if (mark_at(self, i)->status == status)
            bytes += mark_end(self, i) - mark_at(self, i)->offset;
    }
    return bytes;
}

/* --- the map file ----------------------------------------------------------------------------- */

static void
print_line(GString *text, guint64 offset, guint64 length, SinterSalvageStatus status)
{
    g_string_append_printf(text, "0x%08" G_GINT64_MODIFIER "X  0x%08" G_GINT64_MODIFIER "X  %c\n",
                           offset, length, (char)status);
}

char *
sinter_salvage_map_print(const SinterSalvageMap *self, SinterSalvageStatus phase, guint64 position)
{
    GString *text = g_string_new("# Map file of sinter-img salvage, in the format of GNU ddrescue\n"
                                 "# current_pos  current_status  current_pass\n");
    SinterSalvageBlock block;
    SinterSalvageBlock next;

    g_string_append_printf(text, "0x%08" G_GINT64_MODIFIER "X     %c               1\n", position,
                           (char)phase);
    g_string_append(text, "#      pos        size  status\n");
    for (guint i = 0; sinter_salvage_map_get(self, i, &block); i++) {
        /* blocks that differ in their cause only are one line */
        while (sinter_salvage_map_get(self, i + 1, &next) && next.status == block.status) {
            block.length += next.length;
            i++;
        }
        print_line(text, block.offset, block.length, block.status);
    }
    return g_string_free(text, FALSE);
}

/* Splits a line into words; returns NULL for one that is empty or a comment. */
static char **
split_line(const char *line)
{
    g_autofree char *plain = g_strndup(line, strcspn(line, "#"));
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    char *save = NULL;

    for (char *word = strtok_r(plain, " \t\r", &save); word; word = strtok_r(NULL, " \t\r", &save))
        g_ptr_array_add(words, g_strdup(word));
    if (words->len == 0)
        return NULL;
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

static gboolean
parse_number(const char *word, guint64 *ret)
{
    char *end;

    if (!g_ascii_isdigit(*word))
        return FALSE;
    errno = 0;
    *ret = g_ascii_strtoull(word, &end, 0);
    return errno == 0 && *end == '\0';
}

static gboolean
is_status(const char *word)
{
    return *word != '\0' && strchr("?*/-+", *word) && word[1] == '\0';
}

/* A block line. @at: the end of the block before it. */
static gboolean
parse_block(SinterSalvageMap *self, char **words, guint64 *at)
{
    Mark mark = { 0 };
    guint64 length = 0;

    if (g_strv_length(words) != 3 || !parse_number(words[0], &mark.offset) ||
        !parse_number(words[1], &length) || !is_status(words[2]) || mark.offset != *at ||
        length == 0 || length > G_MAXINT64 - mark.offset)
        return FALSE;
    mark.status = (SinterSalvageStatus)*words[2];
    if (self->marks->len == 0 || !same_state(&mark, mark_at(self, self->marks->len - 1)))
        g_array_append_val(self->marks, mark);
    *at += length;
    return TRUE;
}

static gboolean
parse_status_line(char **words)
{
    guint n = g_strv_length(words);
    guint64 number;

    return (n == 2 || n == 3) && parse_number(words[0], &number) && *words[1] != '\0' &&
           words[1][1] == '\0' && strchr("?*/-FG+", *words[1]);
}

static gboolean
refuse_line(guint number, GError **error)
{
    return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                               "line %u is not a line of a ddrescue map file", number);
}

static gboolean
parse_lines(SinterSalvageMap *self, const char *text, guint64 *ret_end, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean has_status = FALSE;

    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) words = split_line(lines[i]);

        if (!words)
            continue;
        if (has_status ? !parse_block(self, words, ret_end) : !parse_status_line(words))
            return refuse_line(i + 1, error);
        has_status = TRUE;
    }
    return self->marks->len > 0 || refuse_line(1, error);
}

SinterSalvageMap *
sinter_salvage_map_parse(const char *text, guint64 size, GError **error)
{
    g_autoptr(SinterSalvageMap) self = map_new(size);
    guint64 end = 0;

    if (!parse_lines(self, text, &end, error))
        return NULL;
    if (end == size)
        return g_steal_pointer(&self);
    sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                        "it is for a disk of %" G_GUINT64_FORMAT
                        " bytes, but the disk has %" G_GUINT64_FORMAT,
                        end, size);
    return NULL;
}
