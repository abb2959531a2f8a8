# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test case that shows the logs of what it started when it fails."""

import sys
import unittest


class LoggedCase(unittest.TestCase):
    def logs(self):
        """The text that helps to understand a failure."""
        raise NotImplementedError

    def run(self, result=None):
        n_before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > n_before:
            print(f'--- logs after {self.id()}\n{self.logs()}', file=sys.stderr)
