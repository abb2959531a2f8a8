/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What sinterd and its worker say: there and back, and what is no message. */

#include "sinter-worker-message.h"

#include <string.h>

static SinterWorkerMessage *
there_and_back(const SinterWorkerMessage *message)
{
    g_autofree char *json = sinter_worker_message_to_json(message);
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage *back;

    g_assert_null(strchr(json, '\n'));
    g_assert_true(g_utf8_validate(json, -1, NULL));
    back = sinter_worker_message_from_json(json, strlen(json), &error);
    g_assert_no_error(error);
    g_assert_cmpint(back->kind, ==, message->kind);
    g_assert_cmpuint(back->bytes_per_sec, ==, message->bytes_per_sec);
    g_assert_cmpuint(back->done_bytes, ==, message->done_bytes);
    g_assert_cmpuint(back->total_bytes, ==, message->total_bytes);
    g_assert_cmpint(back->code, ==, message->code);
    return back;
}

static void
test_plain(void)
{
    const SinterWorkerMessage table[] = {
        { .kind = SINTER_WORKER_BANDWIDTH, .bytes_per_sec = G_MAXUINT64 },
        { .kind = SINTER_WORKER_BANDWIDTH },
        { .kind = SINTER_WORKER_CANCEL },
        { .kind = SINTER_WORKER_PROGRESS, .done_bytes = 7, .total_bytes = G_MAXUINT64 },
        { .kind = SINTER_WORKER_DONE },
        { .kind = SINTER_WORKER_ERROR, .code = SINTER_ERROR_NO_SPACE, .text = (char *)"a\n'b'" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(SinterWorkerMessage) back = there_and_back(&table[i]);

        g_assert_cmpstr(back->text, ==, table[i].text);
        g_assert_null(back->request);
    }
}

static void
test_request(void)
{
    static const char *const paths[] = { "/img/top", "/img/a \"b\"\n%41", "/img/\xff\xfe/ü" };
    g_autoptr(SinterWorkerRequest) request = sinter_worker_request_new();
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REQUEST, .request = request };
    g_autoptr(SinterWorkerMessage) back = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        sinter_worker_request_add_file(request, paths[i], i < 2 ? "qcow2" : "raw", 4 + i,
                                       i == 1 ? 9 : 0);
    request->first = 1;
    request->last = 2;
    request->direction = SINTER_WORKER_UP;
    request->bandwidth_bytes_per_sec = G_MAXUINT64 - 1;
    request->uid = G_MAXUINT32 - 1;
    request->gid = 7;
    back = there_and_back(&message);
    g_assert_cmpuint(back->request->files->len, ==, G_N_ELEMENTS(paths));
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        const SinterWorkerFile *file = g_ptr_array_index(back->request->files, i);

        g_assert_cmpstr(file->path, ==, paths[i]);
        g_assert_cmpstr(file->format, ==, i < 2 ? "qcow2" : "raw");
        g_assert_cmpuint(file->fd, ==, 4 + i);
        g_assert_cmpuint(file->direct_fd, ==, i == 1 ? 9 : 0);
    }
    g_assert_cmpuint(back->request->first, ==, 1);
    g_assert_cmpuint(back->request->last, ==, 2);
    g_assert_cmpint(back->request->direction, ==, SINTER_WORKER_UP);
    g_assert_cmpuint(back->request->bandwidth_bytes_per_sec, ==, G_MAXUINT64 - 1);
    g_assert_cmpuint(back->request->uid, ==, G_MAXUINT32 - 1);
    g_assert_cmpuint(back->request->gid, ==, 7);
}

static void
test_repair_request(void)
{
    g_autoptr(SinterWorkerRequest) request = sinter_worker_request_new();
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REQUEST, .request = request };
    g_autoptr(SinterWorkerMessage) back = NULL;

    request->action = SINTER_WORKER_REPAIR_LEAKS;
    sinter_worker_request_add_file(request, "/img/only", "qcow2", 4, 0)->undo_fd = 5;
    request->uid = 7;
    back = there_and_back(&message);
    g_assert_cmpint(back->request->action, ==, SINTER_WORKER_REPAIR_LEAKS);
    g_assert_cmpuint(back->request->files->len, ==, 1);
    g_assert_cmpuint(((SinterWorkerFile *)g_ptr_array_index(back->request->files, 0))->undo_fd, ==,
                     5);
    g_assert_cmpuint(back->request->uid, ==, 7);
}

