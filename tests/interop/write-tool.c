/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The engine's writing half as a program, for tests that have QEMU's tools judge what it writes.
 * It uses nothing but the public API of libsinter.
 *
 *   write-tool create FILE FORMAT SIZE [KEY=VALUE…]   keys as qemu-img's, and backing_file,
 *                                                     backing_fmt
 *   write-tool io FILE FORMAT                         requests from standard input, a line each:
 *                                                     write OFFSET LENGTH BYTE
 *                                                     zero OFFSET LENGTH
 *                                                     discard OFFSET LENGTH
 *                                                     flush
 *                                                     say WORD (to standard output)
 *
 * Exit 0, or 1 with the error on standard error.
 */

#include <sinter/create.h>
#include <sinter/handle.h>
#include <sinter/io.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *verb;
    int min_args;
    int (*run)(char **args, GError **error);
} Verb;

static gboolean
is_on(const char *value)
{
    return strcmp(value, "on") == 0;
}

static SinterPreallocation
preallocation_of(const char *value)
{
    static const char *const names[] = { "off", "metadata", "falloc", "full" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], value) == 0)
            return (SinterPreallocation)i;
    }
    g_error("no such preallocation: %s", value);
}

static void
set_option(SinterCreateOptions *options, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
        gboolean *flag;
        guint *number;
    } table[] = {
        { "backing_file", &options->backing_name, NULL, NULL },
        { "backing_fmt", &options->backing_format, NULL, NULL },
        { "data_file", &options->data_file_name, NULL, NULL },
        { "compression_type", &options->compression, NULL, NULL },
        { "data_file_raw", NULL, &options->data_file_raw, NULL },
        { "lazy_refcounts", NULL, &options->lazy_refcounts, NULL },
        { "extended_l2", NULL, &options->extended_l2, NULL },
        { "cluster_size", NULL, NULL, &options->cluster_size },
        { "refcount_bits", NULL, NULL, &options->refcount_bits },
    };

    if (strcmp(key, "compat") == 0)
        options->version = strcmp(value, "0.10") == 0 ? 2 : 3;
    else if (strcmp(key, "preallocation") == 0)
        options->preallocation = preallocation_of(value);
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].key, key) != 0)
            continue;
        if (table[i].text)
            *table[i].text = value;
        else if (table[i].flag)
            *table[i].flag = is_on(value);
        else
            *table[i].number = (guint)strtoul(value, NULL, 10);
    }
}

static int
run_create(char **args, GError **error)
{
    SinterCreateOptions options = { .format = args[1],
                                    .virtual_size = g_ascii_strtoull(args[2], NULL, 10) };

    for (char **word = args + 3; *word; word++) {
        char *equals = strchr(*word, '=');

        *equals = '\0';
        set_option(&options, *word, equals + 1);
    }
    return sinter_image_create(NULL, args[0], &options, error) ? 0 : 1;
}

static gboolean
request(SinterHandle *handle, const char *line, GError **error)
{
    guint64 offset = 0;
    guint64 length = 0;
    guint byte = 0;
    char verb[16] = "";
    g_autofree guint8 *buf = NULL;

    sscanf(line, "%15s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %u", verb, &offset, &length,
           &byte);
    if (strcmp(verb, "zero") == 0)
        return sinter_handle_zero_at(handle, offset, length, error);
    if (strcmp(verb, "discard") == 0)
        return sinter_handle_discard_at(handle, offset, length, error);
    if (strcmp(verb, "flush") == 0)
        return sinter_handle_flush(handle, error);
    if (strcmp(verb, "say") == 0) {
        printf("%s", line + 4);
        fflush(stdout);
        return TRUE;
    }
    g_assert_cmpstr(verb, ==, "write");
    buf = g_malloc(length);
    memset(buf, (int)byte, length);
    return sinter_handle_write_at(handle, offset, buf, length, error);
}

static int
run_io(char **args, GError **error)
{
    g_autoptr(SinterHandle) handle =
        sinter_handle_open(NULL, args[0], args[1], SINTER_HANDLE_PROBE, error);
    char line[128];

    if (!handle)
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        if (!request(handle, line, error))
            return 1;
    }
    return sinter_handle_close(g_steal_pointer(&handle), error) ? 0 : 1;
}

static const Verb verbs[] = {
    { "create", 3, run_create },
    { "io", 2, run_io },
};

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++) {
        int result;

        if (strcmp(verbs[i].verb, argv[1]) != 0 || argc - 2 < verbs[i].min_args)
            continue;
        result = verbs[i].run(argv + 2, &error);
        if (error)
            fprintf(stderr, "%s\n", error->message);
        return result;
    }
    fprintf(stderr, "usage: write-tool create|io FILE FORMAT [...]\n");
    return 2;
}
