/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The options of a new image. Invariant: the order of the tables is the order in the line
 * "Formatting …", and the texts are those of qemu-img.
 */

#include "img-new-image.h"
#include "img-keyval.h"
#include "text/img-message.h"
#include "sinter-error.h"

#include <sinter/format.h>
#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 22
/* QEMU's value: keeps the number of extents low if a guest writes to scattered locations. */
#define DEFAULT_EXTENT_SIZE_HINT (1024 * 1024)

typedef struct {
    const char *key;
    SinterImgKeyKind kind;
    const char *help;
    const char *shown;     /* the text if it is not given; NULL: none */
    gboolean is_of_file;   /* an option of the file, not of the format */
    gboolean is_encrypted; /* for encrypted images */
} OptionRow;

struct _SinterImgFormatOptions {
    const char *format;
    const OptionRow *rows;
    gsize n_rows;
};

#define NO_COW                                                                                     \
    {                                                                                              \
        "nocow", SINTER_IMG_SWITCH, "Turn off copy-on-write (valid only on btrfs)", NULL, TRUE, 0  \
    }
#define EXTENT_SIZE_HINT                                                                           \
    {                                                                                              \
        "extent_size_hint", SINTER_IMG_SIZE, "Extent size hint for the image file, 0 to disable",  \
            NULL, TRUE, 0                                                                          \
    }
#define SIZE                                                                                       \
    {                                                                                              \
        "size", SINTER_IMG_SIZE, "Virtual disk size", NULL, FALSE, 0                               \
    }
#define ENCRYPT(key, kind, help)                                                                   \
    {                                                                                              \
        key, kind, help, NULL, FALSE, TRUE                                                         \
    }

static const OptionRow raw_rows[] = {
    SIZE,
    { "preallocation", SINTER_IMG_TEXT, "Preallocation mode (allowed values: off, falloc, full)",
      NULL, TRUE, 0 },
    NO_COW,
    EXTENT_SIZE_HINT,
};

static const OptionRow qcow2_rows[] = {
    ENCRYPT("encryption", SINTER_IMG_SWITCH,
            "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"),
    ENCRYPT("encrypt.format", SINTER_IMG_TEXT, "Encrypt the image, format choices: 'aes', 'luks'"),
    ENCRYPT("encrypt.key-secret", SINTER_IMG_TEXT,
            "ID of secret providing qcow AES key or LUKS passphrase"),
    ENCRYPT("encrypt.cipher-alg", SINTER_IMG_TEXT, "Name of encryption cipher algorithm"),
    ENCRYPT("encrypt.cipher-mode", SINTER_IMG_TEXT, "Name of encryption cipher mode"),
    ENCRYPT("encrypt.ivgen-alg", SINTER_IMG_TEXT, "Name of IV generator algorithm"),
    ENCRYPT("encrypt.ivgen-hash-alg", SINTER_IMG_TEXT, "Name of IV generator hash algorithm"),
    ENCRYPT("encrypt.hash-alg", SINTER_IMG_TEXT, "Name of encryption hash algorithm"),
    ENCRYPT("encrypt.iter-time", SINTER_IMG_NUMBER, "Time to spend in PBKDF in milliseconds"),
    { "cluster_size", SINTER_IMG_SIZE, "qcow2 cluster size", "65536", FALSE, FALSE },
    { "extended_l2", SINTER_IMG_SWITCH, "Extended L2 tables", "off", FALSE, FALSE },
    { "preallocation", SINTER_IMG_TEXT,
      "Preallocation mode (allowed values: off, metadata, falloc, full)", NULL, FALSE, FALSE },
    { "compression_type", SINTER_IMG_TEXT, "Compression method used for image cluster compression",
      "zlib", FALSE, FALSE },
    SIZE,
    { "compat", SINTER_IMG_TEXT, "Compatibility level (v2 [0.10] or v3 [1.1])", NULL, FALSE,
      FALSE },
    { "backing_file", SINTER_IMG_TEXT, "File name of a base image", NULL, FALSE, FALSE },
    { "backing_fmt", SINTER_IMG_TEXT, "Image format of the base image", NULL, FALSE, FALSE },
    { "data_file", SINTER_IMG_TEXT, "File name of an external data file", NULL, FALSE, FALSE },
    { "data_file_raw", SINTER_IMG_SWITCH, "The external data file must stay valid as a raw image",
      NULL, FALSE, FALSE },
    { "lazy_refcounts", SINTER_IMG_SWITCH, "Postpone refcount updates", "off", FALSE, FALSE },
    { "refcount_bits", SINTER_IMG_NUMBER, "Width of a reference count entry in bits", "16", FALSE,
      FALSE },
    NO_COW,
    EXTENT_SIZE_HINT,
};

G_STATIC_ASSERT(G_N_ELEMENTS(qcow2_rows) <= SINTER_IMG_NEW_IMAGE_MAX_OPTIONS);

static const SinterImgFormatOptions formats[] = {
    { "raw", raw_rows, G_N_ELEMENTS(raw_rows) },
    { "qcow2", qcow2_rows, G_N_ELEMENTS(qcow2_rows) },
};

