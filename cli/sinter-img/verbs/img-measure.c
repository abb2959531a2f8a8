/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * measure: computes the size of a new image.
 */

#include "text/img-json.h"
#include "words/img-keyval.h"
#include "text/img-message.h"
#include "words/img-open.h"
#include "words/img-output.h"
#include "words/img-size.h"
#include "words/img-snapshot-name.h"
#include "img-verbs.h"

#include <sinter/format.h>
#include <sinter/measure.h>

#include <stdio.h>
#include <string.h>

#define NO_SIZE G_MAXUINT64

typedef struct {
    SinterImgSource source;
    gboolean json;
    const char *target_format;
    SinterImgSnapshot snapshot;
    guint64 size; /* NO_SIZE: not given */
    char *list;   /* all -o options, joined */
} MeasureOptions;

/* The options in -o for a qcow2 image that matter here. */
typedef struct {
    char *backing_file;
    char *compat;
    char *preallocation;
    char *encryption;
    guint64 cluster_size;
    guint64 refcount_bits;
    gboolean extended_l2;
} Qcow2Options;

static const SinterImgKey qcow2_keys[] = {
    { "backing_file", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Qcow2Options, backing_file) },
    { "backing_fmt", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "cluster_size", SINTER_IMG_SIZE, G_STRUCT_OFFSET(Qcow2Options, cluster_size) },
    { "compat", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Qcow2Options, compat) },
    { "compression_type", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "data_file", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "data_file_raw", SINTER_IMG_SWITCH, SINTER_IMG_NO_PLACE },
    { "encryption", SINTER_IMG_SWITCH, SINTER_IMG_NO_PLACE },
    { "encrypt.cipher-alg", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "encrypt.cipher-mode", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "encrypt.format", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Qcow2Options, encryption) },
    { "encrypt.hash-alg", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "encrypt.iter-time", SINTER_IMG_NUMBER, SINTER_IMG_NO_PLACE },
    { "encrypt.ivgen-alg", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "encrypt.ivgen-hash-alg", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "encrypt.key-secret", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "extended_l2", SINTER_IMG_SWITCH, G_STRUCT_OFFSET(Qcow2Options, extended_l2) },
    { "extent_size_hint", SINTER_IMG_SIZE, SINTER_IMG_NO_PLACE },
    { "lazy_refcounts", SINTER_IMG_SWITCH, SINTER_IMG_NO_PLACE },
    { "nocow", SINTER_IMG_SWITCH, SINTER_IMG_NO_PLACE },
    { "preallocation", SINTER_IMG_TEXT, G_STRUCT_OFFSET(Qcow2Options, preallocation) },
    { "refcount_bits", SINTER_IMG_NUMBER, G_STRUCT_OFFSET(Qcow2Options, refcount_bits) },
    { "size", SINTER_IMG_SIZE, SINTER_IMG_NO_PLACE },
};

static const SinterImgKey raw_keys[] = {
    { "extent_size_hint", SINTER_IMG_SIZE, SINTER_IMG_NO_PLACE },
    { "nocow", SINTER_IMG_SWITCH, SINTER_IMG_NO_PLACE },
    { "preallocation", SINTER_IMG_TEXT, SINTER_IMG_NO_PLACE },
    { "size", SINTER_IMG_SIZE, SINTER_IMG_NO_PLACE },
};

static void
qcow2_options_clear(Qcow2Options *self)
{
    g_free(self->backing_file);
    g_free(self->compat);
    g_free(self->preallocation);
    g_free(self->encryption);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Qcow2Options, qcow2_options_clear)

static gboolean
measure_take_output(const SinterOption *option, gpointer options, const char *value)
{
    return sinter_img_output_parse(value, &((MeasureOptions *)options)->json);
}

/* Checks that a value of -o is one of two words; NULL: not given. */
static gboolean
word_is(const char *word, const char *one, const char *other)
{
    return word && (strcmp(word, one) == 0 || strcmp(word, other) == 0);
}