static void
test_comparison_request(void)
{
    g_autoptr(SinterWorkerRequest) request = sinter_worker_request_new();
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REQUEST, .request = request };
    g_autoptr(SinterWorkerMessage) back = NULL;
    g_autofree char *json = NULL;

    request->action = SINTER_WORKER_COMPARE;
    sinter_worker_request_add_file(request, "/img/top", "qcow2", 4, 0);
    sinter_worker_request_add_file(request, "/img/base", "qcow2", 5, 0);
    request->last = 1;
    back = there_and_back(&message);
    g_assert_cmpint(back->request->action, ==, SINTER_WORKER_COMPARE);
    g_assert_cmpuint(back->request->last, ==, 1);
    request->last = 0; /* an image is not compared with itself */
    json = sinter_worker_message_to_json(&message);
    g_assert_null(sinter_worker_message_from_json(json, strlen(json), NULL));
}

static void
assert_same_finding(const SinterImageReport *a, const SinterImageReport *b, guint i)
{
    const SinterImageFinding *one = g_ptr_array_index(a->findings, i);
    const SinterImageFinding *two = g_ptr_array_index(b->findings, i);

    g_assert_cmpstr(one->code, ==, two->code);
    g_assert_cmpstr(one->klass, ==, two->klass);
    g_assert_cmpstr(one->text, ==, two->text);
    g_assert_cmpuint(one->guest_offset, ==, two->guest_offset);
    g_assert_cmpuint(one->length, ==, two->length);
    g_assert_cmpuint(one->host_offset, ==, two->host_offset);
    g_assert_cmpuint(one->times, ==, two->times);
}

static void
test_report(void)
{
    g_autoptr(SinterImageReport) report = sinter_image_report_new(SINTER_IMAGE_CHECKED, "bad");
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REPORT,
                                          .place = 199,
                                          .report = report };
    g_autoptr(SinterWorkerMessage) back = NULL;

    report->complete = TRUE;
    report->corruptions = G_MAXUINT64;
    report->notes = 7;
    report->repaired = 9;
    for (guint i = 0; i < SINTER_IMAGE_REPORT_MAX_FINDINGS; i++) {
        SinterImageFinding *finding = sinter_image_report_add(report);

        finding->code = g_strdup("l2-entry-beyond-file");
        finding->klass = g_strdup("corruption");
        finding->text = g_strdup_printf("finding %u", i);
        finding->host_offset = (guint64)i << 32;
        finding->times = i + 1;
    }
    g_assert_null(sinter_image_report_add(report));
    back = there_and_back(&message);
    g_assert_cmpuint(back->place, ==, 199);
    g_assert_cmpint(back->report->state, ==, SINTER_IMAGE_CHECKED);
    g_assert_cmpstr(back->report->text, ==, "bad");
    g_assert_true(back->report->complete);
    g_assert_false(back->report->leaks_are_safe);
    g_assert_cmpuint(back->report->corruptions, ==, G_MAXUINT64);
    g_assert_cmpuint(back->report->notes, ==, 7);
    g_assert_cmpuint(back->report->repaired, ==, 9);
    g_assert_cmpuint(back->report->left, ==, 0);
    g_assert_cmpuint(back->report->findings->len, ==, SINTER_IMAGE_REPORT_MAX_FINDINGS);
    for (guint i = 0; i < SINTER_IMAGE_REPORT_MAX_FINDINGS; i++)
        assert_same_finding(report, back->report, i);
}

/* A finding may quote a name from the image: whatever it holds, it becomes one short line. */
static void
test_report_odd_text(void)
{
    g_autofree char *long_name = g_strnfill(5000, '\x01');
    g_autoptr(SinterImageReport) report =
        sinter_image_report_new(SINTER_IMAGE_FAILED, "a\nb\x1b\xff");
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REPORT, .report = report };
    SinterImageFinding *finding = sinter_image_report_add(report);
    g_autoptr(SinterWorkerMessage) back = NULL;

    finding->code = g_strdup("x");
    finding->klass = g_strdup("note");
    finding->text = g_steal_pointer(&long_name);
    back = there_and_back(&message);
    g_assert_true(g_str_has_prefix(back->report->text, "a b "));
    finding = g_ptr_array_index(back->report->findings, 0);
    g_assert_cmpuint(strlen(finding->text), <=, 1024);
    g_assert_cmpuint(strlen(finding->text), >, 1000);
}

