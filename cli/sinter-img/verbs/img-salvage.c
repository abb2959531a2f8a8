/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * salvage: copies what can be read of a damaged image, and lists what is lost. The exit status: 0
 * everything was read, 1 failure, 2 something is lost, 3 nothing is lost, but something is
 * doubtful.
 */

#include "text/img-message.h"
#include "text/img-progress.h"
#include "text/img-salvage-text.h"
#include "words/img-keyval.h"
#include "words/img-new-image.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "words/img-snapshot-name.h"
#include "img-verbs.h"
#include "sinter-file.h"

#include <string.h>
#include <sys/stat.h>

#define FAILED 1
#define LOST 2
#define DOUBTFUL 3
#define STEP_PERCENT 1.0
/* A map of as many blocks as a disk of many TiB with scattered damage has. */
#define MAP_MAX_BYTES (256 * 1024 * 1024)
#define FILE_MODE 0600

typedef struct {
    SinterImgSource source;
    const char *target_format;
    char *list; /* of -o */
    const char *snapshot;
    const char *map;
    const char *ranges;
    guint8 fill[SINTER_SALVAGE_FILL_MAX_BYTES];
    gsize fill_bytes;
    guint64 retries;
    const char *output;
    gboolean json;
    gboolean progress;
    gboolean quiet;
} SalvageOptions;

/* "0x4f5f": bytes in hexadecimal; returns their number, 0 if it is not that. */
static gsize
parse_hex(const char *digits, guint8 *ret)
{
    gsize n = strlen(digits);

    if (n == 0 || n % 2 != 0 || n / 2 > SINTER_SALVAGE_FILL_MAX_BYTES)
        return 0;
    for (gsize i = 0; i < n; i += 2) {
        int high = g_ascii_xdigit_value(digits[i]);
        int low = g_ascii_xdigit_value(digits[i + 1]);

        if (high < 0 || low < 0)
            return 0;
        ret[i / 2] = (guint8)(high << 4 | low);
    }
    return n / 2;
}

static gboolean
take_fill(const SinterOption *option, gpointer options, const char *value)
{
    SalvageOptions *self = options;
    gsize n = strlen(value);

    if (g_str_has_prefix(value, "0x")) {
        self->fill_bytes = parse_hex(value + 2, self->fill);
    } else if (n <= sizeof self->fill) {
        memcpy(self->fill, value, n);
        self->fill_bytes = n;
    }
    if (self->fill_bytes > 0)
        return TRUE;
    sinter_img_error(
        "Invalid fill pattern '%s': a text or 0x and pairs of hexadecimal digits, of 1 "
        "to %d bytes",
        value, SINTER_SALVAGE_FILL_MAX_BYTES);
    return FALSE;
}

/* Returns FALSE after a message. @ret_text is NULL if there is no map file yet. */
static gboolean
read_map(const SalvageOptions *self, char **ret_text)
{
    g_autoptr(GError) error = NULL;

    *ret_text = NULL;
    if (!self->map || !g_file_test(self->map, G_FILE_TEST_EXISTS))
        return TRUE;
    *ret_text = sinter_file_read_bounded(self->map, MAP_MAX_BYTES, NULL, &error);
    if (!*ret_text)
        sinter_img_report(error);
    return *ret_text != NULL;
}

static gboolean
save_map(const char *map, gpointer user_data, GError **error)
{
    const SalvageOptions *self = user_data;

    return sinter_file_replace_durably(self->map, map, strlen(map), FILE_MODE, error);
}

static gboolean
is_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* The list replaces an existing file, which must not be an image. */
static gboolean
write_list(const SalvageOptions *self, const SinterSalvageResult *result, const char *output)
{
    g_autofree char *text = sinter_img_salvage_list(result);
    g_autoptr(GError) error = NULL;

    if (!self->ranges)
        return TRUE;
    for (guint i = 0; i < result->layers->len; i++) {
        if (is_same_file(self->ranges, g_ptr_array_index(result->layers, i))) {
            sinter_img_error("the list '%s' would replace an image of the chain", self->ranges);
            return FALSE;
        }
    }
    if (is_same_file(self->ranges, output)) {
        sinter_img_error("the list '%s' would replace the output", self->ranges);
        return FALSE;
    }
    if (sinter_file_replace_durably(self->ranges, text, strlen(text), FILE_MODE, &error))
        return TRUE;
    sinter_img_report(error);
    return FALSE;
}

/* Describes the new image. Returns FALSE after a message. */
static gboolean
describe_target(const SalvageOptions *self, const SinterImgName *name, SinterImgNewImage *image)
{
    g_autoptr(SinterIo) io = self->target_format ? NULL : sinter_img_open_file(name);
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) error = NULL;
    const char *format = self->target_format;

    if (!format) {
        info = io ? sinter_image_info_new_for_io(io, name->format, &error) : NULL;
        if (error)
            sinter_img_name_report(name, error);
        if (!info)
            return FALSE;
        format = sinter_img_new_image_init(image, info->format) ? info->format : "raw";
    }
    if (!sinter_img_new_image_init(image, format)) {
        g_autofree char *why = sinter_img_new_image_refusal(format);

        sinter_img_error("%s", why);
        return FALSE;
    }
    return !self->list || sinter_img_new_image_parse(image, self->list, NULL);
}

