# SPDX-License-Identifier: LGPL-2.1-or-later
"""A message bus of the test's own, with nothing on it but what the test starts."""

import os
import subprocess

from . import namespace

CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''


class Bus:
    """A dbus-daemon; kind is 'session' or 'system' (which only names the variable to set)."""

    def __init__(self, folder, env, kind='session'):
        self.kind, self.env = kind, env
        self.socket = os.path.join(folder, f'{kind}-bus')
        self.config = os.path.join(folder, f'{kind}-bus.conf')
        self.address = f'unix:path={self.socket}'
        self.variable = f'DBUS_{kind.upper()}_BUS_ADDRESS'
        self.process = None

    def start(self):
        """Return when the bus takes connections: it prints its address then."""
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.format(kind=self.kind, socket=self.socket))
        self.process = subprocess.Popen(
            namespace.plain(['dbus-daemon', f'--config-file={self.config}', '--nofork',
                             '--nopidfile', '--print-address=1']),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=self.env)
        if not self.process.stdout.readline().startswith(self.address.encode()):
            raise RuntimeError(f'the private {self.kind} bus did not start')
        return self

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
