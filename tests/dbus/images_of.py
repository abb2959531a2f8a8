# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host that the bus tests look at."""

import json
import os

from lib import images, stage


def fill(place):
    """chain: three layers. plain: one. twin-a, twin-b: on one base. stopped: two, shut off.
    loose: its definition names the top only, the rest is in the images."""
    place.add_domain('chain', ('vda', place.chain('chain.0', 'chain.1', 'chain.2')))
    place.add_domain('plain', ('vda', place.chain('plain.0')))
    base = place.image('base')
    for twin in ('twin-a', 'twin-b'):
        place.add_domain(twin, ('vda', [place.image(twin, 'base'), base]))
    place.add_domain('stopped', ('vda', place.chain('stopped.0', 'stopped.1')), running=False)
    top = place.chain('loose.0', 'loose.1', 'loose.2')[0]
    place.image('loose.other')
    place.hosts.append(bare_xml('loose', top))
    place.write_host()


def leave_incident(place):
    """The record of an incident of an earlier run: its daemon was stopped while it was open."""
    folder = place.path('state', 'sinter', 'incidents')
    os.makedirs(folder, mode=0o700)
    texts = dict.fromkeys(('disk', 'outcome', 'cause', 'layer', 'summary', 'advice'), '')
    record = {'version': 1, 'id': '1', 'domain_uuid': 'of a domain that is gone',
              'domain_name': 'gone', 'first_usec': 1, 'last_usec': 1, 'n_events': 1,
              'paused': False, 'resolved_usec': 0, 'evidence': [], 'timeline': [], **texts}
    with open(os.path.join(folder, '1.json'), 'w', encoding='utf-8') as file:
        json.dump(record, file)


def bare_xml(name, path):
    return (f"<domain type='test'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm"
            "</type></os><devices><disk type='file' device='disk'><driver name='qemu' "
            f"type='qcow2'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk>"
            '</devices></domain>')


def _rebase_loose(place, below):
    images.qemu_img('rebase', '-u', '-F', 'qcow2', '-b', place.path(below), place.path('loose.2'))


def change_loose(place):
    _rebase_loose(place, 'loose.other')


def reset_loose(place):
    _rebase_loose(place, 'loose.1')


class UsualCase(stage.BusCase):
    """That host, watched by the daemon, and a polkit that allows everything."""

    @classmethod
    def stage_up(cls):
        fill(cls.stage)
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.stage.sinterd.start()
