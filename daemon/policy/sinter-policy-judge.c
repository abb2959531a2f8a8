/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What policies say about one disk. Invariant: a verdict without an obstacle is about a disk on
 * which no job runs, of a domain without an open incident.
 */

#include "sinter-policy-judge.h"

#include "sinter-policy-limits.h"

void
sinter_policy_verdict_free(SinterPolicyVerdict *verdict)
{
    if (!verdict)
        return;
    g_free(verdict->disk);
    g_free(verdict->reason);
    g_free(verdict->obstacle);
    g_free(verdict);
}

/* (nullable): the step to carry out; a report is kept as the reason without one */
static const SinterProposal *
choose_step(SinterPolicyVerdict *verdict, const GPtrArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        const SinterProposal *step = steps->pdata[i];

        g_free(verdict->reason);
        verdict->reason = g_strdup(step->reason);
        if (step->kind == SINTER_PROPOSE_CONSOLIDATE)
            return step;
    }
    return NULL;
}

/* Asks the policies in their order until one proposes a merge. An invalid value is an obstacle. */
static void
ask_policies(const SinterPolicyMoment *moment, SinterDomain *domain, const SinterDisk *disk,
             SinterPolicyVerdict *verdict)
{
    const SinterPlugin *plugin;

    for (guint i = 0; !verdict->policy && (plugin = sinter_policy_set_get(moment->set, i)); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) steps = sinter_policy_set_ask(moment->set, i, moment->rules, domain,
                                                           disk, moment->now_usec, &error);
        const SinterProposal *step = steps ? choose_step(verdict, steps) : NULL;

        if (!steps && !verdict->obstacle)
            verdict->obstacle = g_strdup(error->message);
        if (!step)
            continue;
        verdict->policy = plugin->name;
        verdict->keep = step->keep;
        verdict->keep_base = step->keep_base;
    }
}

/* (transfer full) (nullable) */
static char *
find_obstacle(const SinterPolicyMoment *moment, SinterDomain *domain, const SinterDisk *disk,
              gint64 *ret_until_usec)
{
    const SinterPolicyDisk place = { domain, disk, moment->generation, moment->now_usec };
    const char *incident = g_hash_table_lookup(moment->incidents, domain->uuid);
    SinterJob *job = sinter_executor_find_on_disk(moment->executor, domain->uuid, disk->target);

    *ret_until_usec = G_MAXINT64;
    if (job)
        return g_strdup_printf("job %s is running on the disk", sinter_job_get_record(job)->id);
    if (incident)
        return g_strdup_printf("incident %s of the domain is open", incident);
    return g_strdup(sinter_policy_memory_find_obstacle(moment->memory, &place, ret_until_usec));
}

/* Takes the limits of the disk into the verdict. */
static void
apply_limits(const SinterPolicyMoment *moment, SinterDomain *domain, const SinterDisk *disk,
             SinterPolicyVerdict *verdict)
{
    g_autoptr(GError) error = NULL;
    g_auto(SinterPolicyLimits) limits = { 0 };
    gint64 opening_usec;
    gint64 ripe_usec;

    if (!sinter_policy_limits_read(&limits, moment->rules, domain, disk, &error)) {
        verdict->obstacle = g_strdup(error->message);
        verdict->policy = NULL;
        return;
    }
    opening_usec = sinter_policy_window_find_opening(limits.window, moment->now_usec, moment->zone);
    ripe_usec = sinter_policy_memory_find_shut_off(moment->memory, domain->uuid, moment->now_usec) +
                limits.offline_delay_usec;
    verdict->bandwidth_set = limits.bandwidth_set;
    verdict->bandwidth_bytes_per_sec = limits.bandwidth_bytes_per_sec;
    if (!domain->active && !limits.offline) {
        verdict->obstacle = g_strdup("the domain is shut off, and offline is 'no'");
    } else if (!domain->active && ripe_usec > moment->now_usec) {
        verdict->obstacle = g_strdup("the domain has been shut off only for a short time");
        verdict->until_usec = ripe_usec;
    } else if (opening_usec > moment->now_usec) {
        verdict->obstacle = g_strdup("no window is open");
        verdict->until_usec = opening_usec;
    }
}

SinterPolicyVerdict *
sinter_policy_judge(const SinterPolicyMoment *moment, SinterDomain *domain, const SinterDisk *disk)
{
    SinterPolicyVerdict *verdict = g_new0(SinterPolicyVerdict, 1);

    verdict->disk = g_strdup(disk->target);
    verdict->until_usec = G_MAXINT64;
    ask_policies(moment, domain, disk, verdict);
    if (verdict->policy && !verdict->obstacle)
        verdict->obstacle = find_obstacle(moment, domain, disk, &verdict->until_usec);
    if (verdict->policy && !verdict->obstacle)
        apply_limits(moment, domain, disk, verdict);
    return verdict;
}
