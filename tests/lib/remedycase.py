# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test cases whose guests are helped by remedies."""

from .sintercase import SinterCase

INCIDENT = 'org.sinter.Sinter1.Incident'
JOB = 'org.sinter.Sinter1.Job'
OBJECTS = 'org.freedesktop.DBus.ObjectManager'


class RemedyCase(SinterCase):
    def objects(self, interface):
        objects = self.sinter.call('/org/sinter/Sinter1', OBJECTS, 'GetManagedObjects', '()')[0]
        return sorted((one[interface] for one in objects.values() if interface in one),
                      key=lambda one: int(one['Id']))

    def wait_for(self, interface, guest, **wanted):
        """The newest object of the guest, once it has these properties."""
        def look():
            known = [one for one in self.objects(interface) if one['DomainName'] == guest.name]
            if known and all(known[-1][name] == value for name, value in wanted.items()):
                return known[-1]
            return None
        return self.sinter.wait(look, 90, f'{interface} with {wanted}')

    def wait_timeline(self, guest, kind, words):
        def look():
            known = [one for one in self.objects(INCIDENT) if one['DomainName'] == guest.name]
            return known and any(entry[1] == kind and words in entry[2]
                                 for entry in known[-1]['Timeline'])
        self.sinter.wait(look, 90, f'a {kind} with {words!r}')
