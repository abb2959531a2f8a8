#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that does nothing but what a test tells it, on a private bus.

It serves the shipped introspection XML, so that a client is held to the real
contract, and shows the domains, plans and jobs of a state that it is given as
JSON on standard input. A test drives it over the same bus, through one method
of the object /test: Do(s), where the string is a JSON list [verb, argument …];
the verbs are the methods of Control below.

    fake_sinterd.py INTERFACE.xml < STATE.json
"""

import json
import sys

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME = 'org.sinter.Sinter1'
ROOT = '/org/sinter/Sinter1'
PREFIX = NAME + '.'
FINAL = ('done', 'failed', 'cancelled', 'quarantined')

OBJECT_MANAGER_XML = '''
<node>
  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects">
      <arg name="objects" type="a{oa{sa{sv}}}" direction="out"/>
    </method>
    <signal name="InterfacesAdded">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="a{sa{sv}}"/>
    </signal>
    <signal name="InterfacesRemoved">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="as"/>
    </signal>
  </interface>
  <interface name="org.sinter.Test">
    <method name="Do">
      <arg name="request" type="s" direction="in"/>
      <arg name="answer" type="s" direction="out"/>
    </method>
  </interface>
</node>'''

LAYER_TYPES = {'path': 's', 'format': 's', 'type': 's', 'index': 'u', 'virtual-size-bytes': 't',
               'allocated-bytes': 't', 'snapshot': 's', 'missing': 'b', 'problem': 's',
               'users': 'as', 'kind': 's', 'disk': 's', 'subject': 's', 'bytes': 't', 'text': 's',
               'code': 's', 'error': 's', 'state': 's', 'corruptions': 't', 'leaks': 't',
               'errors': 't', 'notes': 't', 'complete': 'b',
               'name': 's', 'parent': 's', 'current': 'b', 'created': 't', 'description': 's',
               'internal': 'b', 'memory': 's', 'memory-bytes': 't', 'disks': 'aa{sv}', 'image': 's',
               'external': 'b'}

ZEROS = {'s': '', 'b': False, 'u': 0, 't': 0, 'x': 0, 'd': 0.0, 'o': '/', 'ao': [], 'as': [],
         'aa{sv}': []}


class Refusal(Exception):
    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


def variant(signature, value):
    if signature == 'aa{sv}':
        value = [{key: variant(LAYER_TYPES[key], item) for key, item in row.items()}
                 for row in value]
    return GLib.Variant(signature, value)


def domain_path(uuid):
    return f'{ROOT}/domains/_{uuid.replace("-", "_")}'


class Daemon:
    """Objects on the bus; what their methods do stands in `answer_…`."""

    def __init__(self, bus, xml, state):
        self.bus = bus
        self.node = Gio.DBusNodeInfo.new_for_xml(xml)
        self.manager_node = Gio.DBusNodeInfo.new_for_xml(OBJECT_MANAGER_XML)
        self.objects = {}   # path → (interface name, {property: value})
        self.calls = []     # what was called, for the test to look at
        self.planned = {}   # (path, method) → how to answer
        self.held = []      # invocations without an answer, by wish of the test
        self.n_jobs = state.get('jobs-made', 0)
        self.name_id = 0
        self.register(ROOT, self.manager_node.interfaces[0], self.on_object_manager)
        self.register('/test', self.manager_node.interfaces[1], self.on_test)
        self.export(ROOT + '/Manager', 'Manager', state['manager'])
        for domain in state['domains']:
            self.export_domain(domain)
        for job in state.get('jobs', []):
            self.export_job(job)

    # -- plumbing -------------------------------------------------------------

    def register(self, path, info, method, get_property=None):
        return self.bus.register_object(path, info, method, get_property, None)

    def interface(self, name):
        return self.node.lookup_interface(PREFIX + name)

    def export(self, path, interface, values):
        info = self.interface(interface)
        known = {row.name: row.signature for row in info.properties}
        unknown = set(values) - set(known)
        assert not unknown, f'{interface} has no properties {unknown}'
        full = {name: values.get(name, ZEROS[signature]) for name, signature in known.items()}
        self.objects[path] = (interface, full)
        self.register(path, info, self.on_method, self.on_get)

    def variants(self, path):
        interface, values = self.objects[path]
        return {row.name: variant(row.signature, values[row.name])
                for row in self.interface(interface).properties}

    def on_get(self, bus, sender, path, interface, name):
        return self.variants(path)[name]

    def change(self, path, **values):
        interface, known = self.objects[path]
        known.update(values)
        variants = self.variants(path)
        self.emit(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                  GLib.Variant('(sa{sv}as)', (PREFIX + interface,
                                              {name: variants[name] for name in values}, [])))

    def emit(self, path, interface, signal, parameters):
        self.bus.emit_signal(None, path, interface, signal, parameters)

    def on_object_manager(self, bus, sender, path, interface, method, parameters, invocation):
        objects = {path: {PREFIX + self.objects[path][0]: self.variants(path)}
                   for path in self.objects}
        invocation.return_value(GLib.Variant('(a{oa{sa{sv}}})', (objects,)))

    def on_test(self, bus, sender, path, interface, method, parameters, invocation):
        verb, *arguments = json.loads(parameters.unpack()[0])
        answer = getattr(Control(self), verb)(*arguments)
        invocation.return_value(GLib.Variant('(s)', (json.dumps(answer),)))

    def on_method(self, bus, sender, path, interface, method, parameters, invocation):
        *arguments, options = parameters.unpack()
        self.calls.append([path, method, arguments, options])
        planned = self.planned.get((path, method)) or self.planned.get(('*', method))
        if planned == 'hold':
            self.held.append(invocation)
            return
        if planned and (planned.get('always') or options.get('no-interaction')):
            invocation.return_dbus_error(f'{PREFIX}Error.{planned["error"]}', planned['message'])
            return
        try:
            answer = getattr(self, 'answer_' + method)(path, *arguments, **{
                key.replace('-', '_'): value for key, value in options.items()})
        except Refusal as refusal:
            invocation.return_dbus_error(f'{PREFIX}Error.{refusal.name}', str(refusal))
            return
        except Exception as error:      # a fault of this file: nobody must wait for ever
            invocation.return_dbus_error('org.sinter.Test.Broken', repr(error))
            raise
        invocation.return_value(answer)

    # -- objects --------------------------------------------------------------

    def export_domain(self, domain):
        path = domain_path(domain['Uuid'])
        disks = domain.pop('disks')
        for disk in disks:
            self.export(f'{path}/disks/{disk["Target"]}', 'Disk', dict(disk, Domain=path))
        self.export(path, 'Domain',
                    dict(domain, Disks=[f'{path}/disks/{disk["Target"]}' for disk in disks]))

    def export_job(self, job):
        path = f'{ROOT}/jobs/{job["Id"]}'
        self.export(path, 'Job', job)
        interfaces = {PREFIX + 'Job': self.variants(path)}
        self.emit(ROOT, 'org.freedesktop.DBus.ObjectManager', 'InterfacesAdded',
                  GLib.Variant('(oa{sa{sv}})', (path, interfaces)))
        return path

    def new_job(self, disk_path, operation, bandwidth=0):
        self.n_jobs += 1
        disk = self.objects[disk_path][1]
        domain = self.objects[disk['Domain']][1]
        path = self.export_job({
            'Id': str(self.n_jobs), 'Operation': operation, 'Phase': 'queued',
            'BandwidthLimit': bandwidth, 'Objects': [disk_path], 'Cancelable': True,
            'DomainUuid': domain['Uuid'], 'DomainName': domain['Name'], 'Disk': disk['Target']})
        self.change(disk_path, Job=path, BlockJob=operation)
        return path

    # -- methods --------------------------------------------------------------

    def lookup(self, interface, what, *keys):
        for path, (name, values) in self.objects.items():
            if name == interface and what in [values[key] for key in keys]:
                return GLib.Variant('(o)', (path,))
        raise Refusal('NotFound', f'no {interface.lower()} \'{what}\'')

    def answer_LookupDomain(self, path, name, **options):
        return self.lookup('Domain', name, 'Name', 'Uuid')

    def answer_LookupIncident(self, path, name, **options):
        return self.lookup('Incident', name, 'Id')

    def answer_LookupJob(self, path, name, **options):
        return self.lookup('Job', name, 'Id')

    def answer_LookupPlan(self, path, name, **options):
        return self.lookup('Plan', name, 'Id')

    def answer_Rescan(self, path, **options):
        return None

    def answer_ExamineHost(self, path, **options):
        return GLib.Variant('(aa{sv})', ([{key: GLib.Variant('s', value)
                                           for key, value in row.items()}
                                          for row in self.planned.get(('*', 'findings'), [])],))

    def answer_Plan(self, path, **options):
        plan = self.planned.get(('*', 'plan'), {})
        number = sum(interface == 'Plan' for interface, _ in self.objects.values()) + 1
        name = f'3fa29c{number:02}'
        self.export(f'{ROOT}/plans/{name}', 'Plan', dict(plan, Id=name, Domain=path))
        return GLib.Variant('(o)', (f'{ROOT}/plans/{name}',))

    def answer_Discard(self, path, **options):
        return None

    def consolidate(self, domain, disk=None, bandwidth=0):
        paths = []
        for path in self.objects[domain][1]['Disks']:
            values = self.objects[path][1]
            if values['Depth'] > 1 and disk in (None, values['Target']):
                paths.append(self.new_job(path, 'active-commit', bandwidth))
        return GLib.Variant('(ao)', (paths,))

    def answer_Consolidate(self, path, disk=None, bandwidth=0, **options):
        answer = self.consolidate(path, disk, bandwidth)
        if self.planned.get(('*', 'instantly')):
            for job in answer.unpack()[0]:
                self.end(job, 'done')
        return answer

    def answer_Execute(self, path, bandwidth=0, **options):
        return self.consolidate(self.objects[path][1]['Domain'], None, bandwidth)

    def one(self, path, operation, bandwidth):
        job = self.new_job(path, operation, bandwidth)
        if self.planned.get(('*', 'instantly')):
            self.end(job, 'done')
        return GLib.Variant('(o)', (job,))

    def answer_MeasureChain(self, path, **options):
        """Of the second layer a quarter is hidden, if that is planned."""
        if self.planned.get(('*', 'unmeasurable')):
            raise Refusal('ChainChanged', 'the chain is another one')
        shadows = self.planned.get(('*', 'shadows'), False)
        sizes = [layer.get('allocated-bytes', 0) for layer in self.objects[path][1]['Chain']]
        return GLib.Variant('(aa{sv})', ([
            {'data-bytes': GLib.Variant('t', size),
             'shadowed-bytes': GLib.Variant('t', size // 4 if shadows and n == 1 else 0)}
            for n, size in enumerate(sizes)],))

    def answer_Commit(self, path, bandwidth=0, **options):
        return self.one(path, 'active-commit', bandwidth)

    def answer_Pull(self, path, bandwidth=0, **options):
        return self.one(path, 'pull', bandwidth)

    def answer_Copy(self, path, destination, bandwidth=0, **options):
        return self.one(path, 'copy', bandwidth)

    def answer_Adopt(self, path, action, **options):
        return self.one(path, 'active-commit', 0)

    def answer_Cancel(self, path, **options):
        job = self.objects[path][1]
        if job['Phase'] in FINAL:
            raise Refusal('Failed', f'job {job["Id"]} has already ended: {job["Phase"]}')
        if not job['Cancelable']:
            raise Refusal('Busy', f'job {job["Id"]} is {job["Phase"]} and can no longer be cancelled')
        if not self.planned.get(('*', 'stubborn')):
            GLib.idle_add(self.end, path, 'cancelled')
        return None

    def answer_Compare(self, path, **options):
        if not self.objects[path][1]['InDoubt']:
            raise Refusal('Failed', 'there is nothing to resolve')
        self.change(path, Phase='resolving')
        row = {'state': 'checked', 'text': '1 range differs, 64 KiB in all', 'corruptions': 0,
               'leaks': 0, 'errors': 0, 'complete': True}
        GLib.idle_add(self.end_again, path, 'quarantined', {'Images': [
            dict(row, path='/images/old', text=''), dict(row, path='/images/new', notes=1)]})
        return None

    def answer_Resolve(self, path, choice, **options):
        if choice not in ('old', 'new'):
            raise Refusal('InvalidArgument', f"invalid choice '{choice}'")
        self.change(path, Phase='resolving')
        if self.planned.get(('*', 'stubborn')):
            GLib.idle_add(self.end_again, path, 'quarantined',
                          {'Warnings': ['domain is running: shut it off']})
        else:
            GLib.idle_add(self.end_again, path, 'done' if choice == 'new' else 'cancelled',
                          {'InDoubt': False, 'Resolution': choice})
        return None

    def end_again(self, path, phase, values):
        self.change(path, **values)
        return self.end(path, phase, 'Failed' if phase == 'quarantined' else '',
                        'QEMU ended' if phase == 'quarantined' else '')

    def answer_SetBandwidth(self, path, rate, **options):
        self.change(path, BandwidthLimit=rate)

    # -- what becomes of jobs ---------------------------------------------------

    def end(self, path, phase, error='', message='', told=True):
        """As the real one does it: the disk's new chain, the job's properties, Completed."""
        job = self.objects[path][1]
        values = {'Phase': phase, 'Cancelable': False, 'ErrorName': error,
                  'ErrorMessage': message}
        if phase == 'done':
            values.update(Progress=1.0, ProgressValid=True)
        if job['Objects']:
            disk = job['Objects'][0]
            self.change(disk, Job='/', BlockJob='none')
            if phase == 'done' and not self.planned.get(('*', 'frozen')):
                self.shorten(disk)
        if told:
            self.change(path, **values)
        else:
            job.update(values)
        self.emit(path, PREFIX + 'Job', 'Completed',
                  GLib.Variant('(bs)', (phase == 'done', message)))
        return False

    def shorten(self, disk):
        values = self.objects[disk][1]
        base = values['Chain'][-1:]
        self.change(disk, Chain=base, Depth=1, ReclaimableBytes=0,
                    AllocatedBytes=base[0]['allocated-bytes'])


class Control:
    """The verbs that a test has."""

    def __init__(self, daemon):
        self.daemon = daemon

    def job(self, name, values):
        self.daemon.change(f'{ROOT}/jobs/{name}', **values)

    def end(self, name, phase, error='', message='', told=True):
        self.daemon.end(f'{ROOT}/jobs/{name}', phase, error, message, told)

    def disk(self, path, values):
        self.daemon.change(path, **values)

    def plan(self, path, method, how):
        """How a method is to answer: an error, 'hold', or a switch of the fake."""
        self.daemon.planned[(path, method)] = how

    def release(self):
        """Answers what was held, in the ordinary way."""
        held, self.daemon.held = self.daemon.held, []
        self.daemon.planned = {key: how for key, how in self.daemon.planned.items()
                               if how != 'hold'}
        for call in held:
            self.daemon.on_method(None, None, call.get_object_path(), None,
                                  call.get_method_name(), call.get_parameters(), call)
        return len(held)

    def held(self):
        return len(self.daemon.held)

    def calls(self):
        return self.daemon.calls

    def event(self, time, kind, domain, disk, details):
        types = {int: 'i', str: 's'}
        values = {key: GLib.Variant('t' if key.endswith('bytes') else types[type(value)], value)
                  for key, value in details.items()}
        self.daemon.emit(ROOT + '/Manager', PREFIX + 'Manager', 'Event',
                         GLib.Variant('(xsssa{sv})', (time, kind, domain, disk, values)))

    def new_job(self, disk, operation):
        return self.daemon.new_job(disk, operation)


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        xml = file.read()
    state = json.load(sys.stdin)
    bus = Gio.bus_get_sync(Gio.BusType.SESSION if state['bus'] == 'session' else
                           Gio.BusType.SYSTEM)
    Daemon(bus, xml, state)
    loop = GLib.MainLoop()
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE,
                                   lambda *_: print('ready', flush=True),
                                   lambda *_: loop.quit())
    loop.run()


if __name__ == '__main__':
    main()
