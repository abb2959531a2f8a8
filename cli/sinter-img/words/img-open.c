/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens the image for a name on the command line. Invariant: a name is a plain path, `file:` and a
 * path, `json:` and an object that names one plain file, or, with --image-opts, a list that does
 * so. Everything else that qemu-img supports (protocols, nested drivers) is refused with a message.
 */

#include "img-open.h"
#include "img-keyval.h"
#include "text/img-message.h"
#include "sinter-error.h"

#include <sinter/format.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

gboolean
sinter_img_refuse_object(const SinterOption *option, gpointer options, const char *value)
{
    sinter_img_error("--object is not supported: encrypted images can be examined, but not read");
    return FALSE;
}

gboolean
sinter_img_cache_parse(const char *cache, gboolean *ret_direct)
{
    static const struct {
        const char *name;
        gboolean direct;
    } modes[] = {
        { "none", TRUE },       { "off", TRUE },           { "directsync", TRUE },
        { "writeback", FALSE }, { "writethrough", FALSE }, { "unsafe", FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(cache, modes[i].name) != 0)
            continue;
        *ret_direct = modes[i].direct;
        return TRUE;
    }
    return FALSE;
}

gboolean
sinter_img_cache_check(const char *what, const char *cache)
{
    gboolean direct;

    if (!cache || sinter_img_cache_parse(cache, &direct))
        return TRUE;
    sinter_img_error("Invalid %s: %s", what, cache);
    return FALSE;
}

void
sinter_img_name_clear(SinterImgName *self)
{
    g_clear_pointer(&self->given, g_free);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->format, g_free);
    g_clear_pointer(&self->unknown, g_free);
    g_clear_pointer(&self->plain, g_free);
    g_clear_pointer(&self->fs, sinter_fs_unref);
}

static void say_not_opened(const char *given, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
say_not_opened(const char *given, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    sinter_img_error("Could not open '%s': %s", given, why);
}

/* Returns whether the name of a format means the file as it is. */
static gboolean
is_protocol(const char *format)
{
    return g_strcmp0(format, "file") == 0 || g_strcmp0(format, "host_device") == 0;
}

static gboolean
take_text(char **member, const char *value)
{
    g_free(*member);
    *member = g_strdup(value);
    return TRUE;
}

/* Returns FALSE after a message. */
static gboolean
take_locking(SinterImgName *self, const char *value)
{
    static const char *const values[] = { "on", "auto", "off", NULL };

    self->force_share |= strcmp(value, "off") == 0;
    if (g_strv_contains(values, value))
        return TRUE;
    say_not_opened(self->given, "invalid parameter value: %s", value);
    return FALSE;
}

static gboolean
take_image_option(const char *key, const char *value, gpointer user_data)
{
    SinterImgName *self = user_data;

    if (strcmp(key, "file.filename") == 0)
        return take_text(&self->path, value);
    if (strcmp(key, "driver") == 0)
        return take_text(&self->format, value);
    /* of a protocol, which is the image itself */
    if (strcmp(key, "filename") == 0)
        return take_text(&self->plain, value);
    if (strcmp(key, "file.locking") == 0)
        return take_locking(self, value);
    if (strcmp(key, "file.driver") != 0 || !is_protocol(value))
        return take_text(&self->unknown, key);
    self->is_device = strcmp(value, "host_device") == 0;
    return TRUE;
}

/* Returns FALSE after a message if there is an unsupported option for the file itself. */
static gboolean
check_file_option(const SinterImgName *self)
{
    if (!self->unknown || !g_str_has_prefix(self->unknown, "file."))
        return TRUE;
    say_not_opened(self->given, "Block protocol 'file' doesn't support the option '%s'",
                   self->unknown + strlen("file."));
    return FALSE;
}

static gboolean
parse_image_options(SinterImgName *self, const SinterImgSource *source)
{
    const char *given = self->given;
    gsize word = strcspn(given, "=,");

    if (source->format) {
        sinter_img_error("--image-opts and --format are mutually exclusive");
        return FALSE;
    }
    /* a first word without a key refers to a device or node of a running QEMU */
    if (given[word] != '=') {
        say_not_opened(given, "Cannot find device='%.*s' nor node-name='%.*s'", (int)word, given,
                       (int)word, given);
        return FALSE;
    }
    if (!sinter_img_keyval_each(given, take_image_option, self))
        return FALSE;
    if (self->plain && is_protocol(self->format))
        take_text(&self->path, self->plain);
    else if (self->plain)
        take_text(&self->unknown, "filename");
    if (self->path)
        return check_file_option(self);
    if (self->unknown && g_str_has_prefix(self->unknown, "file."))
        say_not_opened(given, "The 'file' block driver requires a file name");
    else
        say_not_opened(given, self->format ? "A block device must be specified for \"file\""
                                           : "Must specify either driver or file");
    return FALSE;
}

const char *
sinter_img_strip_protocol(const char *given, char **ret_protocol)
{
    gsize word = strcspn(given, ":/");

    if (g_str_has_prefix(given, "file:"))
        return given + strlen("file:");
    if (given[word] != ':')
        return given;
    *ret_protocol = g_strndup(given, word);
    return NULL;
}

/* A disk of zeros, of which no file of the host has to know. */
static gboolean
use_null_device(SinterImgName *self, guint64 size, GError **error)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterIo) io =
        sinter_fs_open(memory, "null-co", SINTER_IO_WRITE | SINTER_IO_CREATE, error);

    if (!io || !sinter_io_truncate(io, size, error))
        return FALSE;
    sinter_fs_unref(self->fs);
    self->fs = g_steal_pointer(&memory);
    self->path = g_strdup("null-co");
    self->is_null = TRUE;
    return TRUE;
}

