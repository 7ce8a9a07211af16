"""Writes storage_format_2.sql: state.db and history.db as format 2 had them, by docs/storage.md of that time and without
our code, so that reading such files stays tested. Needs python3-cryptography.

    python3 tests/unit/storage_format_2.py > tests/unit/storage_format_2.sql
"""
import hashlib
import sqlite3
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET = bytes(range(32))
EPOCH, OLD_EPOCH, HISTORY_EPOCH = 1 << 41, (1 << 41) - 2, (1 << 41) + 1
SALTS = {1: b"the first start.", 2: b"the second start"}
APPLICATION = 0x45465354


def derive(salt, purpose):
    return HKDF(hashes.SHA256(), 32, salt, purpose).derive(SECRET)


def digest(owner, name):
    parts = [struct.pack("<I", len(text)) + text.encode() for text in (owner, name)]
    return hashlib.sha256(b"".join(parts)).digest()[:16]


class Sealer:
    def __init__(self, series):
        self.series, self.count = series, 0
        self.cipher = AESGCM(derive(SALTS[series], b"eyeflow storage"))

    def seal(self, identity, plain):
        self.count += 1
        nonce = struct.pack("<IQ", self.series, self.count)
        return nonce + self.cipher.encrypt(nonce, plain, identity)

    def value(self, epoch, owner, name, plain):
        return self.seal(b"v" + struct.pack("<Q", epoch) + digest(owner, name), plain)

    def row(self, kind, epoch, sequence, time, names, plain):
        return self.seal(kind + struct.pack("<QQq", epoch, sequence, time) + digest(*names), plain)


def make(kind, epoch, epochs):
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript("""
        CREATE TABLE about (number INTEGER PRIMARY KEY, name TEXT, value);
        CREATE TABLE series (number INTEGER PRIMARY KEY, salt BLOB);
        CREATE TABLE epochs (number INTEGER PRIMARY KEY, epoch INTEGER);
        CREATE TABLE names (number INTEGER PRIMARY KEY, owner TEXT, name TEXT);
        CREATE TABLE rows (position INTEGER PRIMARY KEY, names INTEGER, time INTEGER, epoch INTEGER, sequence INTEGER,
          sealed BLOB);""")
    database.execute("INSERT INTO about VALUES (1, 'key', ?)", [derive(None, b"eyeflow device key fingerprint")[:16]])
    database.execute("INSERT INTO about VALUES (2, 'epoch', ?)", [epoch])
    database.executemany("INSERT INTO series VALUES (?,?)", SALTS.items())
    database.executemany("INSERT INTO epochs VALUES (?,?)", enumerate(epochs, 1))
    database.executemany("INSERT INTO names VALUES (?,?,?)", [(n, *names) for n, names in NAMES.items()])
    return database


NAMES = {1: ("m/T1", "log"), 2: ("m/T2", 'log\n[{"name":"n","type":"int","unit":"mm"}]')}


def state():
    database = make("state", EPOCH, [EPOCH, OLD_EPOCH])
    database.executescript("""
        CREATE TABLE slots (number INTEGER PRIMARY KEY, owner TEXT, name TEXT, is_slot INTEGER);
        CREATE TABLE kept (slot INTEGER PRIMARY KEY, sealed BLOB);
        INSERT INTO slots VALUES (1, 'm/T1', 'state:', 1), (2, 'm/T1', 'alarm:hot', 1);""")
    # Two rows of an earlier epoch, 41 and 42, then 4 to 153 of this one, which had dropped 1 to 3; 40 is acknowledged. No rows stand at 90
    # to 99, which a commit that was taken back had used; what stands behind was written by the second start.
    first, second = Sealer(1), Sealer(2)
    position, size = 0, 0
    for epoch, sequence in [(OLD_EPOCH, n) for n in (41, 42)] + [(EPOCH, n) for n in range(4, 154)]:
        position = 100 if position == 89 else position + 1
        name = 1 + sequence % 3 % 2
        text = f'{{"n":{sequence}}}'.encode()
        sealed = (first if position < 90 else second).row(b"o", epoch, sequence, sequence * 1000, NAMES[name], text)
        size += len(sealed)
        database.execute("INSERT INTO rows VALUES (?,?,?,?,?,?)",
                         [position, name, sequence * 1000, 1 if epoch == EPOCH else 2, sequence, sealed])
    progress = struct.pack("<8Q", 7, 154, 152, size, OLD_EPOCH, 40, 2, 1)
    for slot, sealed in [(0, second.value(EPOCH, "", "progress", progress)),
                         (1, first.value(EPOCH, "m/T1", "state:", b"one")),
                         (2, second.value(EPOCH, "m/T1", "alarm:hot", b"raised"))]:
        database.execute("INSERT INTO kept VALUES (?,?)", [slot, sealed])
    return database


def history():
    database = make("history", HISTORY_EPOCH, [HISTORY_EPOCH, EPOCH])
    first, second = Sealer(1), Sealer(2)
    # Rows 1 to 20 of no far side, 21 to 40 that are also in the outbox.
    for position in range(1, 41):
        synced = position > 20
        epoch, sequence = (EPOCH, 1000 + position) if synced else (HISTORY_EPOCH, position)
        name = 1 + position % 2
        sealed = (second if synced else first).row(b"h", epoch, sequence, position * 1000, NAMES[name],
                                                   str(position).encode())
        database.execute("INSERT INTO rows VALUES (?,?,?,?,?,?)",
                         [position, name, position * 1000, 2 if synced else 1, sequence, sealed])
    progress = struct.pack("<6Q", 41, EPOCH, 7, 21, 40, 1)
    database.execute("INSERT INTO about VALUES (3, 'progress', ?)",
                     [second.value(HISTORY_EPOCH, "", "progress", progress)])
    return database


print("-- Written by storage_format_2.py. The device's secret is", SECRET.hex())
for number, (name, database) in enumerate((("state.db", state()), ("history.db", history())), 1):
    print(f"-- {name}\nPRAGMA application_id = {APPLICATION + number};\nPRAGMA user_version = 2;")
    print("\n".join(database.iterdump()))
