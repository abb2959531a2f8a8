# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of QEMU's that have an image open: a virtual machine that runs or is paused, and the
servers. Each is a context manager; `who` is how the engine must name it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

QEMU = shutil.which("qemu-system-x86_64")
QEMU_NBD = shutil.which("qemu-nbd")
STORAGE_DAEMON = shutil.which("qemu-storage-daemon")
START_SEC = 60


class Holder:
    """Started in a folder of its own for sockets; up when `with` is entered."""

    def __init__(self, folder, image, image_format="qcow2", writes=True):
        self.folder, self.image, self.format, self.writes = folder, image, image_format, writes
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, argv):
        with open(self.path("holder.log"), "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def connect(self, name):
        """A socket that the program listens on; it may take a while to come up."""
        end = time.monotonic() + START_SEC
        link = socket.socket(socket.AF_UNIX)
        while True:
            try:
                link.connect(self.path(name))
                return link
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    link.close()
                    with open(self.path("holder.log"), encoding="utf-8") as log:
                        raise AssertionError(f"{type(self).__name__}: {log.read()}") from None
                time.sleep(0.02)

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for name in ("qmp", "nbd"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name))


class Monitor:
    """QMP, as far as these tests need it."""

    def __init__(self, link):
        self.file = link.makefile("rwb")
        link.close()
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "error" in answer:
                raise AssertionError(answer)
            if "return" in answer:
                return answer["return"]
        raise AssertionError(f"no answer to {command}")

    def close(self):
        self.file.close()


class RunningVM(Holder):
    """A machine without a system: its firmware runs, its disk is open."""

    def __enter__(self):
        drive = f"file={self.image},format={self.format},if=none,id=disk"
        self.start([QEMU, "-machine", "pc,accel=tcg", "-m", "16", "-display", "none", "-nodefaults",
                    "-name", "guest=web1", "-qmp", f"unix:{self.path('qmp')},server=on,wait=off",
                    "-drive", drive + ("" if self.writes else ",readonly=on"),
                    "-device", "virtio-blk-pci,drive=disk"])
        self.monitor = Monitor(self.connect("qmp"))
        self.prepare()
        return self

    def prepare(self):
        assert self.monitor.ask("query-status")["running"]

    def __exit__(self, *_):
        self.monitor.close()
        super().__exit__()

    @property
    def who(self):
        return f"process {self.process.pid} (qemu-system-x86), domain 'web1'"


class PausedVM(RunningVM):
    def prepare(self):
        self.monitor.ask("stop")
        assert not self.monitor.ask("query-status")["running"]


class NbdServer(Holder):
    def __enter__(self):
        self.start([QEMU_NBD, "--persistent", "-k", self.path("nbd"), "-f", self.format,
                    *([] if self.writes else ["-r"]), self.image])
        self.connect("nbd").close()
        return self

    @property
    def who(self):
        return f"process {self.process.pid} (qemu-nbd)"


class StorageDaemon(Holder):
    def __enter__(self):
        flag = "on" if self.writes else "off"
        read_only = "off" if self.writes else "on"
        self.start([STORAGE_DAEMON, "--blockdev",
                    f"driver=file,node-name=file,filename={self.image},read-only={read_only}",
                    "--blockdev",
                    f"driver={self.format},node-name=disk,file=file,read-only={read_only}",
                    "--nbd-server", f"addr.type=unix,addr.path={self.path('nbd')}",
                    "--export", f"type=nbd,id=e,node-name=disk,writable={flag}"])
        self.connect("nbd").close()
        return self

    @property
    def who(self):
        return f"process {self.process.pid} (qemu-storage-da)"


ALL = [kind for kind, program in ((RunningVM, QEMU), (PausedVM, QEMU), (NbdServer, QEMU_NBD),
                                  (StorageDaemon, STORAGE_DAEMON)) if program]
