/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * map: shows which layer holds which range, and at which offset. Prints during the walk and stores
 * nothing.
 */

#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <stdio.h>
#include <string.h>

/* A large output buffer: a map has many short lines. */
#define BUFFER_BYTES (64 * 1024)
/* More than the length of a line with all its words and its numbers of at most 20 digits. */
#define LINE_MAX_BYTES 256

typedef struct {
    SinterImgSource source;
    const char *output;
    guint64 start;
    guint64 max_length;
} MapOptions;

typedef struct {
    SinterChain *chain;
    gboolean any;     /* at least one extent was printed */
    gboolean refused; /* the human-readable form cannot show an extent */
} Map;

static gboolean
extent_is_data(const SinterExtent *extent)
{
    return extent->kind == SINTER_EXTENT_DATA || extent->kind == SINTER_EXTENT_COMPRESSED;
}

static gboolean
extent_is_zero(const SinterExtent *extent)
{
    return !extent_is_data(extent) || (extent->flags & SINTER_EXTENT_FILE_HOLE) != 0;
}

/* The offset of encrypted data is useless to a reader of the map. */
static gboolean
extent_has_offset(const SinterExtent *extent)
{
    return (extent->flags & (SINTER_EXTENT_HAS_HOST | SINTER_EXTENT_ENCRYPTED)) ==
           SINTER_EXTENT_HAS_HOST;
}

/* Appends @name and the number; returns the end. printf() would take most of the time of a map. */
static char *
put_number(char *at, const char *name, guint64 number)
{
    char digits[20];
    gsize first = sizeof(digits);

    at = g_stpcpy(at, name);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(at, digits + first, sizeof(digits) - first);
    return at + sizeof(digits) - first;
}

static char *
put_switch(char *at, const char *name, gboolean value)
{
    return g_stpcpy(g_stpcpy(at, name), value ? "true" : "false");
}

static gboolean
print_json(const SinterExtent *extent, gpointer user_data)
{
    Map *map = user_data;
    char line[LINE_MAX_BYTES];
    char *at = g_stpcpy(line, map->any ? ",\n{" : "{");

    at = put_number(at, " \"start\": ", extent->offset);
    at = put_number(at, ", \"length\": ", extent->length);
    at = put_number(at, ", \"depth\": ", extent->layer);
    at =
        put_switch(at, ", \"present\": ", extent->kind != SINTER_EXTENT_HOLE && extent->length > 0);
    at = put_switch(at, ", \"zero\": ", extent_is_zero(extent) && extent->length > 0);
    at = put_switch(at, ", \"data\": ", extent_is_data(extent));
    if (extent_has_offset(extent))
        at = put_number(at, ", \"offset\": ", extent->host_offset);
    *at++ = '}';
    fwrite(line, 1, (gsize)(at - line), stdout);
    map->any = TRUE;
    return TRUE;
}

static gboolean
print_human(const SinterExtent *extent, gpointer user_data)
{
    Map *map = user_data;
    g_autofree char *file = NULL;

    if (extent_is_zero(extent))
        return TRUE;
    if (!extent_has_offset(extent)) {
        sinter_img_error("File contains external, encrypted or compressed clusters.");
        map->refused = TRUE;
        return FALSE;
    }
    file = sinter_img_name(sinter_io_get_path(sinter_chain_get_data_io(map->chain, extent->layer)));
    printf("%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%s\n",
           extent->offset, extent->length, extent->host_offset, file);
    return TRUE;
}

/* Returns the requested range, limited to the disk. */
static void
map_range(const MapOptions *options, guint64 size, guint64 *ret_start, guint64 *ret_length)
{
    *ret_start = MIN(options->start, size);
    *ret_length = size - *ret_start;
    *ret_length = MIN(*ret_length, options->max_length);
}

static gboolean
map_print(Map *self, const MapOptions *options, gboolean json, GError **error)
{
    SinterExtent empty = { .offset = options->start, .kind = SINTER_EXTENT_HOLE };
    guint64 start;
    guint64 length;

    map_range(options, sinter_chain_get_virtual_size(self->chain), &start, &length);
    if (!sinter_chain_map(self->chain, start, length, SINTER_MAP_FILE_HOLES_AUTO,
                          json ? print_json : print_human, self, error)) {
        sinter_error_prefix(error, "Could not read file metadata: ");
        return FALSE;
    }
    /* a JSON list has at least one entry */
    return self->any || !json || print_json(&empty, self);
}

static int
map_run(const SinterCommandCall *call, GError **error)
{
    static char buffer[BUFFER_BYTES]; /* used by stdout until the program ends */
    const MapOptions *options = call->options;
    g_autoptr(SinterChain) chain = NULL;
    gboolean json;
    Map map;

    if (!sinter_img_output_parse(options->output, &json))
        return 1;
    chain = sinter_img_open_source(&options->source, call->operands[0]);
    if (!chain)
        return 1;
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    if (json)
        putchar('[');
    else
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    map = (Map){ .chain = chain };
    if (!map_print(&map, options, json, error))
        return 1;
    if (json)
        puts("]");
    return map.refused ? 1 : 0;
}

static const SinterOption map_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(MapOptions, source),
    SINTER_IMG_OUTPUT_OPTION(MapOptions, output),
    { "start-offset", 's', "OFFSET", "begin there",
      SINTER_IMG_SIZED(MapOptions, start, "start offset", G_MAXINT64) },
    { "max-length", 'l', "LENGTH", "stop after this length",
      SINTER_IMG_SIZED(MapOptions, max_length, "max length", G_MAXINT64) },
};

static const MapOptions map_defaults = { .max_length = G_MAXUINT64 };

const SinterCommand sinter_img_map = {
    .name = "map",
    .operands = "FILE",
    .summary = "Shows which image of the chain stores each range of the disk",
    .options = map_options,
    .n_options = G_N_ELEMENTS(map_options),
    .options_size = sizeof(MapOptions),
    .defaults = &map_defaults,
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = map_run,
};