static gboolean
qcow2_check_words(const Qcow2Options *self, gboolean *ret_old, gboolean *ret_preallocated)
{
    /* "v2" and "v3", which create accepts, are not accepted here */
    *ret_old = g_strcmp0(self->compat, "0.10") == 0;
    *ret_preallocated = word_is(self->preallocation, "falloc", "full");
    if (self->compat && !*ret_old && strcmp(self->compat, "1.1") != 0) {
        sinter_img_error("Invalid compatibility level: '%s'", self->compat);
        return FALSE;
    }
    if (self->preallocation && !*ret_preallocated &&
        !word_is(self->preallocation, "off", "metadata")) {
        sinter_img_error("invalid parameter value: %s", self->preallocation);
        return FALSE;
    }
    if (self->encryption && strcmp(self->encryption, "aes") != 0) {
        sinter_img_error("Parameter 'encrypt.format=%s' is not supported: encrypted images cannot "
                         "be measured",
                         self->encryption);
        return FALSE;
    }
    return TRUE;
}

/* Returns a number that the engine refuses, in place of a @value that the engine would treat as not
 * given or cannot represent. */
static guint
number_or_wrong(guint64 value)
{
    return value > 0 && value < G_MAXUINT ? (guint)value : G_MAXUINT;
}

/* Converts @self for the engine. */
static gboolean
qcow2_to_measure(const Qcow2Options *self, SinterMeasureOptions *ret)
{
    gboolean old;

    if (!qcow2_check_words(self, &old, &ret->preallocated))
        return FALSE;
    ret->cluster_size = number_or_wrong(self->cluster_size);
    ret->refcount_bits = number_or_wrong(self->refcount_bits);
    ret->extended_l2 = self->extended_l2;
    ret->has_backing = self->backing_file != NULL;
    ret->without_bitmaps = old;
    if (!old || ret->refcount_bits == 16)
        return TRUE;
    sinter_img_error("Different refcount widths than 16 bits require compatibility level 1.1 or "
                     "above (use compat=1.1 or greater)");
    return FALSE;
}

static gboolean
measure_parse_target(const MeasureOptions *options, SinterMeasureOptions *ret)
{
    g_auto(Qcow2Options) qcow2 = { .cluster_size = 65536, .refcount_bits = 16 };
    gboolean is_qcow2 = strcmp(ret->format, "qcow2") == 0;

    if (options->list &&
        !sinter_img_option_list_parse(options->list, is_qcow2 ? qcow2_keys : raw_keys,
                                      is_qcow2 ? G_N_ELEMENTS(qcow2_keys) : G_N_ELEMENTS(raw_keys),
                                      &qcow2)) {
        sinter_img_error("Invalid options for file format '%s'", ret->format);
        return FALSE;
    }
    return !is_qcow2 || qcow2_to_measure(&qcow2, ret);
}

static gboolean
measure_check_usage(const MeasureOptions *options, int n_operands)
{
    if (n_operands > 1)
        sinter_img_error("At most one filename argument is allowed.");
    else if (n_operands == 0 &&
             (options->source.image_opts || options->source.format || options->snapshot.asked))
        sinter_img_error("--image-opts, -f, and -l require a filename argument.");
    else if (n_operands == 0 && options->size == NO_SIZE)
        sinter_img_error("Either --size N or one filename must be specified.");
    else if (n_operands == 1 && options->size != NO_SIZE)
        sinter_img_error("--size N cannot be used together with a filename.");
    else
        return TRUE;
    return FALSE;
}

/* Opens the image, in the state of a snapshot if requested. */
static SinterChain *
measure_open(const MeasureOptions *options, const char *given)
{
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterChain) chain = NULL;

    if (!sinter_img_name_parse(&name, &options->source, given))
        return NULL;
    chain = sinter_img_open_chain(&name, NULL);
    if (!chain ||
        (options->snapshot.asked && !sinter_img_snapshot_go(&options->snapshot, &name, &chain)))
        return NULL;
    return g_steal_pointer(&chain);
}