/* An error's text may quote a path, which need not be text. */
static void
test_odd_text(void)
{
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_ERROR,
                                          .text = (char *)"reading '/img/\xff'" };
    g_autoptr(SinterWorkerMessage) back = there_and_back(&message);

    g_assert_true(g_utf8_validate(back->text, -1, NULL));
    g_assert_true(g_str_has_prefix(back->text, "reading '/img/"));
}

#define FILES2                                                                                     \
    "\"files\":[{\"path\":\"/a\",\"format\":\"qcow2\",\"fd\":4,\"direct-fd\":6},"                  \
    "{\"path\":\"/b\",\"format\":\"raw\",\"fd\":5,\"direct-fd\":0}]"
#define REST "\"action\":\"merge\",\"direction\":\"down\",\"bandwidth\":\"0\",\"uid\":0,\"gid\":0"
#define REQUEST(text) "{\"kind\":\"request\"," text "}"

#define COUNTS                                                                                     \
    "\"state\":\"checked\",\"complete\":true,\"leaks-are-safe\":true,\"corruptions\":\"0\","       \
    "\"leaks\":\"0\",\"errors\":\"0\",\"notes\":\"0\""
#define REPORT(place, members, findings)                                                           \
    "{\"kind\":\"report\",\"place\":" place ",\"report\":{" members ",\"findings\":[" findings "]" \
    "}"                                                                                            \
    "}"
#define FINDING(code, class, times)                                                                \
    "{\"code\":\"" code "\",\"class\":\"" class "\",\"text\":\"t\",\"guest-offset\":\"0\","        \
                                                "\"host-offset\":\"0\",\"times\":\"" times "\"}"

/* What the table below breaks in one place is a message. */
static void
test_plain_report(void)
{
    static const char json[] = REPORT("0", COUNTS, FINDING("a", "note", "1"));
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterWorkerMessage) message =
        sinter_worker_message_from_json(json, strlen(json), &error);

    g_assert_no_error(error);
    g_assert_cmpuint(message->report->findings->len, ==, 1);
}

