# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host that the bus tests look at."""

from lib import images


def fill(stage):
    """chain: three layers. plain: one. twin-a, twin-b: on one base. stopped: three, shut off.
    loose: its definition names the top only, the rest is in the images."""
    stage.add_domain('chain', ('vda', stage.chain('chain.0', 'chain.1', 'chain.2')))
    stage.add_domain('plain', ('vda', stage.chain('plain.0')))
    base = stage.image('base')
    for twin in ('twin-a', 'twin-b'):
        stage.add_domain(twin, ('vda', [stage.image(twin, 'base'), base]))
    stage.add_domain('stopped', ('vda', stage.chain('stopped.0', 'stopped.1')), running=False)
    top = stage.chain('loose.0', 'loose.1', 'loose.2')[0]
    stage.image('loose.other', 'loose.0')
    stage.hosts.append(bare_xml('loose', top))
    stage.write_host()


def bare_xml(name, path):
    return (f"<domain type='test'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm"
            "</type></os><devices><disk type='file' device='disk'><driver name='qemu' "
            f"type='qcow2'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk>"
            '</devices></domain>')


def _rebase_loose(stage, below):
    images.qemu_img('rebase', '-u', '-F', 'qcow2', '-b', stage.path(below), stage.path('loose.2'))


def change_loose(stage):
    _rebase_loose(stage, 'loose.other')


def reset_loose(stage):
    _rebase_loose(stage, 'loose.1')
