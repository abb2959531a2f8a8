/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of checks. Each looks at one kind of fact. Invariant: what is not known is no finding,
 * and each finding has the line that mends it.
 */

#include "sinter-doctor-checks.h"

#include <string.h>

#define HOST "host"

/* LVM's number for "never". */
#define AUTOEXTEND_OFF 100

/* So much of a device is written before its threshold is reached. */
#define THRESHOLD_PERCENT 80

/* From this version on, libvirt lets QEMU write to a backing file for the time of a merge. */
#define LIBVIRT_ALLOWS_BACKING 12001000

typedef struct {
    const SinterDoctorFacts *facts;
    const char *check;
    GPtrArray *findings;
} Report;

static void
finding_free(gpointer data)
{
    SinterDoctorFinding *finding = data;

    g_free(finding->subject);
    g_free(finding->problem);
    g_free(finding->remedy);
    g_free(finding);
}

/* @problem, @remedy: (transfer full) */
static void
add(Report *report, const char *subject, char *problem, char *remedy)
{
    SinterDoctorFinding *finding = g_new0(SinterDoctorFinding, 1);

    finding->check = report->check;
    finding->subject = g_strdup(subject);
    finding->problem = problem;
    finding->remedy = remedy;
    g_ptr_array_add(report->findings, finding);
}

static void
add_image(Report *report, const SinterDoctorImage *image, char *problem, char *remedy)
{
    g_autofree char *subject = g_strdup_printf("%s %s", image->domain->name, image->disk->target);

    add(report, subject, problem, remedy);
}

typedef void (*ImageFunc)(Report *report, const SinterDoctorImage *image);

static void
for_each_image(Report *report, ImageFunc func)
{
    for (guint i = 0; i < report->facts->images->len; i++)
        func(report, g_ptr_array_index(report->facts->images, i));
}

typedef void (*DomainFunc)(Report *report, const SinterDomain *domain);

static void
for_each_domain(Report *report, DomainFunc func)
{
    for (guint i = 0; i < report->facts->domains->len; i++)
        func(report, g_ptr_array_index(report->facts->domains, i));
}

/* --- the checks ------------------------------------------------------------------------------- */

static void
check_answer(Report *report)
{
    const char *why = report->facts->no_answer;
    g_autofree char *uri = g_shell_quote(report->facts->uri);

    if (why)
        add(report, HOST,
            g_strdup_printf("thresholds and versions were not checked, because libvirt did not "
                            "answer: %s",
                            why),
            g_strdup_printf("virsh -c %s domstats --block --nowait", uri));
}

static void
check_error_policy_of(Report *report, const SinterDoctorImage *image)
{
    static const char *const silent[] = { "report", "ignore", NULL };
    const char *policy = image->disk->error_policy;
    g_autofree char *name = g_shell_quote(image->domain->name);

    if (!image->is_top || !policy || !g_strv_contains(silent, policy))
        return;
    add_image(report, image,
              g_strdup_printf("an I/O error does not pause the guest (error_policy='%s')", policy),
              g_strdup_printf("virt-xml %s --edit target=%s --disk driver.error_policy=stop", name,
                              image->disk->target));
}

static void
check_error_policy(Report *report)
{
    for_each_image(report, check_error_policy_of);
}

static void
check_threshold_of(Report *report, const SinterDoctorImage *image)
{
    const SinterLayer *layer = image->layer;
    g_autofree char *name = g_shell_quote(image->domain->name);

    if (!image->is_top || layer->type != SINTER_SOURCE_BLOCK ||
        g_strcmp0(layer->format, "qcow2") != 0 || image->has_threshold != SINTER_ANSWER_NO)
        return;
    add_image(
        report, image,
        g_strdup_printf("no write threshold: nothing reports in time that '%s' is almost full",
                        layer->path),
        g_strdup_printf("virsh domblkthreshold %s %s %" G_GUINT64_FORMAT, name, image->disk->target,
                        layer->allocated_bytes / 100 * THRESHOLD_PERCENT));
}

static void
check_threshold(Report *report)
{
    for_each_image(report, check_threshold_of);
}

static void
check_autoextend(Report *report)
{
    if (report->facts->autoextend_percent != AUTOEXTEND_OFF)
        return;
    for (guint i = 0; i < report->facts->images->len; i++) {
        const SinterDoctorImage *image = g_ptr_array_index(report->facts->images, i);

        if (!image->layer->thin)
            continue;
        add(report, HOST,
            g_strdup_printf("LVM does not extend thin pools before they are full, and '%s' is on "
                            "one",
                            image->layer->path),
            g_strdup("/etc/lvm/lvm.conf, section activation: thin_pool_autoextend_threshold = 80"));
        return;
    }
}

static void
check_backing_write_of(Report *report, const SinterDoctorImage *image)
{
    const gulong version = report->facts->libvirt_version;

    if (image->is_top || !image->denial || version >= LIBVIRT_ALLOWS_BACKING)
        return;
    add_image(report, image,
              g_strdup_printf("QEMU may not be able to write to '%s', so merges into it may fail",
                              image->layer->path),
              g_strdup(image->denial));
}

static void
check_backing_write(Report *report)
{
    for_each_image(report, check_backing_write_of);
}

