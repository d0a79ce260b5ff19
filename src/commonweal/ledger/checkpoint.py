"""Checkpoints: the size and root of a log, signed with Ed25519, in the text formats of C2SP.

Formats: c2sp.org/signed-note (keys and signatures), c2sp.org/tlog-checkpoint (what is signed).
"""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE = "PRIVATE+KEY+"
ED25519 = b"\x01"
DASH = "\u2014 "  # begins a line of signature


def to_text(data: bytes) -> str:
    """Bytes in base 64."""
    return b64encode(data).decode()


def to_bytes(text: str, size: int) -> bytes:
    """What `to_text` wrote, and nothing that only reads the same."""
    data = b64decode(text, validate=True)
    if len(data) != size or to_text(data) != text:
        raise ValueError(f"{text!r} is not {size} bytes in base 64")
    return data


@dataclass(frozen=True)
class Key:
    """An Ed25519 key by its name; as text the verifier key, never the secret."""

    name: str
    public: bytes
    secret: bytes = field(default=b"", repr=False)

    @property
    def id(self) -> bytes:
        """The four bytes by which signatures name the key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self):
        return f"{self.name}+{self.id.hex()}+{to_text(ED25519 + self.public)}"


def make_key(name: str, secret: bytes) -> Key:
    """The key of 32 secret bytes."""
    if not name or "+" in name or "".join(name.split()) != name:
        raise ValueError(f"a key came with the name {name!r}; wanted no spaces and no '+': example.org/lab")
    return Key(name, Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(), secret)


def to_secret(key: Key) -> str:
    """The signer key as text, to be kept private."""
    return f"{PRIVATE}{key.name}+{key.id.hex()}+{to_text(ED25519 + key.secret)}"


def read_key(text: str) -> Key:
    """A key as its text says it, signer or verifier.

    Raises:
        ValueError: it is not the text of a key.
    """
    try:
        name, _, code = text.removeprefix(PRIVATE).split("+", 2)
        data = to_bytes(code, 33)[1:]
        key = make_key(name, data) if text.startswith(PRIVATE) else Key(name, data)
        if text != (to_secret(key) if key.secret else str(key)):
            raise ValueError("its parts do not fit")
    except ValueError as why:
        shown = "a private key" if text.startswith(PRIVATE) else repr(text[:120])
        raise ValueError(f"{shown} cannot be read ({why}); wanted NAME+ID+KEY as new_key writes it") from None
    return key


def load_key(given: str | os.PathLike, private: bool) -> Key:
    """The signer key of a file; or the verifier key of a file, or as text.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it holds no key, or the other half of one.
    """
    plain = isinstance(given, str) and given.count("+") >= 2 and not Path(given).exists()
    if not plain and not Path(given).exists():
        near = get_close_matches(Path(given).name, [one.name for one in _beside(Path(given))], n=1)
        mend = f"wanted {Path(given).with_name(near[0])}, or " if near else ""
        raise FileNotFoundError(
            f"there is no key {given}; {mend}to make one: commonweal seal RUN --key {given} --new-key"
        )
    key = read_key(str(given) if plain else Path(given).read_text("utf-8").removesuffix("\n"))
    if bool(key.secret) != private:
        wanted = "the private half, FILE" if private else "the verifier key, FILE.vkey"
        raise ValueError(
            f"of the key {key.name} came the other half; wanted {wanted} of ledger.new_key('FILE')"
        )
    return key


def _beside(path: Path) -> list[Path]:
    """The files of the folder in which a path lies."""
    return [one for one in path.parent.iterdir() if one.is_file()] if path.parent.is_dir() else []


def new_key(path: str | os.PathLike, name: str = "commonweal") -> Key:
    """Make a key: the private half in a file that only its owner reads, the other in `path`.vkey.

    Raises:
        ValueError: the place is inside a trace or a study, which are given away.
        FileExistsError: there is a key already.
    """
    path = Path(path)
    for home in path.resolve().parents:
        if (home / "trace.json").exists() or (home / "study.json").exists():
            raise ValueError(f"{path} is inside {home}, which will be given away; wanted a private place")
    key = make_key(name, os.urandom(32))
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(to_secret(key) + "\n")
    path.with_name(path.name + ".vkey").write_text(f"{key}\n", "utf-8")
    return key


class Checkpoint(NamedTuple):
    """So many entries of a log, with this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{to_text(self.root)}\n"


def sign(checkpoint: Checkpoint, key: Key) -> str:
    """The checkpoint as a signed note."""
    text = checkpoint.text
    signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(text.encode())
    return f"{text}\n{DASH}{key.name} {to_text(key.id + signature)}\n"


def open_note(note: bytes, key: Key) -> str:
    """The text of a note that the key has signed; other keys' signatures beside it are not looked at.

    Raises:
        ValueError: it is not a signed note, or this key has not signed it.
    """
    text, _, last = note.decode("utf-8").rpartition("\n\n")
    lines = [line.split(" ") for line in last.removesuffix("\n").split("\n")]
    shape = all(len(line) == 3 and line[0] + " " == DASH for line in lines) and last.endswith("\n")
    if not text or not shape or any(c < " " and c != "\n" for c in text + last):
        raise ValueError("is not a signed note: text, an empty line, lines of signature")
    found = [(name, b64decode(code, validate=True), code) for _, name, code in lines]
    mine = [(raw, code) for name, raw, code in found if name == key.name and raw[:4] == key.id]
    if not mine:
        others = ", ".join(f"{name}+{raw[:4].hex()}" for name, raw, _ in found)
        raise ValueError(f"is signed by {others}; wanted {key.name}+{key.id.hex()}")
    for _, code in mine:
        try:
            signature = to_bytes(code, 68)[4:]
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, f"{text}\n".encode())
        except InvalidSignature:
            raise ValueError(f"is not what {key.name} signed") from None
    return f"{text}\n"


def open_checkpoint(note: bytes, key: Key) -> Checkpoint:
    """The checkpoint of a note that the key has signed."""
    origin, size, top, *_ = [*open_note(note, key).split("\n"), "", ""]
    if not origin or not size.isascii() or not size.isdigit() or str(int(size)) != size:
        raise ValueError("is not a checkpoint: origin, size, root")
    return Checkpoint(origin, int(size), to_bytes(top, 32))
