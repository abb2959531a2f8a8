/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a pool's volumes lie. */

#include "sinter-error.h"
#include "sinter-pool-xml.h"

static void
test_target_path(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    g_autofree char *none = NULL;

    g_assert_true(sinter_xml_pool_dup_target_path(
        "<pool type='dir'><name>default</name><source/><target><path>/var/lib/images</path>"
        "<permissions><mode>0711</mode></permissions></target></pool>",
        "storage pool 'default'", &path, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(path, ==, "/var/lib/images");
    g_assert_true(sinter_xml_pool_dup_target_path("<pool type='rbd'><name>ceph</name></pool>",
                                                  "storage pool 'ceph'", &none, &error));
    g_assert_null(none);
    g_assert_false(sinter_xml_pool_dup_target_path("<pool", "storage pool 'x'", &none, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "storage pool 'x'"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool-xml/target-path", test_target_path);
    return g_test_run();
}
