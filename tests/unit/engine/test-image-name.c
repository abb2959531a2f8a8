/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of images in JSON: what they mean, and that everything else is refused. */

#include "sinter-error.h"
#include "sinter/image.h"

#include <string.h>

static void
test_meaning(void)
{
    static const struct {
        const char *name;
        SinterImageName means;
    } cases[] = {
        { "a.qcow2", { .path = (char *)"a.qcow2" } },
        { "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/a\"}}",
          { .path = (char *)"/a", .format = (char *)"qcow2" } },
        { "json: { 'driver' : 'raw' , 'file.filename' : '/a' } ",
          { .path = (char *)"/a", .format = (char *)"raw" } },
        { "json:{\"file\":{\"driver\":\"host_device\",\"filename\":\"/dev/"
          "x\",\"locking\":\"off\"}}",
          { .path = (char *)"/dev/x", .is_device = TRUE, .no_lock = TRUE } },
        { "json:{\"driver\":\"file\",\"filename\":\"a\"}", { .path = (char *)"a" } },
        { "json:{\"driver\":\"qcow2\",\"file.filename\":\"/a\",\"backing\":null}",
          { .path = (char *)"/a", .format = (char *)"qcow2", .no_backing = TRUE } },
        { "json:{\"file.filename\":\"/\\u00e4\\ud83d\\ude00 \\\"\\\\\\/\"}",
          { .path = (char *)"/ä😀 \"\\/" } },
        { "json:{\"driver\":\"null-co\",\"size\":4096,\"read-zeroes\":true}",
          { .null_size = 4096 } },
        { "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"null-co\",\"size\":\"512\"}}",
          { .format = (char *)"raw", .null_size = 512 } },
        { "json:{\"driver\":\"null-co\"}", { .null_size = G_GUINT64_CONSTANT(1) << 30 } },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(SinterImageName) found = { 0 };
        const SinterImageName *means = &cases[i].means;
        g_autoptr(GError) error = NULL;

        sinter_image_name_parse(cases[i].name, &found, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(found.path, ==, means->path);
        g_assert_cmpstr(found.format, ==, means->format);
        g_assert_cmpint(found.is_device, ==, means->is_device);
        g_assert_cmpint(found.no_lock, ==, means->no_lock);
        g_assert_cmpint(found.no_backing, ==, means->no_backing);
        g_assert_cmpuint(found.null_size, ==, means->null_size);
    }
}

static void
test_refused(void)
{
    static const char *const names[] = {
        "json:",
        "json:x",
        "json:{",
        "json:{}",
        "json:[]",
        "json:{\"file.filename\":\"/a\"}x",
        "json:{\"file.filename\":\"/a\",}",
        "json:{\"file.filename\":\"/a\" \"driver\":\"raw\"}",
        "json:{\"file.filename\":\"/a\",\"file.filename\":\"/b\"}",
        "json:{\"file\":{\"filename\":\"/a\"},\"file.filename\":\"/b\"}",
        "json:{\"driver\":\"nbd\",\"host\":\"x\"}",
        "json:{\"driver\":\"vmdk\",\"file.filename\":\"/a\"}",
        "json:{\"driver\":\"qcow2\",\"file.driver\":\"ssh\",\"file.filename\":\"/a\"}",
        "json:{\"driver\":\"qcow2\",\"file\":\"node\"}",
        "json:{\"file.filename\":[\"/a\"]}",
        "json:{\"driver\":\"qcow2\",\"file.filename\":\"/a\",\"backing\":\"x\"}",
        "json:{\"driver\":\"qcow2\",\"file.filename\":\"/a\",\"backing\":{\"driver\":\"null-co\"}}",
        "json:{\"driver\":\"file\",\"filename\":\"/a\",\"backing\":null}",
        "json:{\"driver\":\"raw\",\"file.filename\":\"/a\",\"offset\":512}",
        "json:{\"driver\":\"raw\",\"file.filename\":\"/a\",\"size\":512}",
        "json:{\"file.filename\":\"/a\",\"file.locking\":\"maybe\"}",
        "json:{\"file.filename\":\"\"}",
        "json:{\"file.filename\":null}",
        "json:{\"file.filename\":\"/a\\u0000\"}",
        "json:{\"file.filename\":\"/a\\ud800\"}",
        "json:{\"file.filename\":\"/a\\x\"}",
        "json:{\"file.filename\":\"/a\xff\"}",
        "json:{\"file.filename\":\"/a\n\"}",
        "json:{\"file.filename\":\"/a",
        "json:{\"driver\":\"null-co\",\"size\":-1}",
        "json:{\"driver\":\"null-co\",\"size\":1.5}",
        "json:{\"driver\":\"null-co\",\"size\":\"9x\"}",
        "json:{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}",
        "json:{\"\":1}",
        "json:{\"driver\":\"null-co\",\"size\":01}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        SinterImageName found;
        g_autoptr(GError) error = NULL;

        g_assert_false(sinter_image_name_parse(names[i], &found, &error));
        g_assert_nonnull(error);
        g_assert_null(found.path);
        g_assert_null(found.format);
    }
}

/* Every prefix of a name, and every name with a byte changed, is refused or means something. */
static void
test_any_bytes(void)
{
    static const char good[] =
        "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":"
        "\"/\\u00e4\",\"locking\":\"off\"},\"backing\":null}";

    for (gsize i = strlen("json:"); i < sizeof good - 1; i++) {
        for (guint c = 0; c < 256; c++) {
            g_autofree char *name = g_strdup(good);
            g_auto(SinterImageName) found = { 0 };

            name[i] = (char)c;
            if (sinter_image_name_parse(name, &found, NULL))
                g_assert_true(found.path && *found.path);
        }
    }
}

/* As a backing file: only with an absolute path. */
static void
test_resolve(void)
{
    static const struct {
        const char *name;
        const char *path;
    } cases[] = {
        { "json:{\"driver\":\"qcow2\",\"file.filename\":\"/b/a\"}", "/b/a" },
        { "json:{\"driver\":\"qcow2\",\"file.filename\":\"a\"}", NULL },
        { "json:{\"driver\":\"null-co\"}", NULL },
        { "json:{\"driver\":\"qcow2\",\"file.filename\":\"/b/a\",\"backing\":null}", NULL },
        { "json:{\"driver\":\"nbd\"}", NULL },
        { "nbd://host", NULL },
        { "a", "/images/a" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = sinter_image_resolve_name("/images/top", cases[i].name, &error);

        g_assert_cmpstr(path, ==, cases[i].path);
        g_assert_true((path == NULL) == (error != NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image-name/meaning", test_meaning);
    g_test_add_func("/image-name/refused", test_refused);
    g_test_add_func("/image-name/any-bytes", test_any_bytes);
    g_test_add_func("/image-name/resolve", test_resolve);
    return g_test_run();
}
