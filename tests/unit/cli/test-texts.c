/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the client says of jobs, disks, chains, plans and events, word by word. */

#include <string.h>

#include "text/sinter-chain-text.h"
#include "sinter-command.h"
#include "text/sinter-disk-text.h"
#include "text/sinter-event-text.h"
#include "text/sinter-job-text.h"
#include "text/sinter-plan-text.h"

#define NOW_USEC (G_GINT64_CONSTANT(1700000100) * G_USEC_PER_SEC)

/* Properties from their text. */
static SinterProperties *
properties(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dictionary =
        g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

    g_assert_no_error(error);
    return sinter_properties_new(dictionary);
}

#define RUNNING_JOB                                                                                \
    "{'Id': <'7'>, 'Operation': <'active-commit'>, 'Phase': <'copying'>, 'Progress': <0.456>, "    \
    "'ProgressValid': <true>, 'Bytes': <uint64 2147483648>, 'ProcessedBytes': <uint64 "            \
    "1073741824>, 'Rate': <uint64 104857600>, 'BandwidthLimit': <uint64 0>, 'StartTime': <uint64 " \
    "1700000000000000>, 'ExpectedEndTime': <uint64 1700000110000000>, 'EndTime': <uint64 0>, "     \
    "'StartedByUID': <uint32 0>, 'Cancelable': <true>, 'DomainUuid': <'u-u'>, 'DomainName': "      \
    "<'vm1'>, 'Disk': <'vda'>, 'ErrorName': <''>, 'ErrorMessage': <''>, 'Warnings': <@as []>}"

static void
test_properties(void)
{
    g_autoptr(SinterProperties) empty = sinter_properties_new(NULL);
    g_autoptr(SinterProperties) some =
        properties("{'A': <'x'>, 'B': <uint32 3>, 'C': <int64 -4>, 'D': <['p', 'q']>, 'E': "
                   "<objectpath '/e'>, 'F': <true>, 'GoodBytes': <uint64 9>}");
    g_autofree const char **none = sinter_properties_get_strings(empty, "D");
    g_autofree const char **two = sinter_properties_get_strings(some, "D");
    g_autofree const char **not_list = sinter_properties_get_strings(some, "A");
    g_autoptr(JsonNode) node = json_node_alloc();
    JsonObject *object = sinter_properties_to_json(some);
    g_autofree char *json = NULL;

    g_assert_null(none[0]);
    g_assert_null(not_list[0]);
    g_assert_cmpstr(two[1], ==, "q");
    g_assert_cmpstr(sinter_properties_get_string(empty, "A"), ==, "");
    g_assert_cmpstr(sinter_properties_get_string(some, "B"), ==, "");
    g_assert_cmpstr(sinter_properties_get_string(some, "E"), ==, "/e");
    g_assert_cmpuint(sinter_properties_get_number(some, "B"), ==, 3);
    g_assert_cmpuint(sinter_properties_get_number(some, "C"), ==, 0);
    g_assert_cmpuint(sinter_properties_get_number(some, "A"), ==, 0);
    g_assert_true(sinter_properties_get_boolean(some, "F"));
    g_assert_false(sinter_properties_get_boolean(some, "A"));
    json_node_init_object(node, object);
    json_object_unref(object);
    json = json_to_string(node, FALSE);
    g_assert_cmpstr(
        json, ==, "{\"a\":\"x\",\"b\":3,\"c\":-4,\"d\":[\"p\",\"q\"],\"f\":true,\"good-bytes\":9}");
}

static void
test_job_row(void)
{
    g_autoptr(SinterProperties) job = properties(RUNNING_JOB);
    g_autoptr(SinterProperties) other = properties("{'Id': <'8'>, 'Phase': <'done'>, 'Rate': "
                                                   "<uint64 5>, 'ExpectedEndTime': <uint64 9>}");
    g_autoptr(SinterTable) table = sinter_job_text_table_new();
    g_autofree char *text = NULL;

    sinter_job_text_add_row(table, job, NOW_USEC);
    sinter_job_text_add_row(table, other, NOW_USEC);
    text = sinter_table_format(table, FALSE);
    g_assert_cmpstr(text, ==,
                    " 7   vm1   vda   active-commit   copying   45%   100 MiB/s   10 s\n"
                    " 8                               done        -           -      -\n");
}

