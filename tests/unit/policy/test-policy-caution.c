/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which plans are not carried out unasked. */

#include "sinter-policy-caution.h"

#include <string.h>

#include "plan-world.h"
#include "sinter-error.h"

/* @refusal: words of it; NULL: carried out */
typedef struct {
    const char *world;
    const char *request;
    gboolean keep_base;
    guint keep;
    const char *refusal;
} Row;

#define TWO "web | vda: d > c > b > a | @s1 vda=a>b | @s2 vda=b>c | @s3 vda=c>d"
#define BACKUP "web | vda: e > d > c > b > a | @s1 vda=a>b | @s2 vda=b>c"
#define DISKS "web | vda: c > b > a | vdb: f > e > d | @s1 vda=a>b vdb=d>e | @s2 vda=b>c vdb=e>f"

static const Row rows[] = {
    { TWO, "disk=vda keep=2", FALSE, 2, NULL },
    { TWO, "disk=vda", FALSE, 0, NULL },
    { TWO, "disk=vda", TRUE, 0, NULL },
    { TWO, "disk=vda keep=1", FALSE, 1, NULL },
    /* overlays without metadata are on top */
    { BACKUP, "disk=vda keep=2", FALSE, 2, "snapshot 's1' would be lost, which is one of the 2" },
    { BACKUP, "disk=vda keep=1", FALSE, 1, "snapshot 's2' would be lost, which is one of the 1" },
    { BACKUP, "disk=vda", FALSE, 0, NULL },
    /* other disks */
    { DISKS, "disk=vda keep=1", FALSE, 1, "although its state of disk 'vdb' is complete" },
    { DISKS, "disk=vda", FALSE, 0, "although its state of disk 'vdb' is complete" },
    { DISKS, "", FALSE, 0, NULL },
    /* memory */
    { "web | vda: b > a | @s1 mem vda=a>b", "disk=vda", FALSE, 0, "which has a memory image" },
    /* the next start */
    { "web transient | vda: b > a", "disk=vda", FALSE, 0, "the domain is transient" },
    { "web transient | vda: c > b > a", "disk=vda keep=1", FALSE, 1, NULL },
    { "web | vda nonext: b > a", "disk=vda", FALSE, 0, "not in the persistent definition" },
    { "web saved | vda: b > a", "disk=vda", FALSE, 0, "managed save" },
    /* the lowest image */
    { "web | vda: b > a", "disk=vda", TRUE, 0, "nothing to merge above the lowest image" },
};

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autoptr(GPtrArray) domains = plan_world_parse(row->world, "/nowhere");
    g_autoptr(SinterReferenceGraph) graph = sinter_reference_graph_new(domains);
    const SinterDomain *domain = domains->pdata[0];
    g_auto(GStrv) words = NULL;
    SinterPlanRequest request = plan_request_parse(row->request, "/nowhere", &words);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterPlan) plan = NULL;
    gboolean ok = !row->keep_base || sinter_policy_caution_spare_base(&request, domain, &error);

    if (ok) {
        plan = sinter_planner_plan(&request, domain, graph, 0, &error);
        g_assert_no_error(error);
        if (sinter_plan_get_refusal(plan))
            g_error("%s", sinter_plan_get_refusal(plan)->text);
        ok = sinter_policy_caution_check(plan, domain, row->keep, &error);
    }
    if (row->keep_base && ok)
        g_assert_cmpstr(((SinterDiskPlan *)plan->disks->pdata[0])->base_path, ==, "/img/b");
    g_assert_true(ok == (row->refusal == NULL));
    if (ok)
        return;
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    if (!strstr(error->message, row->refusal))
        g_error("'%s' is not in: %s", row->refusal, error->message);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/policy-caution/%" G_GSIZE_FORMAT, i);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}
