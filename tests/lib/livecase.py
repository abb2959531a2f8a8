# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of all live tests: one bench for a class, its logs shown when a case fails."""

import sys
import unittest

from .bench import Bench, require


class LiveCase(unittest.TestCase):
    """self.bench is up. Set `with_sinterd = True` in a class to have sinterd up too."""

    with_sinterd = False

    @classmethod
    def setUpClass(cls):
        require()
        cls.bench = Bench(watch_loop=True)
        cls.addClassCleanup(cls.bench.stop)
        cls.bench.start()
        if cls.with_sinterd:
            cls.bench.sinterd.start()

    def run(self, result=None):
        n_before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > n_before:
            print(f'--- logs after {self.id()}\n{self.bench.logs()}', file=sys.stderr)

    def guest(self, name=None, *arguments, **options):
        """A guest that ends with the case. Its name: the case's own unless told."""
        guest = self.bench.guest(name or self.id().rsplit('.', 1)[-1], *arguments, **options)
        self.addCleanup(guest.remove)
        return guest
