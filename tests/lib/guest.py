# SPDX-License-Identifier: LGPL-2.1-or-later
"""A virtual machine that writes without pause, its disks, their chains and the proof over them."""

import os
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import libvirt

from . import filewatch, images, oracle
from .guestcode import GuestCode

LINE_BYTES = 9
MIB = 1024 * 1024

DOMAIN_XML = '''<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_reboot>restart</on_reboot>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
{devices}    <serial type='file'><source path='{serial}' append='on'/></serial>
{disks}  </devices>
  <qemu:commandline>{env}</qemu:commandline>
</domain>
'''

DISK_XML = '''    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='{cache}'{error_policy}/>
      <source file='{path}'/>
      <target dev='{target}' bus='{bus}'/>
      <boot order='{order}'/>
    </disk>
'''

SNAPSHOT_XML = '''<domainsnapshot>
  <name>{name}</name>
  <disks>
{disks}  </disks>
</domainsnapshot>
'''

SNAPSHOT_DISK_XML = '''    <disk name='{target}' snapshot='external' type='file'>
      <driver type='qcow2'/>
      <source file='{path}'/>
    </disk>
'''


@dataclass(frozen=True)
class Layer:
    """One image of a chain as the domain XML has it."""

    path: str
    format: str
    index: str


class Guest:
    """Defined by create(); its code's n_disks says how many disks it writes to.

    folder       where the disk images lie (the bench's own unless told)
    base_folder  where the base images lie, when elsewhere
    cache        writeback: what QEMU loses by a SIGKILL may be lost; writethrough: nothing may
    error_policy libvirt's word, such as stop or enospace; None: QEMU's default
    qemu_env     variables for QEMU's environment
    devices      more of them, as XML
    """

    def __init__(self, bench, name, code=GuestCode(), *, size_mib=16, folder=None,
                 base_folder=None, bus='virtio', cache='writeback', error_policy=None,
                 base_options='', qemu_env=None, devices=''):
        self.bench, self.name, self.code = bench, name, code
        self.size_bytes = size_mib * MIB
        self.folder = folder or bench.folder('images')
        self.base_folder = base_folder or self.folder
        self.bus, self.cache, self.error_policy = bus, cache, error_policy
        self.base_options, self.qemu_env, self.devices = base_options, qemu_env or {}, devices
        prefix = {'virtio': 'vd', 'ide': 'hd', 'scsi': 'sd', 'sata': 'sd'}[bus]
        self.targets = [prefix + 'abcd'[n] for n in range(code.n_disks)]
        self.serial_path = os.path.join(bench.folder('serial'), name)
        self.booted_second = None
        self.n_snapshots = 0

    # -- making ----------------------------------------------------------

    def path(self, target, layer):
        folder = self.base_folder if layer == 'base' else self.folder
        return os.path.join(folder, f'{self.name}-{target}.{layer}.qcow2')

    def dump_path(self, target, moment):
        return os.path.join(self.bench.folder('dumps'), f'{self.name}-{target}.{moment}.raw')

    def create(self):
        """Base images full of known bytes, and the definition of the domain."""
        for n, target in enumerate(self.targets):
            before = self.dump_path(target, 'before')
            images.write_raw(before, self.size_bytes, f'{self.name}-{target}',
                             self.code.assemble() if n == 0 else b'')
            images.convert(before, self.path(target, 'base'), 'raw', 'qcow2', self.base_options)
        self.bench.connection.defineXML(self.xml())
        return self

    def xml(self):
        policy = f" error_policy='{self.error_policy}'" if self.error_policy else ''
        disks = ''.join(DISK_XML.format(cache=self.cache, error_policy=policy, bus=self.bus,
                                        path=self.path(target, 'base'), target=target, order=n + 1)
                        for n, target in enumerate(self.targets))
        env = ''.join(f"<qemu:env name='{name}' value='{value}'/>"
                      for name, value in self.qemu_env.items())
        return DOMAIN_XML.format(name=self.name, serial=self.serial_path, disks=disks, env=env,
                                 devices=self.devices)

    # -- life ------------------------------------------------------------

    @property
    def domain(self):
        return self.bench.connection.lookupByName(self.name)

    def wait_until_bootable(self):
        """The counter of a boot begins with the second that the guest's clock shows: two boots within
        one second would write the same rounds."""
        while int(time.time()) == self.booted_second:
            time.sleep(0.05)

    def start(self, n_rounds=5):
        """Boot, and see it write."""
        self.wait_until_bootable()
        self.domain.create()
        self.wait_rounds(n_rounds)
        self.booted_second = int(time.time())
        return self

    def pause(self):
        """All requests are drained and flushed when this returns."""
        self.domain.suspend()

    def resume(self):
        self.domain.resume()

    def stop(self):
        """End QEMU with SIGTERM, so that it flushes and closes its images."""
        self.domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)

    def remove(self):
        """End it, whatever state it is in, and forget it; nothing where it is gone."""
        domains = [domain for domain in self.bench.connection.listAllDomains()
                   if domain.name() == self.name]
        if not domains:
            return
        domain, = domains
        persistent = domain.isPersistent()
        if domain.isActive():
            domain.destroy()
        if not persistent:
            return
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                             libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                             libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)

    def state(self):
        return self.domain.state()[0]

    def is_active(self):
        return bool(self.domain.isActive())

    def is_running(self):
        return self.state() == libvirt.VIR_DOMAIN_RUNNING

    def pid(self):
        """QEMU's process id."""
        with open(self.bench.qemu_pid_path(self.name), encoding='ascii') as file:
            return int(file.read())

    # -- what it says ----------------------------------------------------

    def n_rounds(self):
        """Rounds said to be on disk so far (all boots; a refused write is one too)."""
        try:
            return os.stat(self.serial_path).st_size // LINE_BYTES
        except FileNotFoundError:
            return 0

    def wait_rounds(self, n_more, timeout=240):
        """Until it has written n_more rounds from now on."""
        goal = self.n_rounds() + n_more
        filewatch.wait_until(self.serial_path, lambda: self.n_rounds() >= goal, timeout,
                             f"guest {self.name} writes {n_more} rounds")

    # -- chains ----------------------------------------------------------

    def snapshot(self, name=None, targets=None):
        """An external disk-only snapshot with metadata; the layers on top take its name."""
        self.n_snapshots += 1
        name = name or f's{self.n_snapshots}'
        chosen = targets or self.targets
        disks = ''.join(SNAPSHOT_DISK_XML.format(target=target, path=self.path(target, name))
                        for target in chosen)
        disks += ''.join(f"    <disk name='{target}' snapshot='no'/>\n"
                         for target in self.targets if target not in chosen)
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
        if self.is_active():
            flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        self.domain.snapshotCreateXML(SNAPSHOT_XML.format(name=name, disks=disks), flags)
        return name

    def grow(self, n_layers, rounds_each=20):
        """n_layers snapshots while the guest writes, each layer with writes of its own."""
        for _ in range(n_layers):
            self.snapshot()
            self.wait_rounds(rounds_each)

    def chain(self, target='vda', inactive=False):
        """The layers of a disk, top first, from the live (or the inactive) XML."""
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0
        root = ElementTree.fromstring(self.domain.XMLDesc(flags))
        disk = root.find(f"devices/disk/target[@dev='{target}']/..")
        layers, node, driver = [], disk, disk.find('driver')
        while node is not None and node.find('source') is not None:
            source = node.find('source')
            form = driver if node is disk else node.find('format')
            path = source.get('file') or source.get('dev')
            layers.append(Layer(path, form.get('type'), source.get('index')))
            node = node.find('backingStore')
        return layers

    def depth(self, target='vda'):
        return len(self.chain(target))

    def snapshot_names(self):
        return sorted(self.domain.snapshotListNames())

    # -- proof -----------------------------------------------------------

    def dump(self, target, moment='after'):
        """The disk's whole content now, raw, read by qemu-img through the chain."""
        active = self.is_active()
        top = self.chain(target, inactive=not active)[0]
        images.convert(top.path, self.dump_path(target, moment), top.format, 'raw', shared=active)
        return self.dump_path(target, moment)

    def verify(self):
        """Judge all disks (a running guest pauses meanwhile); raise oracle.Lost or say what held.

        A stopped guest's images are also checked by qemu-img.
        """
        running = self.is_running()
        if running:
            self.pause()
        try:
            after = [self.dump(target) for target in self.targets]
            before = [self.dump_path(target, 'before') for target in self.targets]
            verdict = oracle.judge(self.code, oracle.SerialLog.read(self.serial_path), before,
                                   after)
        finally:
            if running:
                self.resume()
        if not self.is_active():
            self.check_images()
        for path in after:
            os.unlink(path)
        return verdict

    def image_files(self, target):
        """The images of a stopped guest's chain, top first, as the images themselves say."""
        path, files = self.chain(target, inactive=True)[0].path, []
        while path:
            files.append(path)
            path = images.info(path, shared=False).get('full-backing-filename')
        return files

    def check_images(self):
        for target in self.targets:
            for path in self.image_files(target):
                report = images.check(path)
                if report.get('corruptions') or report.get('check-errors'):
                    raise oracle.Lost(f'qemu-img check finds {path} broken: {report}')
