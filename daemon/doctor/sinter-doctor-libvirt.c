/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Facts that libvirt knows. Invariant: a domain whose monitor is in use is not waited for; its
 * thresholds then are unknown, not absent.
 */

#include "sinter-doctor-libvirt.h"

#include <string.h>

#include "sinter-connection-error.h"
#include "sinter-error.h"

#define QUESTION_KEY "doctor"

typedef struct {
    SinterLinePool *lines;    /* (nullable) */
    virConnectPtr connection; /* (nullable) */
    gulong libvirt_version;
    gulong qemu_version;
    GHashTable *thresholds; /* "UUID TARGET" → SinterAnswer */
    char *failure;          /* (nullable) */
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    g_clear_pointer(&question->lines, sinter_line_pool_unref);
    g_clear_pointer(&question->connection, virConnectClose);
    g_hash_table_unref(question->thresholds);
    g_free(question->failure);
    g_free(question);
}

static char *
make_key(const char *uuid, const char *target)
{
    return g_strdup_printf("%s %s", uuid, target);
}

static gboolean
has_number(const virDomainStatsRecordPtr record, unsigned int n, const char *name)
{
    g_autofree char *key = g_strdup_printf("block.%u.%s", n, name);
    unsigned long long value;

    return virTypedParamsGetULLong(record->params, record->nparams, key, &value) == 1;
}

/* Only with its counters an answer came from QEMU. */
static void
take_disk(Question *question, const char *uuid, const virDomainStatsRecordPtr record,
          unsigned int n)
{
    g_autofree char *name_key = g_strdup_printf("block.%u.name", n);
    const char *target = NULL;
    SinterAnswer answer;

    if (virTypedParamsGetString(record->params, record->nparams, name_key, &target) != 1)
        return;
    if (has_number(record, n, "threshold"))
        answer = SINTER_ANSWER_YES;
    else
        answer = has_number(record, n, "rd.reqs") ? SINTER_ANSWER_NO : SINTER_ANSWER_UNKNOWN;
    g_hash_table_insert(question->thresholds, make_key(uuid, target), GINT_TO_POINTER(answer));
}

static void
take_record(Question *question, const virDomainStatsRecordPtr record)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    unsigned int n_disks = 0;

    if (virDomainGetUUIDString(record->dom, uuid) < 0 ||
        virTypedParamsGetUInt(record->params, record->nparams, "block.count", &n_disks) != 1)
        return;
    for (unsigned int i = 0; i < n_disks; i++)
        take_disk(question, uuid, record, i);
}

/* A driver without such statistics is no failure: its thresholds are unknown. */
static void
read_thresholds(Question *question)
{
    virDomainStatsRecordPtr *records = NULL;
    int n = virConnectGetAllDomainStats(question->connection, VIR_DOMAIN_STATS_BLOCK, &records,
                                        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
                                            VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    for (int i = 0; i < n; i++)
        take_record(question, records[i]);
    if (records)
        virDomainStatsRecordListFree(records);
}

/* Runs in a thread of its own. */
static void
ask(gpointer data)
{
    Question *question = data;
    g_autoptr(GError) error = NULL;
    virConnectPtr line = question->lines ? sinter_line_pool_take(question->lines, &error) : NULL;

    if (line)
        question->connection = line;
    if (!question->connection) {
        question->failure = g_strdup(error ? error->message : "not connected");
        return;
    }
    if (virConnectGetLibVersion(question->connection, &question->libvirt_version) < 0)
        question->libvirt_version = 0;
    if (virConnectGetVersion(question->connection, &question->qemu_version) < 0)
        question->qemu_version = 0;
    read_thresholds(question);
    if (line)
        sinter_line_pool_give(question->lines, g_steal_pointer(&question->connection));
}

static void
take_answer(SinterDoctorFacts *facts, Question *question)
{
    facts->libvirt_version = question->libvirt_version;
    facts->qemu_version = question->qemu_version;
    facts->no_answer = g_steal_pointer(&question->failure);
    for (guint i = 0; i < facts->images->len; i++) {
        SinterDoctorImage *image = g_ptr_array_index(facts->images, i);
        g_autofree char *key = make_key(image->domain->uuid, image->disk->target);

        image->has_threshold =
            (SinterAnswer)GPOINTER_TO_INT(g_hash_table_lookup(question->thresholds, key));
    }
    question_free(question);
}

void
sinter_doctor_libvirt_examine(SinterDoctorFacts *facts, SinterPatience *patience,
                              SinterConnection *connection)
{
    Question *data = g_new0(Question, 1);
    const SinterQuestion question = { ask, data, question_free, NULL };
    SinterLinePool *lines = sinter_connection_get_lines(connection);
    g_autoptr(GError) error = NULL;
    gint64 since_usec;

    data->thresholds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (lines)
        data->lines = sinter_line_pool_ref(lines);
    else
        data->connection = sinter_connection_dup(connection, NULL);
    if (sinter_patience_ask(patience, QUESTION_KEY, &question, &since_usec))
        take_answer(facts, data);
    else
        facts->no_answer = g_strdup("it does not respond");
}