static gboolean
parse_json(SinterImgName *self, const SinterImgSource *source)
{
    g_auto(SinterImageName) parsed = { 0 };
    g_autoptr(GError) error = NULL;

    if (!sinter_image_name_parse(self->given, &parsed, &error) ||
        (!parsed.path && !use_null_device(self, parsed.null_size, &error))) {
        say_not_opened(self->given, "%s", error->message);
        return FALSE;
    }
    if (source->format && parsed.format && strcmp(source->format, parsed.format) != 0) {
        say_not_opened(self->given, "the name states the format '%s', and -f '%s'", parsed.format,
                       source->format);
        return FALSE;
    }
    if (parsed.path)
        self->path = g_steal_pointer(&parsed.path);
    self->format = source->format ? g_strdup(source->format) : g_steal_pointer(&parsed.format);
    self->is_device = parsed.is_device;
    self->no_backing = parsed.no_backing;
    self->force_share |= parsed.no_lock;
    return TRUE;
}

static gboolean
parse_path(SinterImgName *self, const SinterImgSource *source)
{
    g_autofree char *protocol = NULL;
    const char *path = NULL;

    if (sinter_image_name_is_json(self->given))
        return parse_json(self, source);
    path = sinter_img_strip_protocol(self->given, &protocol);
    if (!path) {
        say_not_opened(self->given, "Unknown protocol '%s'", protocol);
        return FALSE;
    }
    self->path = g_strdup(path);
    self->format = g_strdup(source->format);
    return TRUE;
}

/* Returns FALSE after a message. NULL is accepted: the format will be probed. */
static gboolean
check_format(const char *given, const char *format)
{
    if (!format || sinter_format_lookup(format))
        return TRUE;
    say_not_opened(given, "Unknown driver '%s'", format);
    return FALSE;
}

/* Confined to no folders, the host's files are always available. */
static SinterFs *
new_fs(void)
{
    g_autoptr(SinterFs) host = sinter_fs_new_host(NULL, NULL);

    return sinter_fs_new_keeping(host);
}

