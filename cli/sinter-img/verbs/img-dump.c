/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dump: shows the metadata of an image in three levels of detail, with the findings of a check.
 * Invariant: an image that cannot be used is shown as far as its bytes allow; no other file is
 * opened.
 */

#include "text/img-dump-text.h"
#include "text/img-json.h"
#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "text/img-progress.h"
#include "img-verbs.h"

#include <sinter/dump.h>

#include <stdio.h>
#include <string.h>

#define NOT_DUMPED 1
#define NO_METADATA 63
#define STEP_PERCENT 1.0
#define MAX_FINDINGS 100

typedef struct {
    SinterImgSource source;
    const char *output;
    gboolean errors;
    gboolean all;
    gboolean deep;
    SinterImgDumpScope scope;
    guint64 max_findings;
} DumpOptions;

/* The names of --tables, and the kinds of tables that they stand for. */
static const struct {
    const char *name;
    guint kinds;
} table_names[] = {
    { "l1", 1U << SINTER_DUMP_L1_TABLE },
    { "l2", 1U << SINTER_DUMP_L2_TABLE },
    { "refcounts", 1U << SINTER_DUMP_REFCOUNT_TABLE | 1U << SINTER_DUMP_REFCOUNT_BLOCK },
    { "bitmaps", 1U << SINTER_DUMP_BITMAP_TABLE },
};

static guint
find_tables(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(table_names); i++) {
        if (strcmp(table_names[i].name, name) == 0)
            return table_names[i].kinds;
    }
    return 0;
}

static gboolean
dump_take_tables(const SinterOption *option, gpointer options, const char *value)
{
    DumpOptions *self = options;
    g_auto(GStrv) names = g_strsplit(value, ",", -1);

    for (gsize i = 0; names[i]; i++) {
        guint kinds = find_tables(names[i]);

        if (kinds == 0) {
            sinter_img_error("--tables must be used with l1, l2, refcounts or bitmaps as argument");
            return FALSE;
        }
        self->scope.kinds |= kinds;
    }
    return self->scope.kinds != 0;
}

/* Options that select tables need the level of detail that shows tables. */
static gboolean
dump_check_usage(const DumpOptions *self)
{
    const SinterImgDumpScope *scope = &self->scope;

    if (!self->all && (scope->kinds || scope->active || scope->snapshot))
        sinter_img_error("--tables, --active and -l require -a");
    else if (scope->active && scope->snapshot)
        sinter_img_error("--active and -l are mutually exclusive");
    else
        return TRUE;
    return FALSE;
}

static SinterCheckResult *
dump_check(const DumpOptions *self, const char *name, SinterIo *io, const char *format,
           GError **error)
{
    g_autoptr(SinterImgProgress) progress =
        sinter_img_progress_begin(SINTER_IMG_PROGRESS_BAR, name, STEP_PERCENT);
    SinterCheckOptions how = {
        .flags = SINTER_CHECK_KEEP_GOING | SINTER_CHECK_SNAPSHOT_STATS |
                 (self->deep ? SINTER_CHECK_DEEP : 0) |
                 (self->source.force_share ? SINTER_CHECK_NO_LOCK : 0),
        .max_per_code = self->max_findings ? (guint)self->max_findings : MAX_FINDINGS,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };

    return sinter_image_check_io(io, format, &how, error);
}

/* Prints an object with the members of @head, followed by those of all tables, one by one. */
static gboolean
dump_print_all_json(const SinterImgDump *dump, JsonNode *head, SinterIo *io)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;
    gboolean ok;

    puts("{");
    json_object_iter_init_ordered(&iter, json_node_get_object(head));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        printf("\"%s\": ", name);
        sinter_img_json_print(member);
        puts(",");
    }
    ok = sinter_img_dump_print_all(dump, io, TRUE);
    puts("}");
    return ok;
}

static gboolean
dump_print_json(const SinterImgDump *dump, gboolean all, SinterIo *io)
{
    g_autoptr(JsonNode) node = sinter_img_dump_to_json(dump);

    if (all)
        return dump_print_all_json(dump, node, io);
    sinter_img_json_print(node);
    return TRUE;
}

static int
dump_do(const DumpOptions *self, const char *name, SinterIo *io, const SinterImageInfo *info,
        gboolean json, GError **error)
{
    g_autoptr(SinterCheckResult) result = dump_check(self, name, io, info->format, error);
    SinterImgDump dump = { name, info, result, self->scope };
    gboolean ok = TRUE;

    if (!result)
        return NOT_DUMPED;
    if (json) {
        ok = dump_print_json(&dump, self->all, io);
    } else {
        sinter_img_dump_print(&dump, self->all      ? SINTER_IMG_DUMP_ALL
                                     : self->errors ? SINTER_IMG_DUMP_ERRORS
                                                    : SINTER_IMG_DUMP_VERDICT);
        if (self->all)
            ok = sinter_img_dump_print_all(&dump, io, FALSE);
    }
    return ok ? 0 : NOT_DUMPED;
}

static int
dump_run(const SinterCommandCall *call, GError **error)
{
    const DumpOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterImageInfo) info = NULL;
    gboolean json;

    if (!sinter_img_output_parse(self->output, &json) || !dump_check_usage(self) ||
        !sinter_img_name_parse(&name, &self->source, call->operands[0]))
        return NOT_DUMPED;
    io = sinter_img_open_file(&name);
    info = io ? sinter_image_info_new_for_io(io, name.format, error) : NULL;
    if (!info || !sinter_img_name_check_options(&name, info->format))
        return NOT_DUMPED;
    if (!sinter_format_has_check(info->format)) {
        sinter_img_error("'%s' has format %s, which has no metadata", name.given, info->format);
        return NO_METADATA;
    }
    return dump_do(self, name.given, io, info, json, error);
}

static const SinterOption dump_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(DumpOptions, source),
    SINTER_IMG_OUTPUT_OPTION(DumpOptions, output),
    { "errors", 'v', NULL, "show every finding with its location, and statistics",
      SINTER_OPTION_MEMBER(DumpOptions, errors) },
    { "all", 'a', NULL, "show all metadata, including the entries of tables",
      SINTER_OPTION_MEMBER(DumpOptions, all) },
    { "tables", 0, "KINDS", "with -a: only these tables: l1,l2,refcounts,bitmaps",
      .take = dump_take_tables },
    { "active", 0, NULL, "with -a: only the mapping of the active state",
      SINTER_OPTION_MEMBER(DumpOptions, scope.active) },
    { NULL, 'l', "SNAPSHOT", "with -a: only the mapping of this snapshot, by ID or name",
      SINTER_OPTION_MEMBER(DumpOptions, scope.snapshot) },
    { "deep", 0, NULL, "also decompress compressed clusters",
      SINTER_OPTION_MEMBER(DumpOptions, deep) },
    { "max-findings", 0, "N", "show at most N findings of each kind (100); all are counted",
      SINTER_IMG_RANGED(sinter_img_count_take, DumpOptions, max_findings, "number of findings", 1,
                        G_MAXUINT) },
};

const SinterCommand sinter_img_dump = {
    .name = "dump",
    .operands = "FILE",
    .summary = "Shows the metadata of an image and its errors",
    .options = dump_options,
    .n_options = G_N_ELEMENTS(dump_options),
    .options_size = sizeof(DumpOptions),
    .description = "Exit status: 0 success (whatever the verdict), 1 failure, 63 the format has "
                   "no\nmetadata.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = dump_run,
};