static void
test_no_message(void)
{
    static const char *const table[] = {
        "",
        "[]",
        "7",
        "{",
        "{}",
        "{\"kind\":7}",
        "{\"kind\":\"cancel",
        "{\"kind\":\"other\"}",
        "{\"kind\":\"bandwidth\"}",
        "{\"kind\":\"bandwidth\",\"bytes_per_sec\":7}",
        "{\"kind\":\"bandwidth\",\"bytes_per_sec\":\"-1\"}",
        "{\"kind\":\"bandwidth\",\"bytes_per_sec\":\"18446744073709551616\"}",
        "{\"kind\":\"progress\",\"done_bytes\":\"1\"}",
        "{\"kind\":\"error\",\"code\":\"Failed\"}",
        "{\"kind\":\"error\",\"code\":\"Failed\",\"text\":null}",
        REQUEST(FILES2 ",\"first\":0,\"last\":1"),
        REQUEST(FILES2 ",\"first\":1,\"last\":1," REST),
        REQUEST(FILES2 ",\"first\":1,\"last\":0," REST),
        REQUEST(FILES2 ",\"first\":0,\"last\":2," REST),
        REQUEST(FILES2 ",\"first\":-1,\"last\":1," REST),
        REQUEST(FILES2 ",\"first\":0,\"last\":4294967297," REST),
        REQUEST(FILES2 ",\"first\":0,\"last\":1,\"direction\":\"over\",\"bandwidth\":\"0\""),
        REQUEST("\"files\":[],\"first\":0,\"last\":1," REST),
        REQUEST("\"files\":{},\"first\":0,\"last\":1," REST),
        REQUEST("\"files\":[7,8],\"first\":0,\"last\":1," REST),
        REQUEST("\"first\":0,\"last\":1," REST),
        REQUEST(FILES2 ",\"action\":\"wipe\",\"bandwidth\":\"0\",\"uid\":0,\"gid\":0"),
        REQUEST(FILES2 ",\"bandwidth\":\"0\",\"uid\":0,\"gid\":0"),
        REQUEST("\"files\":[],\"action\":\"check\",\"bandwidth\":\"0\",\"uid\":0,\"gid\":0"),
        REQUEST(FILES2 ",\"action\":\"repair-all\",\"bandwidth\":\"0\",\"uid\":0,\"gid\":0"),
        "{\"kind\":\"report\"}",
        "{\"kind\":\"report\",\"place\":0}",
        REPORT("200", COUNTS, ""),
        REPORT("-1", COUNTS, ""),
        REPORT("0", "\"state\":\"checked\"", ""),
        REPORT("0", COUNTS ",\"path\":\"a\"", ""),
        REPORT("0", COUNTS ",\"text\":\"a\\nb\"", ""),
        REPORT("0", COUNTS, "7"),
        REPORT("0", COUNTS, FINDING("A", "note", "1")),
        REPORT("0", COUNTS, FINDING("", "note", "1")),
        REPORT("0", COUNTS, FINDING("a", "other", "1")),
        REPORT("0", COUNTS, FINDING("a", "note", "0")),
        REPORT("0", COUNTS, FINDING("a", "note", "-1")),
    };
    /* files of which one is not what a file is */
    static const char *const files[] = {
        "{\"path\":\"a\",\"format\":\"raw\",\"fd\":4,\"direct-fd\":0}",
        "{\"path\":\"/a%00b\",\"format\":\"raw\",\"fd\":4,\"direct-fd\":0}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":3,\"direct-fd\":0}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":0,\"direct-fd\":0}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":-1,\"direct-fd\":0}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":1000000,\"direct-fd\":0}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":4}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":4,\"direct-fd\":3}",
        "{\"path\":\"/a\",\"format\":\"raw\",\"fd\":4,\"direct-fd\":1000000}",
        "{\"path\":\"/a\",\"fd\":4,\"direct-fd\":0}",
        "{\"format\":\"raw\",\"fd\":4,\"direct-fd\":0}",
    };
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
        g_ptr_array_add(all, g_strdup(table[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
        g_ptr_array_add(
            all,
            g_strdup_printf(REQUEST("\"files\":[%s,%s],\"first\":0,\"last\":1," REST), files[i],
                            "{\"path\":\"/b\",\"format\":\"raw\",\"fd\":5,\"direct-fd\":0}"));
    for (guint i = 0; i < all->len; i++) {
        const char *json = g_ptr_array_index(all, i);
        g_autoptr(GError) error = NULL;
        SinterWorkerMessage *message = sinter_worker_message_from_json(json, strlen(json), &error);

        if (message)
            g_test_message("taken for a message: %s", json);
        g_assert_null(message);
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    }
}

/* Whatever a byte of it becomes: it is a message, or none, and never more than that. */
static void
test_mutations(void)
{
    static const char json[] = REQUEST(FILES2 ",\"first\":0,\"last\":1," REST);
    guint n_messages = 0;

    for (gsize at = 0; at < strlen(json); at++) {
        for (guint byte = 0; byte < 256; byte += 3) {
            g_autofree char *odd = g_strdup(json);
            g_autoptr(SinterWorkerMessage) message = NULL;

            odd[at] = (char)byte;
            message = sinter_worker_message_from_json(odd, strlen(json), NULL);
            if (!message || !message->request)
                continue;
            n_messages++;
            g_assert_cmpuint(message->request->first, <, message->request->last);
            g_assert_cmpuint(message->request->last, <, message->request->files->len);
        }
    }
    g_assert_cmpuint(n_messages, >, 100); /* another path, another number */
}

static void
test_too_many_files(void)
{
    g_autoptr(SinterWorkerRequest) request = sinter_worker_request_new();
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_REQUEST, .request = request };
    g_autofree char *json = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 201; i++)
        sinter_worker_request_add_file(request, "/a", "raw", 4 + i, 0);
    request->last = 1;
    json = sinter_worker_message_to_json(&message);
    g_assert_null(sinter_worker_message_from_json(json, strlen(json), &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker-message/plain", test_plain);
    g_test_add_func("/worker-message/request", test_request);
    g_test_add_func("/worker-message/repair-request", test_repair_request);
    g_test_add_func("/worker-message/comparison-request", test_comparison_request);
    g_test_add_func("/worker-message/report", test_report);
    g_test_add_func("/worker-message/report-odd-text", test_report_odd_text);
    g_test_add_func("/worker-message/plain-report", test_plain_report);
    g_test_add_func("/worker-message/odd-text", test_odd_text);
    g_test_add_func("/worker-message/no-message", test_no_message);
    g_test_add_func("/worker-message/mutations", test_mutations);
    g_test_add_func("/worker-message/too-many-files", test_too_many_files);
    return g_test_run();
}