static void
test_job_details(void)
{
    g_autoptr(SinterProperties) job = properties(RUNNING_JOB);
    g_autoptr(SinterProperties) failed =
        properties("{'Id': <'8'>, 'Phase': <'failed'>, 'ErrorMessage': <'no\nroom'>, 'Warnings': "
                   "<['one', 'two']>, 'StartedByUID': <uint32 4294967294>}");
    g_autofree char *text = sinter_job_text_details(job, NOW_USEC);
    g_autofree char *other = sinter_job_text_details(failed, NOW_USEC);

    g_assert_cmpstr(text, ==,
                    "Id:               7\n"
                    "Domain:           vm1\n"
                    "UUID:             u-u\n"
                    "Disk:             vda\n"
                    "Operation:        active-commit\n"
                    "Phase:            copying\n"
                    "Progress:         45% (1 GiB of 2 GiB)\n"
                    "Rate:             100 MiB/s\n"
                    "Bandwidth limit:  none\n"
                    "Time left:        10 s\n"
                    "Can be cancelled: yes\n"
                    "Started by:       root\n"
                    "Started:          2023-11-14 22:13:20 UTC\n");
    g_assert_cmpstr(other, ==,
                    "Id:               8\n"
                    "Phase:            failed\n"
                    "Bandwidth limit:  none\n"
                    "Started by:       user 4294967294\n"
                    "Error:            no\\x0aroom\n"
                    "Warning:          one\n"
                    "Warning:          two\n");
}

static void
test_job_bar(void)
{
    g_autoptr(SinterProperties) job = properties(RUNNING_JOB);
    g_autoptr(SinterProperties) late =
        properties("{'Phase': <'copying'>, 'ExpectedEndTime': <uint64 1>}");
    g_autoptr(SinterProperties) queued = properties("{'Phase': <'queued'>}");
    SinterBar bar;

    sinter_job_text_bar(job, "vm1 vda", NOW_USEC, &bar);
    g_assert_true(bar.known);
    g_assert_cmpfloat(bar.fraction, ==, 0.456);
    g_assert_cmpint(bar.remaining_usec, ==, 10 * G_USEC_PER_SEC);
    sinter_job_text_bar(late, "vm1 vda", NOW_USEC, &bar);
    g_assert_cmpint(bar.remaining_usec, ==, 0);
    sinter_job_text_bar(queued, "vm1 vda", NOW_USEC, &bar);
    g_assert_false(bar.known);
    g_assert_cmpint(bar.remaining_usec, <, 0);
}

static void
test_job_ends(void)
{
    static const struct {
        const char *job;
        const char *text;
        int status;
    } cases[] = {
        { "{'Phase': <'done'>, 'Operation': <'active-commit'>, 'ProcessedBytes': <uint64 1024>, "
          "'StartTime': <uint64 1000000>, 'EndTime': <uint64 4000000>}",
          "committed 1 KiB in 3.0 s", SINTER_EXIT_DONE },
        { "{'Phase': <'done'>, 'Operation': <'pull'>}", "pulled", SINTER_EXIT_DONE },
        { "{'Phase': <'done'>, 'Operation': <'copy'>, 'StartTime': <uint64 1000000>, 'EndTime': "
          "<uint64 101000000>}",
          "copied in 1 min 40 s", SINTER_EXIT_DONE },
        { "{'Phase': <'done'>, 'Operation': <'later'>}", "done", SINTER_EXIT_DONE },
        { "{'Id': <'3'>, 'Phase': <'cancelled'>, 'ErrorName': <'Cancelled'>}",
          "job 3 was cancelled", SINTER_EXIT_CANCELLED },
        /* on the way: it failed, whatever the reason is called */
        { "{'Id': <'3'>, 'Phase': <'failed'>, 'StartTime': <uint64 1>, 'ErrorName': <'NoSpace'>, "
          "'ErrorMessage': <'full'>}",
          "job 3 failed: full", SINTER_EXIT_FAILED },
        /* before it began: it was refused */
        { "{'Id': <'3'>, 'Phase': <'failed'>, 'ErrorName': <'SharedBase'>, 'ErrorMessage': "
          "<'vm2 stands on it'>}",
          "job 3 failed: vm2 stands on it", SINTER_EXIT_REFUSED },
        { "{'Id': <'3'>, 'Phase': <'failed'>, 'ErrorName': <'Failed'>}",
          "job 3 failed: sinterd gave no reason", SINTER_EXIT_FAILED },
        { "{'Id': <'3'>, 'Phase': <'quarantined'>, 'ErrorName': <'Corrupt'>, 'ErrorMessage': "
          "<'odd'>}",
          "job 3 was quarantined: odd", SINTER_EXIT_FAILED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterProperties) job = properties(cases[i].job);
        g_autofree char *text = sinter_job_text_outcome(job);

        g_assert_true(sinter_job_text_is_final(job));
        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_cmpint(sinter_job_text_exit_status(job), ==, cases[i].status);
    }
}

