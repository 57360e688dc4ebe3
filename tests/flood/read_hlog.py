"""Read a log as HdrHistogram's documents describe it: for each tag its name, the
sum of its intervals in microseconds, the largest maximum in ns, and the slots
that hold values, as LOWEST_VALUE:COUNT.
"""
import base64
import struct
import sys
import zlib


def numbers(data):
    """Zigzag varints of seven bits a byte, and of eight in the ninth."""
    at = 0
    while at < len(data):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            last = shift == 56
            value |= (byte if last else byte & 127) << shift
            shift += 7
            if last or byte < 128:
                break
        yield value >> 1 ^ -(value & 1)


def lowest_value(slot):
    shift = max(slot // 1024 - 1, 0)
    return slot - 1024 * shift << shift


def slots(text):
    cookie, length = struct.unpack_from(">II", packed := base64.b64decode(text, validate=True))
    assert (cookie, length) == (0x1C849314, len(packed) - 8)
    data = zlib.decompress(packed[8:])
    cookie, length, offset, digits, lowest, highest, ratio = struct.unpack_from(">IIIIQQd", data)
    assert (cookie, length, offset, digits) == (0x1C849313, len(data) - 40, 0, 3)
    assert (lowest, highest, ratio) == (1, 2**42 - 1, 1.0)
    slot = 0
    for number in numbers(data[40:]):
        if number > 0:
            yield lowest_value(slot), number
        slot += 1 if number > 0 else -number


sums = {}
for line in open(sys.argv[1], encoding="ascii"):
    if line[0] in '#"':
        continue
    fields = line.rstrip("\n").split(",")
    tag = fields.pop(0).removeprefix("Tag=") if line.startswith("Tag=") else "-"
    start, length, maximum, text = fields
    tagged = sums.setdefault(tag, [0, 0, {}])
    tagged[0] += round(float(length) * 1e6)
    tagged[1] = max(tagged[1], round(float(maximum) * 1e6))
    for value, count in slots(text):
        tagged[2][value] = tagged[2].get(value, 0) + count
for tag, (length, maximum, counts) in sums.items():
    print(tag, length, maximum, *(f"{v}:{n}" for v, n in sorted(counts.items())))
