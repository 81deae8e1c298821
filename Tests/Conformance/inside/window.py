"""A window of one colour, which writes what is typed into it to a file, by the X11 protocol alone:
window.py RRGGBB FILE. It ends with the line."""

import socket
import struct
import sys

color, path = int(sys.argv[1], 16), sys.argv[2]
server = socket.socket(socket.AF_UNIX)
server.connect("/tmp/.X11-unix/X0")


def take(count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = server.recv(count - len(data))
        if not more:
            sys.exit("the display has gone")
        data += more
    return data


server.sendall(struct.pack("<cxHHHHxx", b"l", 11, 0, 0, 0))
ok, length = struct.unpack("<BxxxxxH", take(8))
setup = take(length * 4)
assert ok == 1, setup
base, = struct.unpack_from("<I", setup, 4)
vendor, = struct.unpack_from("<H", setup, 16)
formats, first, last = setup[21], setup[26], setup[27]
root, = struct.unpack_from("<I", setup, 32 + (vendor + 3) // 4 * 4 + 8 * formats)
BACKGROUND, EVENTS, KEY_PRESS = 0x2, 0x800, 0x1
server.sendall(struct.pack(
    "<BBHIIhhHHHHIIII", 1, 0, 10, base, root, 0, 0, 400, 300, 0, 1, 0, BACKGROUND | EVENTS, color,
    KEY_PRESS))
server.sendall(struct.pack("<BxHI", 8, 2, base))
server.sendall(struct.pack("<BxHBBxx", 101, 2, first, last - first + 1))
text, keys, width = "", [], 0
while not text.endswith("\n"):
    event = take(32)
    if event[0] == 0:
        sys.exit(f"X error {event[1]} of request {event[10]}")
    elif event[0] == 1:
        width = event[1]
        count, = struct.unpack_from("<I", event, 4)
        keys = struct.unpack(f"<{count}I", take(count * 4))
    elif event[0] & 0x7F == 2:
        symbol = keys[(event[1] - first) * width]
        text += "\n" if symbol == 0xFF0D else chr(symbol)
with open(path, "w") as file:
    file.write(text)
