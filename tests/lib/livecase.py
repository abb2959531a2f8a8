# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of all live tests: one bench for a class, its logs shown when a case fails."""

from .bench import Bench, require
from .loggedcase import LoggedCase


class LiveCase(LoggedCase):
    """self.bench is up. Set `with_sinterd = True` in a class to have sinterd up too, and
    `watch_loop = False` where its speed is measured: the watch of the main loop takes time."""

    with_sinterd = False
    watch_loop = True

    @classmethod
    def setUpClass(cls):
        require()
        cls.bench = Bench(watch_loop=cls.watch_loop)
        cls.addClassCleanup(cls.bench.stop)
        cls.bench.start()
        if cls.with_sinterd:
            cls.bench.sinterd.start()

    def logs(self):
        return self.bench.logs()

    def guest(self, name=None, *arguments, **options):
        """A guest that ends with the case. Its name: the case's own unless told."""
        guest = self.bench.guest(name or self.id().rsplit('.', 1)[-1], *arguments, **options)
        self.addCleanup(guest.remove)
        return guest