static void
print_json(const SinterMeasure *measure)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);

    if (measure->has_bitmaps)
        json_object_set_int_member(object, "bitmaps", (gint64)measure->bitmaps);
    json_object_set_int_member(object, "required", (gint64)measure->required);
    json_object_set_int_member(object, "fully-allocated", (gint64)measure->fully_allocated);
    sinter_img_json_print(node);
    json_object_unref(object);
}

static void
print_human(const SinterMeasure *measure)
{
    printf("required size: %" G_GUINT64_FORMAT "\nfully allocated size: %" G_GUINT64_FORMAT "\n",
           measure->required, measure->fully_allocated);
    if (measure->has_bitmaps)
        printf("bitmaps size: %" G_GUINT64_FORMAT "\n", measure->bitmaps);
}

/* Returns FALSE after a message if images of that format cannot be measured. */
static gboolean
check_target(const char *name)
{
    const SinterFormat *format = sinter_format_lookup(name);

    if (!format)
        sinter_img_error("Unknown file format '%s'", name);
    else if (!format->measure)
        sinter_img_error("Block driver '%s' does not support size measurement", name);
    return format && format->measure;
}

static int
measure_do(const MeasureOptions *options, const char *given, GError **error)
{
    SinterMeasureOptions target = { .format =
                                        options->target_format ? options->target_format : "raw" };
    g_autoptr(SinterChain) chain = NULL;
    SinterMeasure measure;

    if (given) {
        chain = measure_open(options, given);
        if (!chain)
            return 1;
    }
    if (!check_target(target.format) || !measure_parse_target(options, &target))
        return 1;
    if (!(chain ? sinter_measure_chain(chain, &target, &measure, error)
                : sinter_measure_size(options->size, &target, &measure, error)))
        return 1;
    if (options->json)
        print_json(&measure);
    else
        print_human(&measure);
    return 0;
}

static int
measure_run(const SinterCommandCall *call, GError **error)
{
    const MeasureOptions *options = call->options;

    if (!measure_check_usage(options, call->n_operands))
        return 1;
    return measure_do(options, call->operands[0], error);
}

static void
measure_clear(gpointer data)
{
    MeasureOptions *options = data;

    sinter_img_snapshot_clear(&options->snapshot);
    g_free(options->list);
}

static const SinterOption measure_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(MeasureOptions, source),
    { NULL, 'O', "FMT", "format of the new image: raw (default) or qcow2",
      SINTER_OPTION_MEMBER(MeasureOptions, target_format) },
    { NULL, 'o', "OPTIONS", "options of the new image: cluster_size=SIZE and so on",
      SINTER_OPTION_MEMBER(MeasureOptions, list), .take = sinter_img_option_list_take },
    { NULL, 'l', "SNAPSHOT", "internal snapshot of FILE, by ID or name",
      SINTER_OPTION_MEMBER(MeasureOptions, snapshot), .take = sinter_img_snapshot_take },
    { "output", 0, "OFMT", "human or json", .take = measure_take_output },
    { "size", 0, "SIZE", "size of an empty disk, instead of FILE",
      SINTER_IMG_SIZED(MeasureOptions, size, "image size", G_MAXINT64) },
};

static const MeasureOptions measure_defaults = { .size = NO_SIZE };

const SinterCommand sinter_img_measure = {
    .name = "measure",
    .operands = "[FILE]",
    .summary = "Calculates the file size that a new image needs",
    .options = measure_options,
    .n_options = G_N_ELEMENTS(measure_options),
    .options_size = sizeof(MeasureOptions),
    .defaults = &measure_defaults,
    .max_operands = G_MAXUINT,
    .run = measure_run,
    .clear = measure_clear,
};
