#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demonstration: a chain of snapshots becomes one image while its machine writes to it.

Everything lives below a private folder and ends with this program: its own
libvirtd, message bus, sinterd and virtual machine (emulated: no KVM).
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import namespace  # noqa: E402
from lib.bench import Bench  # noqa: E402
from lib.guest import MIB  # noqa: E402
from lib.guestcode import GuestCode  # noqa: E402

N_SNAPSHOTS = 7
ROUNDS_EACH = 80
BANDWIDTH = '8M'
CODE = GuestCode(n_slots=1024, sectors_per_write=64, pause_usec=10000)


def heading(text):
    print(f'\n=== {text}', flush=True)


def tell(text):
    print(f'    {text}', flush=True)


def boot(bench):
    heading('A virtual machine that writes without pause')
    guest = bench.guest('demo', CODE, size_mib=128).start(n_rounds=1)
    n_before, started = guest.n_rounds(), time.monotonic()
    guest.wait_rounds(100)
    rate = (guest.n_rounds() - n_before) / (time.monotonic() - started)
    tell(f'{guest.name}: {rate:.0f} writes a second of '
         f'{CODE.sectors_per_write * 512 // 1024} KiB, each with a pattern of its own')
    return guest


def grow(guest):
    heading(f'{N_SNAPSHOTS} snapshots are taken while it writes')
    for _ in range(N_SNAPSHOTS):
        name = guest.snapshot()
        guest.wait_rounds(ROUNDS_EACH)
        tell(f'snapshot {name}; the guest has written {guest.n_rounds()} times')


def show_chain(bench, guest):
    bench.show_sinter('chain', guest.name)


def consolidate(bench, guest):
    heading('sinter fuses the chain, live')
    tell(f'(limited to {BANDWIDTH} bytes a second, so that there is something to see)')
    n_before = guest.n_rounds()
    bench.show_sinter('consolidate', guest.name, '--wait', '--verbose', '--bandwidth', BANDWIDTH)
    tell(f'meanwhile the guest wrote {guest.n_rounds() - n_before} times')


def prove(guest):
    heading('Is every byte there that the guest wrote?')
    guest.wait_rounds(20)
    if guest.depth() != 1:
        raise AssertionError(f'the chain still has {guest.depth()} layers')
    guest.stop()
    verdict = guest.verify()
    if verdict.n_boots != 1 or verdict.n_refusals:
        raise AssertionError(f'the guest did not run undisturbed: {verdict}')
    tell(f'{verdict.n_acknowledged} writes that the disk acknowledged: none lost, torn or aged')
    tell(f'{verdict.n_bytes_compared // MIB} MiB of disk content, read by qemu-img: '
         'each byte is what it must be')
    tell('the guest ran all the time: one boot, no write refused')


def run(bench):
    heading('A private host: libvirtd, a message bus, sinterd')
    bench.start()
    bench.sinterd.start()
    tell(f'all of it below {bench.root}, as user {os.getuid()}, without KVM')
    guest = boot(bench)
    grow(guest)
    heading('The chain before')
    show_chain(bench, guest)
    consolidate(bench, guest)
    heading('The chain after')
    show_chain(bench, guest)
    prove(guest)


def main():
    namespace.enter()
    started = time.monotonic()
    bench = Bench()
    try:
        run(bench)
    except Exception as error:
        print(f'\ndemo: {error}\n{bench.logs()}', file=sys.stderr)
        return 1
    finally:
        bench.stop()
    heading(f'Done and cleaned up after {time.monotonic() - started:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