static SinterSalvageOptions
salvage_how(const SalvageOptions *self, const SinterImgName *name, SinterImgProgress *progress,
            const char *former_map)
{
    return (SinterSalvageOptions){
        .fs = name->fs,
        .format = name->format,
        .snapshot = self->snapshot,
        .flags = SINTER_CHAIN_PROBE | (name->force_share ? SINTER_CHAIN_NO_LOCK : 0) |
                 (name->direct ? SINTER_CHAIN_DIRECT : 0),
        .retries = (guint)self->retries,
        .fill = self->fill_bytes ? self->fill : NULL,
        .fill_bytes = self->fill_bytes,
        .save = self->map ? save_map : NULL,
        .save_data = (gpointer)self,
        .former_map = former_map,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
    };
}

static SinterSalvageResult *
salvage_do(const SalvageOptions *self, const SinterImgName *name, const char *output,
           const SinterCreateOptions *target)
{
    g_autoptr(SinterImgProgress) progress = NULL;
    g_autoptr(SinterSalvageResult) result = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *former = NULL;
    SinterSalvageOptions how;

    if (!read_map(self, &former))
        return NULL;
    progress = sinter_img_progress_begin(sinter_img_progress_mode(self->quiet, self->progress),
                                         name->given, STEP_PERCENT);
    how = salvage_how(self, name, progress, former);
    sinter_img_progress_start(progress);
    result = sinter_salvage(name->path, output, target, &how, &error);
    if (!result) {
        sinter_img_name_report(name, error);
        return NULL;
    }
    sinter_img_progress_complete(progress);
    return g_steal_pointer(&result);
}

static int
salvage_tell(const SalvageOptions *self, const SinterSalvageResult *result, gboolean json)
{
    if (json)
        sinter_img_salvage_print_json(result);
    else if (!self->quiet)
        sinter_img_salvage_print(result);
    if (result->lost_bytes > 0)
        return LOST;
    return result->doubtful_bytes > 0 ? DOUBTFUL : 0;
}

static int
salvage_run(const SinterCommandCall *call, GError **error)
{
    const SalvageOptions *self = call->options;
    const char *output = call->operands[1];
    g_auto(SinterImgNewImage) image = { 0 };
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterSalvageResult) result = NULL;
    SinterCreateOptions target;
    gboolean json;

    if (self->list && sinter_img_option_list_has_help(self->list)) {
        if (!sinter_img_new_image_init(&image, self->target_format ? self->target_format : "qcow2"))
            return FAILED;
        sinter_img_new_image_print_help(&image, TRUE);
        return 0;
    }
    if (!sinter_img_output_parse(self->output, &json) ||
        !sinter_img_cache_check("source cache option", self->source.cache) ||
        !sinter_img_name_parse(&name, &self->source, call->operands[0]) ||
        !describe_target(self, &name, &image) || !sinter_img_new_image_fill(&image, &target, error))
        return FAILED;
    if (target.backing_name) {
        sinter_img_error("A salvaged image has no backing file");
        return FAILED;
    }
    result = salvage_do(self, &name, output, &target);
    if (!result || !write_list(self, result, output))
        return FAILED;
    return salvage_tell(self, result, json || self->json);
}

static void
salvage_clear(gpointer data)
{
    g_free(((SalvageOptions *)data)->list);
}

static const SinterOption salvage_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(SalvageOptions, source),
    { NULL, 'O', "FMT", "format of OUTPUT; default: that of IMAGE",
      SINTER_OPTION_MEMBER(SalvageOptions, target_format) },
    { NULL, 'o', "OPTIONS", "options of OUTPUT, as for create; 'help' lists them",
      SINTER_OPTION_MEMBER(SalvageOptions, list), .take = sinter_img_option_list_take },
    { NULL, 'l', "SNAPSHOT", "internal snapshot of IMAGE, by ID or name",
      SINTER_OPTION_MEMBER(SalvageOptions, snapshot) },
    { "map", 0, "FILE", "map file of ddrescue; the salvage can be interrupted and continued",
      SINTER_OPTION_MEMBER(SalvageOptions, map) },
    { "list", 0, "FILE", "write each lost range and its cause to FILE",
      SINTER_OPTION_MEMBER(SalvageOptions, ranges) },
    { "fill", 0, "PATTERN", "content of lost ranges: a text, or 0x and hexadecimal digits (zeros)",
      .take = take_fill },
    { "retries", 0, "N", "how often to read bad sectors again at the end (0)",
      SINTER_IMG_RANGED(sinter_img_count_take, SalvageOptions, retries, "number of retries", 0,
                        G_MAXUINT16) },
    SINTER_IMG_OUTPUT_OPTION(SalvageOptions, output),
    { "json", 0, NULL, "the same as --output=json", SINTER_OPTION_MEMBER(SalvageOptions, json) },
    { NULL, 'T', "CACHE", "cache mode of reads: none bypasses the page cache",
      SINTER_OPTION_MEMBER(SalvageOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(SalvageOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(SalvageOptions, quiet) },
};

const SinterCommand sinter_img_salvage = {
    .name = "salvage",
    .operands = "IMAGE OUTPUT",
    .summary = "Copies what can be read of a damaged image, and lists what is lost",
    .options = salvage_options,
    .n_options = G_N_ELEMENTS(salvage_options),
    .options_size = sizeof(SalvageOptions),
    .description = "Exit status: 0 everything was read, 1 failure, 2 something is lost, 3 nothing "
                   "is lost,\nbut something may be wrong. IMAGE is never modified.\n",
    .min_operands = 2,
    .max_operands = 2,
    .expecting = "Expecting the name of an image and of the output",
    .run = salvage_run,
    .clear = salvage_clear,
};
