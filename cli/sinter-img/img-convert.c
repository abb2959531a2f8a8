/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * convert: reads disks out into a raw file or to standard output.
 */

#include "img-keyval.h"
#include "img-message.h"
#include "img-open.h"
#include "img-progress.h"
#include "img-size.h"
#include "img-snapshot-name.h"
#include "img-verb.h"
#include "sinter-error.h"

#include <sinter/convert.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512
#define SPARSE_MAX_BYTES (16 * 1024 * 1024)
#define THREADS_MAX 16
#define STEP_PERCENT 1.0

typedef struct {
    SinterImgSource source;
    const char *target_format;
    const char *target_cache;
    const char *backing_file;
    const char *backing_format;
    char *list; /* all -o together */
    SinterImgSnapshot snapshot;
    gboolean has_snapshot;
    gboolean target_image_opts;
    gboolean target_is_zero;
    gboolean bitmaps;
    gboolean skip_broken_bitmaps;
    gboolean salvage;
    gboolean compress;
    gboolean offload;
    gboolean existing;
    gboolean unordered;
    gboolean progress;
    gboolean quiet;
    gboolean has_sparse;
    guint64 sparse_bytes;
    guint64 rate_bytes_per_sec;
    guint n_threads;
} ConvertOptions;

/* What -o says of a raw image. */
typedef struct {
    char *preallocation;
    gboolean nocow;
    guint64 extent_size_hint;
} RawOptions;

static const SinterImgKey raw_keys[] = {
    { "extent_size_hint", SINTER_IMG_SIZE, G_STRUCT_OFFSET(RawOptions, extent_size_hint) },
    { "nocow", SINTER_IMG_SWITCH, G_STRUCT_OFFSET(RawOptions, nocow) },
    { "preallocation", SINTER_IMG_TEXT, G_STRUCT_OFFSET(RawOptions, preallocation) },
    { "size", SINTER_IMG_SIZE, SINTER_IMG_NO_PLACE },
};

static void
raw_options_clear(RawOptions *self)
{
    g_clear_pointer(&self->preallocation, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RawOptions, raw_options_clear)

/* Options whose values are looked at in passing. */

static gboolean
convert_parse_list(gpointer options, const char *value)
{
    return sinter_img_option_list_add(&((ConvertOptions *)options)->list, value);
}

static gboolean
convert_parse_snapshot(gpointer options, const char *value)
{
    ConvertOptions *self = options;

    self->has_snapshot = TRUE;
    return sinter_img_snapshot_parse(&self->snapshot, value);
}

static gboolean
convert_parse_sparse(gpointer options, const char *value)
{
    ConvertOptions *self = options;

    self->has_sparse = TRUE;
    if (!sinter_img_size_argument("buffer size for sparse output", value, 0, G_MAXINT64,
                                  &self->sparse_bytes))
        return FALSE;
    if (self->sparse_bytes % SECTOR_BYTES == 0 && self->sparse_bytes <= SPARSE_MAX_BYTES)
        return TRUE;
    sinter_img_error("Invalid buffer size for sparse output specified. Valid sizes are multiples "
                     "of %d up to %d. Select 0 to disable sparse detection (fully allocates "
                     "output).",
                     SECTOR_BYTES, SPARSE_MAX_BYTES);
    return FALSE;
}

static gboolean
convert_parse_threads(gpointer options, const char *value)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 0);
    if (errno == 0 && end != value && *end == '\0' && n >= 1 && n <= THREADS_MAX) {
        ((ConvertOptions *)options)->n_threads = (guint)n;
        return TRUE;
    }
    sinter_img_error("Invalid number of coroutines. Allowed number of coroutines is between 1 and "
                     "%d",
                     THREADS_MAX);
    return FALSE;
}

static gboolean
convert_parse_rate(gpointer options, const char *value)
{
    return sinter_img_size_argument("rate limit", value, 0, G_MAXINT64,
                                    &((ConvertOptions *)options)->rate_bytes_per_sec);
}

