"""The formats of the ledger against published vectors: RFC 6962, 8032, 8785, and the signed notes of C2SP."""

import json
import struct
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonweal.ledger.canonical import canonical
from commonweal.ledger.checkpoint import (
    Checkpoint,
    make_key,
    new_key,
    open_checkpoint,
    open_note,
    read_key,
    sign,
    to_secret,
)
from commonweal.ledger.merkle import consistency, extends, includes, inclusion, leaf, root

# The eight leaves that Certificate Transparency tests with, and the root of the first n of them.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# RFC 8032, section 7.1, tests 1 and 2: secret, public, message, signature
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
        "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
# The key and note that Go's module golang.org/x/mod/sumdb/note documents.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
NUMBERS = {  # RFC 8785, appendix B
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
entries = st.lists(st.binary(max_size=4), max_size=70)


def tree(some):
    return len(some), root([leaf(x) for x in some])


@pytest.mark.parametrize("n", range(9))
def test_the_roots_of_rfc_6962(n):
    assert root([leaf(bytes.fromhex(x)) for x in LEAVES[:n]]).hex() == ROOTS[n]


def test_the_proofs_of_three_leaves_by_hand():
    a, b, c = (leaf(x) for x in (b"a", b"b", b"c"))
    assert inclusion([a, b, c], 0) == [b, c] and inclusion([a, b, c], 2) == [root([a, b])]
    assert consistency([a, b, c], 2) == [c] and consistency([a, b, c], 1) == [b, c]
    assert consistency([a, b, c], 3) == [] == consistency([a, b, c], 0)


@given(entries.filter(bool), st.data())
def test_every_entry_is_proven_and_no_other(some, data):
    i = data.draw(st.integers(0, len(some) - 1))
    proof = inclusion([leaf(x) for x in some], i)
    assert len(proof) <= (len(some) - 1).bit_length()
    assert includes(tree(some), i, some[i], proof)
    assert not includes(tree(some), i, some[i] + b"!", proof)
    assert not includes(tree(some), i, some[i], [*proof, bytes(32)])
    assert not proof or not includes(tree(some), i, some[i], proof[:-1])
    if proof:
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        assert not includes(
            tree(some), i, some[i], [flip(x, bit) if j == at else x for j, x in enumerate(proof)]
        )


@given(entries, st.data())
def test_every_older_tree_is_extended_and_no_other(some, data):
    old = data.draw(st.integers(0, len(some)))
    proof = consistency([leaf(x) for x in some], old)
    assert extends(tree(some[:old]), tree(some), proof)
    assert not extends(tree(some[:old]), tree(some), [*proof, bytes(32)])
    bit = data.draw(st.integers(0, 255))
    assert not extends((old, flip(tree(some[:old])[1], bit)), tree(some), proof)
    if 0 < old < len(some):
        assert not extends(tree(some[:old]), (len(some), flip(tree(some)[1], bit)), proof)
        assert not extends(tree(some[:old]), tree(some), proof[:-1])
        other = [*some[: old - 1], some[old - 1] + b"!", *some[old:]]  # history was rewritten
        assert not extends(tree(some[:old]), tree(other), consistency([leaf(x) for x in other], old))


def flip(data, bit):
    return bytes(x ^ (1 << bit % 8 if i == bit // 8 else 0) for i, x in enumerate(data))


def test_what_is_not_there_is_not_proven():
    with pytest.raises(ValueError, match="entry 3 of a log of 3; wanted 0 to 2"):
        inclusion([bytes(32)] * 3, 3)
    with pytest.raises(ValueError, match="a tree of 3 extends none of 4; wanted 0 to 3"):
        consistency([bytes(32)] * 3, 4)
    assert not extends((4, bytes(32)), (3, bytes(32)), []) and not includes((3, bytes(32)), -1, b"", [])


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_the_numbers_of_rfc_8785(bits, text):
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


def test_the_example_of_rfc_8785():
    data = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(data) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.slow
@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda x: st.lists(x) | st.dictionaries(st.text(), x)))  # fmt: skip
def test_canonical_json_is_json_and_stays_what_it_is(data):
    assert json.loads(canonical(data), parse_int=float) == data
    assert canonical(json.loads(canonical(data))) == canonical(data)


@pytest.mark.parametrize("data", [float("nan"), float("inf"), 2**53 + 1, b"bytes", {1: 2}])
def test_what_has_no_canonical_json_is_refused(data):
    with pytest.raises(ValueError, match="has no canonical JSON; wanted text, finite numbers"):
        canonical(data)


@pytest.mark.parametrize(("secret", "public", "message", "signature"), ED25519)
def test_the_signatures_of_rfc_8032(secret, public, message, signature):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = make_key("rfc8032", bytes.fromhex(secret))
    assert key.public.hex() == public
    signed = Ed25519PrivateKey.from_private_bytes(key.secret).sign(bytes.fromhex(message))
    assert signed.hex() == signature


def test_a_note_of_another_program_opens_here():
    assert open_note(GO_NOTE.encode(), read_key(GO_KEY)).endswith("what your problem is.\n")
    assert str(read_key(GO_SUMDB)) == GO_SUMDB
    with pytest.raises(ValueError, match="is not what PeterNeumann signed"):
        open_note(GO_NOTE.replace("think", "thinK").encode(), read_key(GO_KEY))
    with pytest.raises(
        ValueError, match=r"is signed by PeterNeumann\+c74f20a3; wanted sum.golang.org\+033de0ae"
    ):
        open_note(GO_NOTE.encode(), read_key(GO_SUMDB))


def test_a_checkpoint_as_the_format_has_it():
    key = make_key("example.org/lab", bytes(range(32)))
    note = sign(Checkpoint("example.org/lab/1", 8, bytes.fromhex(ROOTS[8])), key)
    body, _, signatures = note.partition("\n\n")
    assert body.split("\n") == ["example.org/lab/1", "8", "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="]
    assert signatures.startswith("— example.org/lab ") and signatures.endswith("\n")
    assert open_checkpoint(note.encode(), key).size == 8
    witnessed = note + GO_NOTE.split("\n\n")[1]  # others may sign beside it
    assert open_checkpoint(witnessed.encode(), read_key(str(key))) == open_checkpoint(note.encode(), key)
    longer = sign(Checkpoint("example.org/lab/1", 8, bytes(32)), key).replace("\n8\n", "\n08\n")
    with pytest.raises(ValueError, match="is not what example.org/lab signed"):
        open_checkpoint(longer.encode(), key)


def test_a_signature_is_written_in_one_way_only():
    key = make_key("lab", bytes(range(32)))
    note = sign(Checkpoint("lab/1", 8, bytes.fromhex(ROOTS[8])), key)
    same = note[:-3] + chr(ord(note[-3]) + 1) + "=\n"  # differs in bits that base 64 does not use
    assert note.endswith("=\n") and b64decode(same.split(" ")[-1]) == b64decode(note.split(" ")[-1])
    with pytest.raises(ValueError, match="is not 68 bytes in base 64"):
        open_checkpoint(same.encode(), key)


@given(st.data())
def test_a_checkpoint_with_any_bit_flipped_is_rejected(data):
    key = make_key("lab", bytes(range(32)))
    note = sign(Checkpoint("lab/1", 8, bytes.fromhex(ROOTS[8])), key).encode()
    bit = data.draw(st.integers(0, 8 * len(note) - 1))
    with pytest.raises(ValueError):  # noqa: PT011  (which words depends on where it fell)
        open_checkpoint(flip(note, bit), key)


def test_keys_are_kept_apart_and_never_printed(tmp_path):
    key = new_key(tmp_path / "lab.key", "example.org/lab")
    private, public = tmp_path / "lab.key", tmp_path / "lab.key.vkey"
    assert private.stat().st_mode & 0o777 == 0o600
    assert read_key(private.read_text().strip()) == key and private.read_text().startswith("PRIVATE+KEY+")
    assert public.read_text() == f"{key}\n" and read_key(str(key)).secret == b""
    *_, code = to_secret(key).removeprefix("PRIVATE+KEY+").split("+", 2)  # base64 may hold a plus too
    assert len(code) == 44 and code not in repr(key) + str(key) + public.read_text()
    with pytest.raises(FileExistsError):
        new_key(private)
    with pytest.raises(ValueError, match=r"wanted no spaces and no '\+': example.org/lab"):
        new_key(tmp_path / "other", "my lab")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trace.json").write_text("{}")
    with pytest.raises(ValueError, match="which will be given away; wanted a private place"):
        new_key(tmp_path / "run" / "deeper" / "lab.key")


@pytest.mark.parametrize("bad", ["lab", "lab+00000000+AQ==", GO_KEY.replace("c74f", "C74F"), GO_KEY + "\n"])
def test_what_is_no_key_is_refused(bad):
    with pytest.raises(ValueError, match="cannot be read .*; wanted NAME"):
        read_key(bad)
    with pytest.raises(ValueError, match="^a private key cannot be read") as said:
        read_key("PRIVATE+KEY+" + bad)
    assert bad not in str(said.value)
