# SPDX-License-Identifier: LGPL-2.1-or-later
"""The TAP stream of this test program: taprunner.py sets it, a case may comment on itself.

What a benchmark has found goes here; `./run bench` prints it.
"""

import os

stream = None


def open_stream():
    """The real standard output for TAP alone; print() and children get standard error."""
    global stream
    stream = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)


def line(text):
    stream.write(text + '\n')
    stream.flush()


def comment(text):
    for row in text.rstrip().splitlines():
        line('# ' + row)