/* --- chains ----------------------------------------------------------------------------------- */

#define DOMAIN "{'Name': <'vm1'>, 'State': <'running'>, 'Problem': <''>}"
#define CHAIN                                                                                      \
    "[{'path': <'/i/top.qcow2'>, 'format': <'qcow2'>, 'index': <uint32 1>, "                       \
    "'virtual-size-bytes': <uint64 21474836480>, 'allocated-bytes': <uint64 1073741824>}, "        \
    "{'path': <'/i/middle'>, 'missing': <true>, 'index': <uint32 2>, 'snapshot': <'s2'>}, "        \
    "{'path': <'/i/base.raw'>, 'format': <'raw'>, 'index': <uint32 10>, 'virtual-size-bytes': "    \
    "<uint64 10737418240>, 'allocated-bytes': <uint64 1048576>, 'snapshot': <'s1'>, 'users': "     \
    "<['vm2/vda', 'vm3@old']>, 'problem': <'bad\033[1m header'>}]"

static SinterObject *
disk(const char *text)
{
    g_autoptr(GVariant) dictionary =
        g_variant_ref_sink(g_variant_new_parsed(text)); /* no format in it */

    return sinter_object_new("/d", dictionary);
}

static char *
draw(const char *domain_text, const char *disk_text)
{
    g_autoptr(SinterProperties) domain = properties(domain_text);
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_object_free);
    g_autoptr(SinterTree) tree = NULL;

    if (disk_text)
        g_ptr_array_add(disks, disk(disk_text));
    tree = sinter_chain_text_tree(domain, disks);
    return sinter_tree_format(tree, FALSE);
}

static void
test_chain(void)
{
    g_autofree char *text =
        draw(DOMAIN, "{'Target': <'vda'>, 'Device': <'disk'>, 'Depth': <uint32 3>, 'BlockJob': "
                     "<'commit'>, 'AllocatedBytes': <uint64 1074790400>, 'VirtualSizeBytes': "
                     "<uint64 21474836480>, 'ReclaimableBytes': <uint64 1048576>, "
                     "'Chain': <" CHAIN ">}");

    g_assert_cmpstr(
        text, ==,
        "vm1 (running)\n"
        "`- vda: 20 GiB, 3 layers that take 1 GiB, up to 1 MiB reclaimable (block job: commit)\n"
        "   |- vda[1]   qcow2  1 GiB  /i/top.qcow2  active\n"
        "   |- vda[2]   ?          -  /i/middle     snapshot s2; MISSING\n"
        "   `- vda[10]  raw    1 MiB  /i/base.raw   snapshot s1; also used by vm2/vda, vm3@old; of "
        "size 10 GiB; PROBLEM: bad\\x1b[1m header\n");
}

