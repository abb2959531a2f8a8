/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A disk's I/O limits, lowered: all that libvirt lists is kept, and what it refuses is not made. */

#include "sinter-io-limits.h"

#include <string.h>

static void
check(const char *before, guint64 rate, const char *expected)
{
    g_auto(GStrv) limits = g_strsplit(before, " ", -1);
    g_auto(GStrv) lowered = sinter_io_limits_lower(limits, rate);
    g_autofree char *text = g_strjoinv(" ", lowered);
    g_autofree char *kept = g_strjoinv(" ", limits);

    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpstr(kept, ==, before);
}

static void
test_lower(void)
{
    check("total_bytes_sec=0 read_bytes_sec=0 write_bytes_sec=0", 100,
          "total_bytes_sec=0 read_bytes_sec=0 write_bytes_sec=100");
    check("total_bytes_sec=0 read_bytes_sec=7 write_bytes_sec=50", 100,
          "total_bytes_sec=0 read_bytes_sec=7 write_bytes_sec=50");
    /* operations are not bytes, and what libvirt adds is kept */
    check("write_bytes_sec=500 write_iops_sec=9 size_iops_sec=4096 new=18446744073709551615", 100,
          "write_bytes_sec=100 write_iops_sec=9 size_iops_sec=4096 new=18446744073709551615");
}

static void
test_bursts(void)
{
    check("write_bytes_sec=500 write_bytes_sec_max=900 write_bytes_sec_max_length=3", 100,
          "write_bytes_sec=100 write_bytes_sec_max=0 write_bytes_sec_max_length=0");
    /* a total becomes the limit of reads */
    check("total_bytes_sec=600 read_bytes_sec=0 write_bytes_sec=0 total_bytes_sec_max=900 "
          "read_bytes_sec_max=0 write_bytes_sec_max=0 total_bytes_sec_max_length=5 "
          "read_bytes_sec_max_length=0 write_bytes_sec_max_length=0",
          100,
          "total_bytes_sec=0 read_bytes_sec=600 write_bytes_sec=100 total_bytes_sec_max=0 "
          "read_bytes_sec_max=900 write_bytes_sec_max=0 total_bytes_sec_max_length=0 "
          "read_bytes_sec_max_length=5 write_bytes_sec_max_length=0");
    check("total_bytes_sec=60 read_bytes_sec=0 write_bytes_sec=0", 100,
          "total_bytes_sec=0 read_bytes_sec=60 write_bytes_sec=60");
}

static void
test_parse(void)
{
    static const char *const bad[] = {
        "", "=1", "name", "name=", "name=-1", "name=1x", "name=18446744073709551616"
    };
    g_auto(GStrv) limits = g_strsplit("a=1 ab=2", " ", -1);

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *name = NULL;
        guint64 value;

        g_assert_false(sinter_io_limits_parse(bad[i], &name, &value));
    }
    g_assert_cmpuint(sinter_io_limits_get(limits, "a"), ==, 1);
    g_assert_cmpuint(sinter_io_limits_get(limits, "ab"), ==, 2);
    g_assert_cmpuint(sinter_io_limits_get(limits, "b"), ==, 0);
    g_assert_cmpuint(sinter_io_limits_get(NULL, "a"), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/io-limits/lower", test_lower);
    g_test_add_func("/io-limits/bursts", test_bursts);
    g_test_add_func("/io-limits/parse", test_parse);
    return g_test_run();
}