static void
check_reflink(Report *report)
{
    for (guint i = 0; i < report->facts->file_systems->len; i++) {
        const SinterDoctorFileSystem *fs = g_ptr_array_index(report->facts->file_systems, i);

        if (fs->shares_blocks == SINTER_ANSWER_NO)
            add(report, fs->path,
                g_strdup_printf("files on %s cannot share blocks: merges copy data and need more "
                                "space",
                                fs->type),
                g_strdup("for a new file system: mkfs.xfs -m reflink=1 DEVICE"));
    }
}

static void
check_locks_of(Report *report, const SinterDoctorImage *image)
{
    const SinterLayer *layer = image->layer;

    if (image->is_locked == SINTER_ANSWER_NO)
        add_image(report, image,
                  g_strdup_printf("QEMU holds no lock on '%s': another program may write to it",
                                  layer->path),
                  g_strdup("mount the file system with locks: for NFS without nolock and "
                           "local_lock"));
    if (layer->beyond_locks)
        add_image(report, image,
                  g_strdup_printf("locks on '%s' do not reach other hosts that may use it (%s)",
                                  layer->path, layer->beyond_locks),
                  g_strdup_printf("if only this host uses it: sinter.conf, section [storage]: "
                                  "exclusive=%s",
                                  layer->path));
}

static void
check_locks(Report *report)
{
    for_each_image(report, check_locks_of);
}

static void
check_agent_of(Report *report, const SinterDomain *domain)
{
    g_autofree char *name = g_shell_quote(domain->name);

    if (!domain->active || domain->agent == SINTER_GUEST_AGENT_CONNECTED)
        return;
    if (domain->agent == SINTER_GUEST_AGENT_NO_CHANNEL)
        add(report, domain->name, g_strdup("the domain has no channel for the guest agent"),
            g_strdup_printf("virt-xml %s --add-device --channel "
                            "unix,target.type=virtio,target.name=org.qemu.guest_agent.0",
                            name));
    else
        add(report, domain->name, g_strdup("the guest agent does not run in the guest"),
            g_strdup("in the guest: apt install qemu-guest-agent"));
}

static void
check_agent(Report *report)
{
    for_each_domain(report, check_agent_of);
}

static void
check_manager_of(Report *report, const SinterDomain *domain)
{
    g_autofree char *name = g_shell_quote(domain->name);

    if (domain->manager)
        add(report, domain->name,
            g_strdup_printf("another program manages the domain, so changes are refused: %s",
                            domain->manager),
            g_strdup_printf("sinter consolidate %s --ignore-manager", name));
}

static void
check_manager(Report *report)
{
    for_each_domain(report, check_manager_of);
}

/* A fault of versions from @from on and before @until. */
typedef struct {
    const char *program;
    gsize version; /* offset in SinterDoctorFacts of a gulong */
    gulong from;
    gulong until;
    gboolean (*applies)(const SinterDoctorFacts *facts); /* (nullable) */
    const char *fault;
    const char *remedy;
} Fault;

static gboolean
may_not_pause(const SinterDoctorFacts *facts)
{
    return facts->max_pause_msec == 0;
}

static gboolean
has_denial(const SinterDoctorFacts *facts)
{
    for (guint i = 0; i < facts->images->len; i++) {
        const SinterDoctorImage *image = g_ptr_array_index(facts->images, i);

        if (!image->is_top && image->denial)
            return TRUE;
    }
    return FALSE;
}

static const Fault faults[] = {
    { "QEMU", G_STRUCT_OFFSET(SinterDoctorFacts, qemu_version), 7002000, 7003000, may_not_pause,
      "a pivot that was requested cannot be taken back and may not end while the guest writes, and "
      "jobs may not suspend the guest",
      "sinter.conf, section [jobs]: max-pause-msec=500" },
    { "libvirt", G_STRUCT_OFFSET(SinterDoctorFacts, libvirt_version), 1, LIBVIRT_ALLOWS_BACKING,
      has_denial, "it does not let QEMU write to backing files that an AppArmor profile protects",
      "upgrade libvirt to 12.1, or allow it as the check backing-write shows" },
};

static void
check_versions(Report *report)
{
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        const Fault *fault = &faults[i];
        const gulong version = G_STRUCT_MEMBER(gulong, report->facts, fault->version);

        if (version >= fault->from && version < fault->until &&
            (!fault->applies || fault->applies(report->facts)))
            add(report, HOST,
                g_strdup_printf("%s %lu.%lu.%lu has a known fault: %s", fault->program,
                                version / 1000000, version / 1000 % 1000, version % 1000,
                                fault->fault),
                g_strdup(fault->remedy));
    }
}

static const struct {
    const char *name;
    void (*run)(Report *report);
} checks[] = {
    { "libvirt", check_answer },
    { "error-policy", check_error_policy },
    { "threshold", check_threshold },
    { "lvm-autoextend", check_autoextend },
    { "backing-write", check_backing_write },
    { "reflink", check_reflink },
    { "locks", check_locks },
    { "agent", check_agent },
    { "manager", check_manager },
    { "version", check_versions },
};

GPtrArray *
sinter_doctor_checks_run(const SinterDoctorFacts *facts)
{
    Report report = { facts, NULL, g_ptr_array_new_with_free_func(finding_free) };

    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        report.check = checks[i].name;
        checks[i].run(&report);
    }
    return report.findings;
}

const char *
sinter_doctor_checks_get_name(guint n)
{
    return n < G_N_ELEMENTS(checks) ? checks[n].name : NULL;
}
