# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file in memory that keeps only the pages that were written.

What was never written reads as zeros, up to `size` and beyond. save() leaves
holes where no page is, so an image that claims terabytes costs kilobytes.
"""

import os

PAGE = 4096


class SparseBytes:
    def __init__(self):
        self.pages = {}
        self.size = 0

    @classmethod
    def load(cls, path):
        """A file of the host, holes left out."""
        self = cls()
        with open(path, 'rb') as file:
            self.size = os.fstat(file.fileno()).st_size
            for start, end in data_ranges(file.fileno(), self.size):
                file.seek(start)
                for at in range(start, end, PAGE):
                    page = file.read(min(PAGE, end - at))
                    if page.count(0) != len(page):
                        self.write(at, page)
        return self

    def copy(self):
        twin = SparseBytes()
        twin.size = self.size
        twin.pages = {number: bytearray(page) for number, page in self.pages.items()}
        return twin

    def read(self, offset, length):
        parts = []
        while length > 0:
            number, skip = divmod(offset, PAGE)
            n = min(length, PAGE - skip)
            page = self.pages.get(number)
            parts.append(bytes(page[skip:skip + n]) if page else bytes(n))
            offset += n
            length -= n
        return b''.join(parts)

    def write(self, offset, data):
        data = memoryview(bytes(data))
        self.size = max(self.size, offset + len(data))
        while data:
            number, skip = divmod(offset, PAGE)
            n = min(len(data), PAGE - skip)
            page = self.pages.setdefault(number, bytearray(PAGE))
            page[skip:skip + n] = data[:n]
            offset += n
            data = data[n:]

    def truncate(self, size):
        """Cuts or grows; what is cut is gone, also when the file grows again."""
        for number in [n for n in self.pages if n * PAGE >= size]:
            del self.pages[number]
        number, keep = divmod(size, PAGE)
        if number in self.pages:
            self.pages[number][keep:] = bytes(PAGE - keep)
        self.size = size

    def get(self, offset, width):
        """The big-endian number of `width` bytes at `offset`."""
        return int.from_bytes(self.read(offset, width), 'big')

    def put(self, offset, width, value):
        self.write(offset, value.to_bytes(width, 'big'))

    def save(self, path):
        with open(path, 'wb') as file:
            for start, data in self.runs():
                os.pwrite(file.fileno(), data, start)
            file.truncate(self.size)

    def runs(self):
        """(offset, bytes) of neighbouring pages together, cut at the file's end."""
        numbers = sorted(self.pages)
        begin = 0
        for i, number in enumerate(numbers):
            if i + 1 < len(numbers) and numbers[i + 1] == number + 1:
                continue
            start = numbers[begin] * PAGE
            data = b''.join(self.pages[n] for n in numbers[begin:i + 1])
            yield start, data[:self.size - start]
            begin = i + 1


def data_ranges(fd, size):
    """The parts of an open file that are no holes."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start - start % PAGE, at