static void
test_chain_usage(void)
{
    g_autoptr(SinterObject) object =
        disk("{'Target': <'vda'>, 'Depth': <uint32 2>, "
             "'Chain': <[{'path': <'/a'>}, {'path': <'/b'>, 'snapshot': <'s1'>}]>}");
    g_autoptr(GVariant) layers = g_variant_ref_sink(
        g_variant_new_parsed("[{'data-bytes': <uint64 8192>}, {'shadowed-bytes': <uint64 4096>}]"));
    g_autoptr(GVariant) others =
        g_variant_ref_sink(g_variant_new_parsed("[{'shadowed-bytes': <uint64 1>}]"));
    g_autoptr(SinterProperties) domain = properties(DOMAIN);
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
    g_autoptr(SinterTree) tree = NULL;
    g_autofree char *text = NULL;

    sinter_chain_text_add_usage(object->properties, layers);
    sinter_chain_text_add_usage(object->properties, others); /* of another chain */
    g_ptr_array_add(disks, object);
    tree = sinter_chain_text_tree(domain, disks);
    text = sinter_tree_format(tree, FALSE);
    g_assert_cmpstr(text, ==,
                    "vm1 (running)\n`- vda: 0 B, 2 layers that take 0 B\n"
                    "   |- ?  -  /a  active\n   `- ?  -  /b  snapshot s1; 4 KiB shadowed\n");
}

static void
test_chain_edges(void)
{
    g_autofree char *no_disks = draw("{'Name': <'v\nm'>, 'State': <'shut off'>, 'Problem': <'the "
                                     "XML is odd'>}",
                                     NULL);
    g_autofree char *drive = draw(DOMAIN, "{'Target': <'sda'>, 'Device': <'cdrom'>, 'ReadOnly': "
                                          "<true>, 'Depth': <uint32 0>}");
    g_autofree char *stopped =
        draw(DOMAIN, "{'Target': <'vda'>, 'Depth': <uint32 1>, 'Chain': <[{'path': <'/a'>}]>}");
    g_autofree char *nonsense = draw(DOMAIN, "{'Target': <uint32 1>, 'Chain': <'text'>}");

    g_assert_cmpstr(no_disks, ==, "v\\x0am (shut off)\nPROBLEM: the XML is odd\n");
    g_assert_cmpstr(drive, ==, "vm1 (running)\n`- sda: empty (cdrom; read-only)\n");
    g_assert_cmpstr(stopped, ==,
                    "vm1 (running)\n`- vda: 0 B, 1 layer that takes 0 B\n   `- ?  -  /a  active\n");
    g_assert_cmpstr(nonsense, ==, "vm1 (running)\n`- : empty\n");
}

static void
test_disk_rows(void)
{
    g_autoptr(SinterTable) table = sinter_disk_text_table_new();
    g_autoptr(SinterProperties) domain = properties(DOMAIN);
    g_autoptr(SinterProperties) odd = properties("{'Name': <'vm2'>, 'State': <'shut off'>, "
                                                 "'Problem': <'x'>}");
    g_autoptr(SinterProperties) job = properties(RUNNING_JOB);
    g_autoptr(SinterObject) one =
        disk("{'Target': <'vda'>, 'Depth': <uint32 3>, 'BlockJob': <'active-commit'>, "
             "'AllocatedBytes': <uint64 2048>, 'ReclaimableBytes': <uint64 1024>, "
             "'Chain': <" CHAIN ">}");
    g_autoptr(SinterObject) two =
        disk("{'Target': <'vdb'>, 'Depth': <uint32 1>, 'BlockJob': <'backup'>, "
             "'AllocatedBytes': <uint64 2048>}");
    g_autofree char *text = NULL;

    sinter_disk_text_add_row(table, domain, one->properties, job);
    sinter_disk_text_add_row(table, domain, two->properties, NULL);
    sinter_disk_text_add_row(table, odd, NULL, NULL);
    text = sinter_table_format(table, FALSE);
    g_assert_cmpstr(
        text, ==,
        " vm1   running    vda   3   2 KiB   1 KiB   job 7: copying 45%; PROBLEM with "
        "2 layers\n"
        " vm1   running    vdb   1   2 KiB       -   block job of another program: backup\n"
        " vm2   shut off   -     -       -       -   PROBLEM: not read completely\n");
}