/* What cannot go together, the first that is met in this order. */
static gboolean
convert_check_usage(const ConvertOptions *self)
{
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { self->skip_broken_bitmaps && !self->bitmaps,
          "Use of --skip-broken-bitmaps requires --bitmaps" },
        { self->compress && self->offload, "Cannot enable copy offloading when -c is used" },
        { self->has_sparse && self->offload, "Cannot enable copy offloading when -S is used" },
        { self->salvage && self->offload, "Cannot use copy offloading in salvaging mode" },
        { self->target_image_opts && !self->existing,
          "--target-image-opts requires use of -n flag" },
        { self->list && self->existing, "-o has no effect when skipping image creation" },
        { self->target_is_zero && !self->existing, "--target-is-zero requires use of -n flag" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong) {
            sinter_img_error("%s", rules[i].text);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
convert_check_format(const ConvertOptions *self, const char *target)
{
    const char *format = self->target_format ? self->target_format : "raw";

    if (strcmp(format, "raw") == 0)
        return TRUE;
    if (strcmp(format, "qcow2") == 0)
        sinter_img_error("Writing images of format 'qcow2' is not supported: -O takes raw");
    else if (self->existing)
        sinter_img_error("Could not open '%s': Unknown driver '%s'", target, format);
    else
        sinter_img_error("Unknown file format '%s'", format);
    return FALSE;
}

/* What -o and the like ask of a new raw file, and it can or cannot give. */
static gboolean
convert_check_raw(const ConvertOptions *self, RawOptions *raw)
{
    if (self->list &&
        !sinter_img_option_list_parse(self->list, raw_keys, G_N_ELEMENTS(raw_keys), raw))
        return FALSE;
    if (self->backing_file)
        sinter_img_error("Backing file not supported for file format 'raw'");
    else if (self->backing_format)
        sinter_img_error("Backing file format not supported for file format 'raw'");
    else if (self->compress)
        sinter_img_error("Compression not supported for this file format");
    else if (raw->nocow || raw->extent_size_hint)
        sinter_img_error("The options 'nocow' and 'extent_size_hint' are not supported");
    else
        return TRUE;
    return FALSE;
}

/* Bitmaps have no place in a raw file; a source without any is named first. */
static gboolean
convert_check_bitmaps(const ConvertOptions *self, GPtrArray *chains)
{
    if (!self->bitmaps)
        return TRUE;
    if (chains->len > 1)
        sinter_img_error("Copying bitmaps only possible with single source");
    else if (sinter_chain_get_info(g_ptr_array_index(chains, 0), 0)->version < 3)
        sinter_img_error("Source lacks bitmap support");
    else
        sinter_img_error("Format driver 'raw' does not support bitmaps");
    return FALSE;
}

/* FALSE after a message. */
static gboolean
raw_apply_preallocation(const RawOptions *raw, const char *target, SinterConvertOptions *how)
{
    const char *mode = raw->preallocation ? raw->preallocation : "off";

    if (strcmp(mode, "full") == 0)
        how->flags |= SINTER_CONVERT_FULL;
    else if (strcmp(mode, "falloc") == 0)
        how->preallocate = TRUE;
    else if (strcmp(mode, "off") != 0) {
        sinter_img_error(strcmp(mode, "metadata") == 0
                             ? "%s: error while converting raw: Unsupported preallocation mode: %s"
                             : "%s: error while converting raw: invalid parameter value: %s",
                         target, mode);
        return FALSE;
    }
    return TRUE;
}

/* The target's path: a plain one, maybe behind `file:` or in --target-image-opts. */
static gboolean
convert_target_name(const ConvertOptions *self, const char *given, SinterImgName *ret)
{
    SinterImgSource as = { .image_opts = self->target_image_opts };

    if (!sinter_img_name_parse(ret, &as, given))
        return FALSE;
    if (!ret->unknown && (!self->target_image_opts || g_strcmp0(ret->format, "raw") == 0))
        return TRUE;
    sinter_img_error("Could not open '%s': a target is driver=raw,file.filename=FILE and nothing "
                     "else",
                     given);
    return FALSE;
}

static void
tell_salvaged(guint64 offset, guint64 length, const GError *error, gpointer user_data)
{
    sinter_img_warning("error while reading offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                       " bytes are zeros in the copy: %s",
                       offset, length, error->message);
}

static void
convert_fill_options(const ConvertOptions *self, SinterImgProgress *progress,
                     SinterConvertOptions *how)
{
    gboolean direct = FALSE;

    if (self->target_cache)
        sinter_img_cache_parse(self->target_cache, &direct);
    *how = (SinterConvertOptions){
        .flags = (self->existing ? SINTER_CONVERT_EXISTING : 0) |
                 (self->target_is_zero ? SINTER_CONVERT_TARGET_IS_ZERO : 0) |
                 (self->has_sparse && self->sparse_bytes == 0 ? SINTER_CONVERT_FULL : 0) |
                 (self->salvage ? SINTER_CONVERT_SALVAGE : 0) |
                 (self->unordered ? SINTER_CONVERT_UNORDERED : 0) |
                 (direct ? SINTER_CONVERT_DIRECT : 0),
        .sparse_bytes = self->sparse_bytes,
        .rate_bytes_per_sec = self->rate_bytes_per_sec,
        .n_threads = self->n_threads,
        .cancellable = sinter_img_progress_get_cancellable(progress),
        .progress = sinter_img_progress_get(progress),
        .salvaged = self->quiet ? NULL : tell_salvaged,
    };
}

static gboolean
convert_check_cache(const ConvertOptions *self)
{
    gboolean direct;

    if (!self->target_cache || sinter_img_cache_parse(self->target_cache, &direct))
        return TRUE;
    sinter_img_error("Invalid cache option: %s", self->target_cache);
    return FALSE;
}

static gboolean
convert_to_stdout(const ConvertOptions *self, GPtrArray *chains, const SinterConvertOptions *how)
{
    g_autoptr(GError) error = NULL;

    if (!convert_check_cache(self))
        return FALSE;
    if (sinter_convert_to_stream((SinterChain *const *)chains->pdata, chains->len, STDOUT_FILENO,
                                 "standard output", how, &error))
        return TRUE;
    sinter_img_report(error);
    return FALSE;
}

static gboolean
convert_to_file(const ConvertOptions *self, GPtrArray *chains, const char *target,
                SinterConvertOptions *how)
{
    g_auto(SinterImgName) name = { 0 };
    g_auto(RawOptions) raw = { 0 };
    g_autoptr(GError) error = NULL;

    if (!convert_check_raw(self, &raw) || !convert_check_bitmaps(self, chains) ||
        !convert_check_cache(self) || !convert_target_name(self, target, &name) ||
        !raw_apply_preallocation(&raw, target, how))
        return FALSE;
    if (sinter_convert_to_raw((SinterChain *const *)chains->pdata, chains->len, name.path, how,
                              &error))
        return TRUE;
    if (self->existing && g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        g_prefix_error(&error, "Could not open '%s': ", target);
    sinter_img_report(error);
    return FALSE;
}

/* Takes the first source to the snapshot that is asked for. */
static gboolean
convert_go_to_snapshot(const ConvertOptions *self, const char *given, GPtrArray *chains)
{
    g_auto(SinterImgName) name = { 0 };
    SinterChain **first = (SinterChain **)&g_ptr_array_index(chains, 0);

    if (!self->has_snapshot)
        return TRUE;
    if (self->snapshot.id_or_name && chains->len > 1) {
        sinter_img_error("No support for concatenating multiple snapshot");
        return FALSE;
    }
    return sinter_img_name_parse(&name, &self->source, given) &&
           sinter_img_snapshot_go(&self->snapshot, &name, first);
}

static GPtrArray *
convert_open(const ConvertOptions *self, char **names, int n_names)
{
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_chain_free);

    for (int i = 0; i < n_names; i++) {
        SinterChain *chain = sinter_img_open_source(&self->source, names[i]);

        if (!chain)
            return NULL;
        g_ptr_array_add(chains, chain);
    }
    return convert_go_to_snapshot(self, names[0], chains) ? g_steal_pointer(&chains) : NULL;
}

static gboolean
convert_do(const ConvertOptions *self, SinterImgProgress *progress, char **operands, int n_operands)
{
    const char *target = operands[n_operands - 1];
    g_autoptr(GPtrArray) chains = convert_open(self, operands, n_operands - 1);
    SinterConvertOptions how;
    gboolean ok;

    if (!chains || !convert_check_format(self, target))
        return FALSE;
    convert_fill_options(self, progress, &how);
    ok = strcmp(target, "-") == 0 ? convert_to_stdout(self, chains, &how)
                                  : convert_to_file(self, chains, target, &how);
    if (ok)
        sinter_img_progress_complete(progress);
    return ok;
}

/* Percentages go to standard output, which then must not be the target as well. */
static SinterImgProgressMode
convert_progress_mode(const ConvertOptions *self, const char *target)
{
    if (self->quiet)
        return SINTER_IMG_PROGRESS_QUIET;
    return self->progress && strcmp(target, "-") != 0 ? SINTER_IMG_PROGRESS_PERCENT
                                                      : SINTER_IMG_PROGRESS_BAR;
}

static void
print_raw_help(void)
{
    puts("Supported options:\n"
         "  preallocation=<str>    - Preallocation mode (allowed values: off, falloc, full)\n"
         "  size=<size>            - Virtual disk size");
}

static int
convert_run(gpointer data, char **operands, int n_operands)
{
    const ConvertOptions *self = data;
    g_autoptr(SinterImgProgress) progress = NULL;
    gboolean direct;

    if (!convert_check_usage(self))
        return 1;
    if (self->list && sinter_img_option_list_has_help(self->list)) {
        if (!convert_check_format(self, ""))
            return 1;
        print_raw_help();
        return 0;
    }
    if (n_operands < 2) {
        sinter_img_error("Must specify image file name");
        return 1;
    }
    if (strcmp(operands[n_operands - 1], "-") == 0 && isatty(STDOUT_FILENO)) {
        sinter_img_error("Standard output is a terminal, which takes no disk's content");
        return 1;
    }
    if (self->source.cache && !sinter_img_cache_parse(self->source.cache, &direct)) {
        sinter_img_error("Invalid source cache option: %s", self->source.cache);
        return 1;
    }
    progress = sinter_img_progress_begin(convert_progress_mode(self, operands[n_operands - 1]),
                                         operands[0], STEP_PERCENT);
    sinter_img_progress_start(progress);
    return convert_do(self, progress, operands, n_operands) ? 0 : 1;
}

static void
convert_clear(gpointer data)
{
    ConvertOptions *self = data;

    sinter_img_snapshot_clear(&self->snapshot);
    g_free(self->list);
}

#define FLAG(name, letter, member, help)                                                           \
    {                                                                                              \
        name, letter, NULL, help, SINTER_IMG_MEMBER(ConvertOptions, member), NULL                  \
    }
#define TEXT(letter, value, member, help)                                                          \
    {                                                                                              \
        NULL, letter, value, help, SINTER_IMG_MEMBER(ConvertOptions, member), NULL                 \
    }

static const SinterImgOption convert_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(ConvertOptions, source),
    TEXT('O', "FMT", target_format, "the target's format: raw"),
    { NULL, 'o', "OPTIONS", "for the target: preallocation=off, falloc or full", 0,
      convert_parse_list },
    { NULL, 'l', "SNAPSHOT", "the internal snapshot of FILE of that id or name", 0,
      convert_parse_snapshot },
    FLAG(NULL, 'n', existing, "write into the target as it is, which must be large enough"),
    FLAG("target-is-zero", 0, target_is_zero, "with -n: the target reads as zeros all over"),
    FLAG("target-image-opts", 0, target_image_opts,
         "with -n: the target is driver=raw,file.filename=FILE"),
    { NULL, 'S', "SIZE", "make holes of so many zeros (4k); 0: none, write everything", 0,
      convert_parse_sparse },
    FLAG("salvage", 0, salvage, "go on where something cannot be read: zeros stand for it"),
    { NULL, 'r', "RATE", "write at most so many bytes a second", 0, convert_parse_rate },
    { NULL, 'm', "N", "threads that work side by side (1 to 16)", 0, convert_parse_threads },
    FLAG(NULL, 'W', unordered, "let writes overtake each other"),
    TEXT('t', "CACHE", target_cache, "how to write: none (past the page cache) or writeback"),
    TEXT('T', "CACHE", source.cache, "how to read, likewise"),
    FLAG(NULL, 'p', progress, "print percentages"),
    FLAG(NULL, 'q', quiet, "print nothing but errors"),
    FLAG(NULL, 'C', offload, NULL),
    FLAG(NULL, 'c', compress, NULL),
    TEXT('B', "FILE", backing_file, NULL),
    TEXT('F', "FMT", backing_format, NULL),
    FLAG("bitmaps", 0, bitmaps, NULL),
    FLAG("skip-broken-bitmaps", 0, skip_broken_bitmaps, NULL),
};

const SinterImgVerb sinter_img_convert = {
    .name = "convert",
    .operands = "FILE... TARGET",
    .summary = "Reads disks out into a raw file, or to standard output (-)",
    .options = convert_options,
    .n_options = G_N_ELEMENTS(convert_options),
    .options_size = sizeof(ConvertOptions),
    .details = "Exit status 0 means that the target is complete and on stable storage. It appears\n"
               "under its name only then; what stood there before stays until then.\n",
    .run = convert_run,
    .clear = convert_clear,
};