gboolean
sinter_img_new_image_init(SinterImgNewImage *self, const char *format)
{
    *self = (SinterImgNewImage){ 0 };
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i].format, format) == 0)
            self->of = &formats[i];
    }
    return self->of != NULL;
}

char *
sinter_img_new_image_refusal(const char *format)
{
    return g_strdup_printf(sinter_format_lookup(format)
                               ? "Format driver '%s' does not support image creation"
                               : "Unknown file format '%s'",
                           format);
}

void
sinter_img_new_image_clear(SinterImgNewImage *self)
{
    for (gsize i = 0; i < SINTER_IMG_NEW_IMAGE_MAX_OPTIONS; i++)
        g_clear_pointer(&self->values[i].text, g_free);
}

/* -1: none */
static gssize
find_row(const SinterImgNewImage *self, const char *key)
{
    for (gsize i = 0; i < self->of->n_rows; i++) {
        if (strcmp(self->of->rows[i].key, key) == 0)
            return (gssize)i;
    }
    return -1;
}

static void
put(SinterImgNewImage *self, gssize row, const char *text, guint64 number)
{
    g_free(self->values[row].text);
    self->values[row].text = g_strdup(text);
    self->values[row].number = number;
}

typedef struct {
    SinterImgNewImage *image;
    const char *about;
} Parse;

static gboolean
parse_pair(const char *key, const char *value, gpointer user_data)
{
    const Parse *parse = user_data;
    gssize row = find_row(parse->image, key);
    guint64 number;

    if (row < 0)
        return sinter_img_key_refuse(key, parse->about);
    if (!sinter_img_value_parse(parse->image->of->rows[row].kind, key, value, parse->about,
                                &number))
        return FALSE;
    put(parse->image, row, value, number);
    return TRUE;
}

gboolean
sinter_img_new_image_parse(SinterImgNewImage *self, const char *list, const char *about)
{
    Parse parse = { self, about };

    return sinter_img_keyval_each(list, parse_pair, &parse);
}

const char *
sinter_img_new_image_get(const SinterImgNewImage *self, const char *key)
{
    gssize row = find_row(self, key);

    return row < 0 ? NULL : self->values[row].text;
}

gboolean
sinter_img_new_image_set(SinterImgNewImage *self, const char *key, const char *value)
{
    gssize row = find_row(self, key);

    if (row >= 0)
        put(self, row, value, 0);
    return row >= 0;
}

void
sinter_img_new_image_set_size(SinterImgNewImage *self, guint64 bytes)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);

    put(self, find_row(self, "size"), text, bytes);
}

/* 0 if it was not given */
static guint64
number_of(const SinterImgNewImage *self, const char *key)
{
    gssize row = find_row(self, key);

    return row < 0 ? 0 : self->values[row].number;
}

guint64
sinter_img_new_image_get_size(const SinterImgNewImage *self)
{
    return number_of(self, "size");
}

/* In a list, a comma in a value is doubled. */
static void
append_value(GString *out, const OptionRow *row, const char *text, guint64 number)
{
    if (text && (row->kind == SINTER_IMG_SIZE || row->kind == SINTER_IMG_NUMBER)) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)number);
        return;
    }
    for (const char *c = text ? text : row->shown; *c; c++) {
        g_string_append_c(out, *c);
        if (*c == ',')
            g_string_append_c(out, ',');
    }
}

void
sinter_img_new_image_print(const SinterImgNewImage *self, const char *name)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *shown = NULL;

    g_string_printf(line, "Formatting '%s', fmt=%s", name, self->of->format);
    for (gsize i = 0; i < self->of->n_rows; i++) {
        const OptionRow *row = &self->of->rows[i];

        if (!self->values[i].text && !row->shown)
            continue;
        g_string_append_printf(line, " %s=", row->key);
        append_value(line, row, self->values[i].text, self->values[i].number);
    }
    shown = sinter_img_name(line->str);
    puts(shown);
    fflush(stdout);
}

static gboolean
refuse_value(GError **error, const char *parameter, const char *value)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "Parameter '%s' does not accept value '%s'", parameter, value);
    return FALSE;
}

static gboolean
fill_preallocation(const SinterImgNewImage *self, SinterCreateOptions *ret, GError **error)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full" };
    const char *given = sinter_img_new_image_get(self, "preallocation");

    for (guint i = 0; given && i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(modes[i], given) == 0) {
            ret->preallocation = (SinterPreallocation)i;
            return TRUE;
        }
    }
    if (!given || strcmp(self->of->format, "raw") != 0)
        return !given || refuse_value(error, "preallocation", given);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "invalid parameter value: %s",
                given);
    return FALSE;
}

static gboolean
fill_version(const SinterImgNewImage *self, SinterCreateOptions *ret, GError **error)
{
    static const struct {
        const char *name;
        guint version;
    } names[] = { { "0.10", 2 }, { "v2", 2 }, { "1.1", 3 }, { "v3", 3 } };
    const char *given = sinter_img_new_image_get(self, "compat");

    for (gsize i = 0; given && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].name, given) == 0)
            ret->version = names[i].version;
    }
    return !given || ret->version || refuse_value(error, "version", given);
}