static void
test_merged(void)
{
    g_autofree char *freed = sinter_disk_text_merged(6, 1, 3072, 1024);
    g_autofree char *same = sinter_disk_text_merged(6, 3, 1024, 1024);
    g_autofree char *grown = sinter_disk_text_merged(2, 1, 1024, 2048);

    g_assert_cmpstr(freed, ==, "6 layers merged into 1, 2 KiB freed");
    g_assert_cmpstr(same, ==, "6 layers merged into 3, 0 B freed");
    g_assert_cmpstr(grown, ==, "2 layers merged into 1, 1 KiB more taken");
}

/* --- plans ------------------------------------------------------------------------------------ */

#define COSTS                                                                                      \
    "'BytesToCopy': <uint64 1024>, 'SpaceBeforeBytes': <uint64 4096>, 'SpaceAfterBytes': <uint64 " \
    "2048>, 'PeakExtraBytes': <uint64 512>"
#define STEPS                                                                                      \
    "'Steps': <[{'kind': <'commit'>, 'disk': <'vda'>, 'subject': <'/b'>, 'bytes': <uint64 1024>, " \
    "'text': <'merge it'>}, {'kind': <'verify'>, 'disk': <'vda'>, 'bytes': <uint64 0>, 'text': "   \
    "<'look'>}]>"

static void
test_plan_work(void)
{
    g_autoptr(SinterProperties) plan =
        properties("{'Id': <'abc'>, " STEPS ", " COSTS ", 'Warnings': <['mind the gap']>, "
                   "'Refusals': <[{'code': <'no-chain'>, 'text': <'vdb is flat'>}]>}");
    g_autofree char *text = sinter_plan_text_format(plan, "vm1", TRUE);
    g_autofree char *bare = sinter_plan_text_format(plan, "vm1", FALSE);

    g_assert_cmpint(sinter_plan_text_verdict(plan), ==, SINTER_PLAN_WORK);
    g_assert_cmpstr(text, ==,
                    " Step   Disk   Action    Size   What\n"
                    "-----------------------------------------\n"
                    "    1   vda    commit   1 KiB   merge it\n"
                    "    2   vda    verify       -   look\n"
                    "\n"
                    "To copy:  up to 1 KiB\n"
                    "Space:    4 KiB now, up to 2 KiB after; up to 512 B more at the peak\n"
                    "Warning:  mind the gap\n"
                    "Note:     vdb is flat\n"
                    "\n"
                    "To carry out this plan: sinter consolidate --plan abc\n");
    g_assert_null(strstr(bare, "Step"));
    g_assert_null(strstr(bare, "--plan"));
}

static void
test_plan_no_work(void)
{
    g_autoptr(SinterProperties) refused =
        properties("{'Id': <'abc'>, " STEPS ", " COSTS ", 'Refusals': <[{'code': <'shared-base'>, "
                   "'error': <'SharedBase'>, 'disk': <'vdb'>, 'text': <'vm2 stands on it'>}]>}");
    g_autoptr(SinterProperties) flat =
        properties("{'Refusals': <[{'code': <'no-chain'>, 'text': <'vda is flat'>}]>}");
    g_autoptr(SinterProperties) none = properties("{}");
    g_autofree char *refused_text = sinter_plan_text_format(refused, "vm1", TRUE);
    g_autofree char *flat_text = sinter_plan_text_format(flat, "vm1", TRUE);
    g_autofree char *none_text = sinter_plan_text_format(none, "vm1", TRUE);

    g_assert_cmpint(sinter_plan_text_verdict(refused), ==, SINTER_PLAN_REFUSED);
    g_assert_true(g_str_has_suffix(refused_text, "\nRefused:  vm2 stands on it\n"));
    g_assert_cmpint(sinter_plan_text_verdict(flat), ==, SINTER_PLAN_IDLE);
    g_assert_cmpstr(flat_text, ==, "Note:     vda is flat\n");
    g_assert_cmpint(sinter_plan_text_verdict(none), ==, SINTER_PLAN_IDLE);
    g_assert_cmpstr(none_text, ==, "vm1: nothing to consolidate\n");
}