gboolean
sinter_img_name_parse(SinterImgName *self, const SinterImgSource *source, const char *given)
{
    *self = (SinterImgName){ .given = g_strdup(given),
                             .fs = new_fs(),
                             .force_share = source->force_share };
    if (source->cache && !sinter_img_cache_parse(source->cache, &self->direct))
        return FALSE;
    if (!source->image_opts && !is_protocol(source->format) && !check_format(given, source->format))
        return FALSE;
    if (!(source->image_opts ? parse_image_options(self, source) : parse_path(self, source)))
        return FALSE;
    if (is_protocol(self->format)) {
        self->is_device |= strcmp(self->format, "host_device") == 0;
        take_text(&self->format, "raw");
    }
    return check_format(given, self->format);
}

/* Checks that can be made before the file is opened, with better messages than the engine's. */
static gboolean
name_check(const SinterImgName *self)
{
    struct stat st;

    if (self->is_null)
        return TRUE;
    if (*self->path == '\0') {
        say_not_opened(self->given, "The 'file' block driver requires a file name");
        return FALSE;
    }
    if (stat(self->path, &st) != 0)
        return TRUE;
    if (self->is_device && !S_ISBLK(st.st_mode)) {
        say_not_opened(
            self->given,
            "'host_device' driver requires '%s' to be either a character or block device",
            self->path);
        return FALSE;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        say_not_opened(self->given, "'file' driver requires '%s' to be a regular file", self->path);
        return FALSE;
    }
    return TRUE;
}

void
sinter_img_name_report(const SinterImgName *self, const GError *error)
{
    sinter_img_report_as(error, SINTER_STAGE_OPEN, self->path,
                         "Could not open '%s': ", self->given);
}

static SinterIo *
name_open(const SinterImgName *self, SinterIoFlags flags, gboolean locks)
{
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GError) error = NULL;

    if (!name_check(self))
        return NULL;
    io = sinter_fs_open(self->fs, self->path, flags, &error);
    if (io && (!locks || sinter_lock_for_reading(io, &error)))
        return g_steal_pointer(&io);
    sinter_error_wrap_open(&error, self->given);
    sinter_img_report(error);
    if (locks && g_error_matches(error, SINTER_ERROR, SINTER_ERROR_LOCKED))
        fputs("With -U it is read without a lock; what is read may then be inconsistent.\n",
              stderr);
    return NULL;
}

SinterIo *
sinter_img_open_file(const SinterImgName *name)
{
    return name_open(name,
                     SINTER_IO_READ | (name->force_share ? SINTER_IO_NO_LOCK : 0) |
                         (name->direct ? SINTER_IO_DIRECT : 0),
                     TRUE);
}

SinterIo *
sinter_img_open_unlocked(const SinterImgName *name, SinterIoFlags flags)
{
    return name_open(name, flags, FALSE);
}

gboolean
sinter_img_name_check_options(const SinterImgName *self, const char *format)
{
    if (!self->unknown)
        return TRUE;
    say_not_opened(self->given, "Block format '%s' does not support the option '%s'", format,
                   self->unknown);
    return FALSE;
}

SinterChain *
sinter_img_open_chain(const SinterImgName *name, const char *snapshot)
{
    SinterChainOptions options = {
        .fs = name->fs, .format = name->format, .snapshot = snapshot, .flags = SINTER_CHAIN_PROBE
    };
    g_autoptr(SinterIo) first = NULL;
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;

    /* open the file itself first: errors of the file and of its content are worded differently */
    first = sinter_img_open_file(name);
    if (!first)
        return NULL;
    if (name->force_share)
        options.flags |= SINTER_CHAIN_NO_LOCK;
    if (name->no_backing)
        options.flags |= SINTER_CHAIN_NO_BACKING;
    if (name->direct)
        options.flags |= SINTER_CHAIN_DIRECT;
    chain = sinter_chain_open(name->path, &options, &error);
    if (!chain) {
        sinter_img_name_report(name, error);
        return NULL;
    }
    return sinter_img_name_check_options(name, sinter_chain_get_info(chain, 0)->format)
               ? g_steal_pointer(&chain)
               : NULL;
}

SinterChain *
sinter_img_open_source(const SinterImgSource *source, const char *given)
{
    g_auto(SinterImgName) name = { 0 };

    return sinter_img_name_parse(&name, source, given) ? sinter_img_open_chain(&name, NULL) : NULL;
}