/* The backing file may have any format that Sinter or QEMU can read. */
static gboolean
check_backing_format(const SinterImgNewImage *self, GError **error)
{
    static const char *const known[] = { "qed",       "vmdk", "vdi",        "vpc",   "vhdx",
                                         "parallels", "luks", "dmg",        "bochs", "cloop",
                                         "vvfat",     "file", "host_device" };
    const char *given = sinter_img_new_image_get(self, "backing_fmt");

    for (gsize i = 0; given && i < G_N_ELEMENTS(known); i++) {
        if (strcmp(known[i], given) == 0)
            return TRUE;
    }
    return !given || sinter_format_lookup(given) || refuse_value(error, "backing-fmt", given);
}

static gboolean
fill_compression(const SinterImgNewImage *self, SinterCreateOptions *ret, GError **error)
{
    const char *given = sinter_img_new_image_get(self, "compression_type");

    ret->compression = given;
    return !given || strcmp(given, "zlib") == 0 || strcmp(given, "zstd") == 0 ||
           refuse_value(error, "compression-type", given);
}

/* The engine treats 0 as not given, but a 0 from the user is an invalid power of two. */
static guint
fill_number(const SinterImgNewImage *self, const char *key)
{
    guint64 number = number_of(self, key);

    if (!sinter_img_new_image_get(self, key))
        return 0;
    return number > 0 && number < G_MAXUINT ? (guint)number : G_MAXUINT;
}

/* Refuses unsupported options if they would make a difference. */
static gboolean
check_supported(const SinterImgNewImage *self, GError **error)
{
    for (gsize i = 0; i < self->of->n_rows; i++) {
        const OptionRow *row = &self->of->rows[i];
        gboolean is_off = row->kind != SINTER_IMG_TEXT && self->values[i].number == 0;

        if (!row->is_encrypted || !self->values[i].text || is_off)
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "The option '%s' is not supported: encrypted images cannot be created",
                    row->key);
        return FALSE;
    }
    return TRUE;
}

static void
warn(const char *text, gpointer data)
{
    sinter_img_warning("%s", text);
}

/* The default layout is a preference, not a requirement. */
static void
fill_layout(const SinterImgNewImage *self, SinterCreateOptions *ret)
{
    ret->nocow = number_of(self, "nocow") != 0;
    ret->extent_size_hint = DEFAULT_EXTENT_SIZE_HINT;
    if (!sinter_img_new_image_get(self, "extent_size_hint"))
        return;
    ret->extent_size_hint = number_of(self, "extent_size_hint");
    ret->warn = warn;
}

gboolean
sinter_img_new_image_fill(const SinterImgNewImage *self, SinterCreateOptions *ret, GError **error)
{
    *ret = (SinterCreateOptions){
        .format = self->of->format,
        .virtual_size = sinter_img_new_image_get_size(self),
        .cluster_size = fill_number(self, "cluster_size"),
        .refcount_bits = fill_number(self, "refcount_bits"),
        .lazy_refcounts = number_of(self, "lazy_refcounts") != 0,
        .extended_l2 = number_of(self, "extended_l2") != 0,
        .backing_name = sinter_img_new_image_get(self, "backing_file"),
        .backing_format = sinter_img_new_image_get(self, "backing_fmt"),
        .data_file_name = sinter_img_new_image_get(self, "data_file"),
        .data_file_raw = number_of(self, "data_file_raw") != 0,
    };
    fill_layout(self, ret);
    return check_supported(self, error) && fill_preallocation(self, ret, error) &&
           fill_version(self, ret, error) && fill_compression(self, ret, error) &&
           check_backing_format(self, error);
}

static int
compare_rows(gconstpointer a, gconstpointer b)
{
    const OptionRow *const *first = a;
    const OptionRow *const *second = b;

    return strcmp((*first)->key, (*second)->key);
}

static void
print_row(const OptionRow *row)
{
    static const char *const kinds[] = { "str", "bool (on/off)", "num", "size" };
    g_autofree char *left = g_strdup_printf("%s=<%s>", row->key, kinds[row->kind]);

    printf("  %-*s - %s\n", HELP_COLUMN, left, row->help);
}

void
sinter_img_new_image_print_help(const SinterImgNewImage *self, gboolean has_file)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new();

    for (gsize i = 0; i < self->of->n_rows; i++) {
        if (has_file || !self->of->rows[i].is_of_file)
            g_ptr_array_add(rows, (gpointer)&self->of->rows[i]);
    }
    g_ptr_array_sort(rows, compare_rows);
    if (has_file)
        puts("Supported options:");
    else
        printf("Supported %s options:\n", self->of->format);
    for (guint i = 0; i < rows->len; i++)
        print_row(g_ptr_array_index(rows, i));
    if (!has_file)
        puts("\nThe protocol level may support further options.\n"
             "Specify the target filename to include those options.");
}