/* --- events ----------------------------------------------------------------------------------- */

static void
test_events(void)
{
    static const struct {
        const char *kind, *domain, *disk, *details, *text;
    } cases[] = {
        { "block-job", "vm1", "vda", "{'status': <3>, 'job-type': <4>}",
          "vm1 vda: block job ready (active-commit)" },
        { "block-job", "vm1", "vda", "{'status': <99>}",
          "vm1 vda: block job number 99 (number -1)" },
        { "lifecycle", "vm1", "", "{'status': <5>, 'detail': <1>}", "vm1: stopped" },
        { "io-error", "vm1", "vda",
          "{'device': <'virtio-disk0'>, 'path': <'/i/a'>, 'text': <'enospc'>, 'detail': <1>}",
          "vm1 vda: I/O error on /i/a, enospc: domain paused" },
        { "io-error", "vm1", "vda", "{'path': <'/i/a'>, 'detail': <2>, 'times': <uint64 4711>}",
          "vm1 vda: I/O error on /i/a: reported to the guest (4711 times)" },
        { "io-error", "vm1", "", "{'device': <'virtio-disk7'>, 'detail': <1>}",
          "vm1 virtio-disk7: I/O error: domain paused" },
        { "device-added", "vm1", "", "{'device': <'net0'>}", "vm1 net0: device added" },
        { "block-threshold", "vm1", "vda",
          "{'threshold-bytes': <uint64 1024>, 'excess-bytes': <uint64 1>}",
          "vm1 vda: was written beyond the threshold of 1 KiB, by 1 B" },
        { "metadata-change", "vm1", "", "{'text': <'urn:x'>}", "vm1: metadata changed: urn:x" },
        { "qmp-job-error", "vm1", "vda", "{'text': <'No space'>}",
          "vm1 vda: QEMU's block job failed: No space" },
        { "disconnected", "", "", "{'text': <'end of file'>}",
          "the connection to libvirt was lost: end of file" },
        { "connected", "", "", "{}", "connected to libvirt" },
        { "of-tomorrow", "vm\0331", "", "{'text': <'x'>}", "vm\\x1b1: of-tomorrow: x" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GVariant) details =
            g_variant_parse(G_VARIANT_TYPE_VARDICT, cases[i].details, NULL, NULL, NULL);
        g_autofree char *text = NULL;

        g_assert_nonnull(details);
        text = sinter_event_text_format(cases[i].kind, cases[i].domain, cases[i].disk, details);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_event_time(void)
{
    g_autofree char *text = sinter_event_text_time(G_GINT64_CONSTANT(1700000000123456));
    g_autofree char *far = sinter_event_text_time(G_MAXINT64);
    g_autofree char *odd = sinter_event_text_time(G_MININT64);

    g_assert_cmpstr(text, ==, "2023-11-14 22:13:20.123");
    g_assert_nonnull(far);
    g_assert_nonnull(odd);
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/properties", test_properties);
    g_test_add_func("/cli/job/row", test_job_row);
    g_test_add_func("/cli/job/details", test_job_details);
    g_test_add_func("/cli/job/bar", test_job_bar);
    g_test_add_func("/cli/job/ends", test_job_ends);
    g_test_add_func("/cli/chain/tree", test_chain);
    g_test_add_func("/cli/chain/usage", test_chain_usage);
    g_test_add_func("/cli/chain/edges", test_chain_edges);
    g_test_add_func("/cli/disk/rows", test_disk_rows);
    g_test_add_func("/cli/disk/merged", test_merged);
    g_test_add_func("/cli/plan/work", test_plan_work);
    g_test_add_func("/cli/plan/no-work", test_plan_no_work);
    g_test_add_func("/cli/event/text", test_events);
    g_test_add_func("/cli/event/time", test_event_time);
    return g_test_run();
}
