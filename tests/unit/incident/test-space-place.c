/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The places where images grow: which there are, who uses them, and how full they are. */

#include "sinter-space-place.h"

#include <sys/statvfs.h>

#include "plan-world.h"

static const SinterSpacePlace *
at(GPtrArray *places, guint i)
{
    g_assert_cmpuint(i, <, places->len);
    return g_ptr_array_index(places, i);
}

static void
test_collect(void)
{
    g_autoptr(GPtrArray) domains = plan_world_parse(
        "web | vda: top:1G:fs1 > base:9G:fs1 | vdb ro: iso:fs5 | vdc: nowhere:fs0\n"
        "db off | vda: other:2G:fs1 > base:9G:fs1 | vdb: data:3G:fs2 | vdc: rbd:net\n"
        "lv | vda: /dev/vg/lv:10G:dev:fs3:used8G:free2G > base:9G:fs1\n",
        "/nowhere");
    g_autoptr(GPtrArray) places = sinter_space_places_collect(domains);

    g_assert_cmpuint(places->len, ==, 3);
    g_assert_cmpstr(at(places, 0)->image, ==, "/img/top");
    g_assert_null(at(places, 0)->name);
    g_assert_cmpuint(at(places, 0)->users->len, ==, 3); /* the shared base once */
    g_assert_cmpstr(at(places, 0)->users->pdata[0], ==, "'/img/base' of web vda: 9 GiB");
    g_assert_cmpstr(at(places, 0)->users->pdata[1], ==, "'/img/other' of db vda: 2 GiB");
    g_assert_cmpstr(at(places, 0)->users->pdata[2], ==, "'/img/top' of web vda: 1 GiB");
    g_assert_cmpstr(at(places, 1)->image, ==, "/img/data");
    g_assert_cmpstr(at(places, 2)->name, ==, "/dev/vg/lv");
    g_assert_cmpuint(sinter_space_place_get_percent(at(places, 2)), ==, 80);
    g_assert_cmpuint(sinter_space_place_get_percent(at(places, 0)), ==, 0); /* not measured */
}

static void
test_five_users(void)
{
    g_autoptr(GPtrArray) domains =
        plan_world_parse("web | vda: a:1G > b:2G > c:3G > d:4G > e:5G > f:6G > g:7G", "/nowhere");
    g_autoptr(GPtrArray) places = sinter_space_places_collect(domains);

    g_assert_cmpuint(places->len, ==, 1);
    g_assert_cmpuint(at(places, 0)->users->len, ==, 5);
    g_assert_cmpstr(at(places, 0)->users->pdata[4], ==, "'/img/c' of web vda: 3 GiB");
}

static void
test_percent(void)
{
    static const struct {
        guint64 total_bytes;
        guint64 free_bytes;
        guint percent;
    } rows[] = {
        { 0, 0, 0 },
        { 100, 100, 0 },
        { 100, 20, 80 },
        { 1000, 201, 79 },
        { 100, 0, 100 },
        { 100, 200, 0 },
        { G_MAXUINT64, G_MAXUINT64 / 4, 75 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const SinterSpacePlace place = { .total_bytes = rows[i].total_bytes,
                                         .free_bytes = rows[i].free_bytes };

        g_assert_cmpuint(sinter_space_place_get_percent(&place), ==, rows[i].percent);
    }
}

/* As the kernel says of a file that is there, and nothing of one that is not. */
static void
test_measure(void)
{
    const SinterPatienceLimits limits = { 60000, 1 };
    SinterPatience *patience = sinter_patience_new(&limits);
    g_autoptr(GPtrArray) domains =
        plan_world_parse("web | vda: /proc/self/status:fs1 | vdb: /nonexistent/x:fs2", "/nowhere");
    g_autoptr(GPtrArray) places = sinter_space_places_collect(domains);

    sinter_space_places_measure(places, patience);
    g_assert_cmpstr(at(places, 0)->name, ==, "/proc");
    g_assert_cmpuint(at(places, 0)->total_bytes, ==, 0); /* it has no size */
    g_assert_null(at(places, 1)->name);
    sinter_patience_unref(patience);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space-place/collect", test_collect);
    g_test_add_func("/space-place/five-users", test_five_users);
    g_test_add_func("/space-place/percent", test_percent);
    g_test_add_func("/space-place/measure", test_measure);
    return g_test_run();
}
