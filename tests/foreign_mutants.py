"""What damage and malice make of files of other formats: of bytes, of text, of messages, of archives."""

from __future__ import annotations

import io
import json
import math
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, TypeAlias

from foreign_seeds import Seed

Files: TypeAlias = Mapping[str, bytes]
MOST = 1_000_000
"""Bytes of a file at most, beyond which more time is allowed."""
_PIECES = re.compile(rb'"[^"\n]*"|#[^\n]*|[\w.+-]+|\s+|.', re.DOTALL)
_NUMBERS = ("0", "-1", "1", "2", "3", "7", "65536", "2147483648", "9223372036854775808", "1e308", "nan", "0.1", "-0")
_WORDS = "{ } [ ] < > : , ; = ' # \" name type bottom top dim layer layers -inf 1e400 \\ 0x7fffffff true MAX -99 size=3"
_PARTS = (
    *('"Split"', '"Concat"', '"Reshape"', '"data"', '""', '"x/y/z"', "phase: TRAIN"),
    *("\n[route]\nlayers=-1,-2\n", "\n[shortcut]\nfrom=-3\n", "\n[net]\n", "\n[yolo]\n", "\n[connected]\n"),
)
_TEXTS = (*_WORDS.split(), *_PARTS)
_SIGNS = ("\0", "\x1b[2J", "\u2028", "\x85", "\ufeff", "\r", "\x7f", "é", "\u202e", "\n", "\t", '"', "\\", "{", "#")
_NAMES = ("", "x", "in", "input", "__proto__", "__class__", "../../x", "/etc/passwd", "a\nexpect params = 1", "-> RELU")
_WHOLES = (0, -1, 1, 2, 3, 7, 2**31, 2**31 - 1, 2**62, 2**63 - 1, -(2**63), 65536, 10**6)
_REALS = (0.0, -1.0, 1e308, math.nan, math.inf, -math.inf, 1e-308, 0.5)


def mutant(seed: Seed, random: Random) -> dict[str, bytes]:
    """The files of a network with some damage in one of them, or in each."""
    files = dict(seed.files)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        suffix = random.choice(list(files))
        files[suffix] = _RULES.get(suffix, _bytes)(files[suffix], random)[:MOST]
    if random.random() < 0.01 and len(files) > 1:
        first, second = random.sample(list(files), 2)
        files[first] = files[second]
    return files


def _bytes(data: bytes, random: Random) -> bytes:
    """Bytes that are changed, cut, repeated or taken from elsewhere."""
    if not data:
        return random.randbytes(8)
    at = random.randrange(len(data)) if random.random() < 0.7 else random.randrange(min(len(data), 64))
    length = random.choice((1, 1, 2, 4, 8, 32, 300))
    match random.randrange(7):
        case 0:
            return data[:at] + data[at + length :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at : at + length] * random.choice((2, 3, 200)) + data[at + length :]
        case 3:
            other = random.randrange(len(data))
            return data[:at] + data[other : other + length] + data[at + length :]
        case 4:
            value = random.choice(_WHOLES)
            new = random.choice((struct.pack("<q", value), struct.pack("<i", value % 2**31), b"\xff" * 9 + b"\1"))
            return data[:at] + new + data[at + len(new) :]
        case 5:
            return data[:at] + random.randbytes(length) + data[at + length :]
        case _:
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _text(data: bytes, random: Random) -> bytes:
    """Tokens, numbers, lines or sections that are changed, left out, doubled, moved or made equal."""
    kind = random.randrange(10)
    if kind == 0:
        return _bytes(data, random)
    if kind == 1:
        at, sign = random.randrange(len(data) + 1), random.choice(_SIGNS).encode()
        return data[:at] + sign * random.choice((1, 1, 3, 5000)) + data[at:]
    split = rb"[^\n]*\n|[^\n]+" if kind < 4 else rb"(?:layers?\s*\{|\[)[^[]*?\n(?=layer|\[|$)|[^\n]*\n|[^\n]+"
    pieces = re.findall(split, data) if kind < 6 else _PIECES.findall(data)
    if not pieces:
        return b"layer { " * random.choice((1, 50, 3000))
    at, length = random.randrange(len(pieces)), random.choice((1, 1, 1, 2, 4, 12))
    if kind < 6:
        return b"".join(_rearranged(pieces, at, length, random))
    numbers = [place for place, one in enumerate(pieces) if re.fullmatch(rb"-?[\d.]+", one)]
    words = [place for place, one in enumerate(pieces) if re.fullmatch(rb'"[^"]*"|[a-z_]\w*', one)]
    if kind < 8 and numbers:
        pieces[random.choice(numbers)] = random.choice(_NUMBERS).encode()
    elif kind == 8 and words:
        pieces[random.choice(words)] = pieces[random.choice(words)]
    elif random.random() < 0.5:
        pieces[at : at + random.randrange(2)] = [b" ", random.choice(_TEXTS).encode(), b" "]
    else:
        pieces = _rearranged(pieces, at, length, random)
    return b"".join(pieces)


def _rearranged(pieces: Sequence[Any], at: int, length: int, random: Random) -> list[Any]:
    """Pieces of which some are left out, repeated, swapped or moved."""
    found = list(pieces)
    other = random.randrange(len(found))
    match random.randrange(4):
        case 0:
            found[at : at + length] = []
        case 1:
            found[at:at] = found[at : at + length] * random.choice((1, 1, 2, 20, 200))
        case 2:
            found[at], found[other] = found[other], found[at]
        case _:
            part = found[at : at + length]
            found[at : at + length] = []
            found[other:other] = part
    return found


# ONNX: messages, through protobuf's own interface


def _model(data: bytes, random: Random) -> bytes:
    """A model with a field of a message changed; or its bytes, where it is none any more."""
    from importlib import import_module

    onnx: Any = import_module("onnx")
    if random.random() < 0.15:
        return _bytes(data, random)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        model = onnx.ModelProto()
        try:
            model.ParseFromString(data)
        except Exception:
            return _bytes(data, random)
        messages = [model.graph]
        for one in messages:
            for field, value in one.ListFields():
                if field.type == field.TYPE_MESSAGE:
                    messages += value if _repeated(field) else [value]
        names = [name for node in model.graph.node for name in (*node.input, *node.output)] or [""]
        with suppress(UnicodeError):  # of bytes that are no text
            _message(random.choice(messages), messages, names, random)
        data = model.SerializeToString()
    return data


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _message(message: Any, messages: Sequence[Any], names: Sequence[str], random: Random) -> None:
    """Change one field, of those that are there or any."""
    there = [field for field, _ in message.ListFields()]
    field = random.choice(there if there and random.random() < 0.85 else message.DESCRIPTOR.fields)
    if random.random() < 0.1:
        message.ClearField(field.name)
        return
    alike = [one for one in messages if field.message_type == one.DESCRIPTOR]
    if not _repeated(field):
        if field.type == field.TYPE_MESSAGE:
            if alike:
                getattr(message, field.name).CopyFrom(_copied(random.choice(alike)))  # it may be around it
        else:
            setattr(message, field.name, _scalar(field, names, random))
        return
    values, inner = getattr(message, field.name), field.type == field.TYPE_MESSAGE
    several = [_copied(one) for one in values] if inner else list(values)
    if several and random.random() < 0.5:
        at = random.randrange(len(several))
        several = _rearranged(several, at, random.choice((1, 1, 2)), random)[:20_000]
    elif inner:
        several += [_copied(one) for one in random.sample(alike, min(1, len(alike)))]
    elif several and random.random() < 0.8:
        several[random.randrange(len(several))] = _scalar(field, names, random)
    else:
        several += [_scalar(field, names, random)] * random.choice((1, 1, 4, 100))
    message.ClearField(field.name)
    values.extend(several)


def _copied(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


def _scalar(field: Any, names: Sequence[str], random: Random) -> Any:
    if field.enum_type is not None:
        return random.choice([value.number for value in field.enum_type.values])
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return random.choice(_REALS)
    if field.type == field.TYPE_BYTES:
        return random.choice((b"", b"\xff", random.randbytes(16), b"nearest", b"\0" * 4))
    if field.type == field.TYPE_STRING:
        return _name(names, random)
    value = random.choice(_WHOLES)
    if field.type in (field.TYPE_INT32,):
        return value if -(2**31) <= value < 2**31 else 2**31 - 1
    return abs(value) if field.type in (field.TYPE_UINT64, field.TYPE_UINT32) else value


def _name(names: Sequence[str], random: Random) -> str:
    """A name that stands elsewhere, or one that nobody has thought of."""
    if random.random() < 0.6:
        return random.choice(names)
    if random.random() < 0.5:
        return random.choice(_NAMES)
    return random.choice(names) + random.choice(_SIGNS)


# .pt2: archives of JSON and of bytes


def _archive(data: bytes, random: Random) -> bytes:
    """An archive with a member changed, or left out, renamed, deflated, pickled; or its own bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return _bytes(data, random)
    if random.random() < 0.08 or not members:
        return _bytes(data, random)
    described = [name for name in members if name.endswith(".json")]
    name = random.choice(list(members))
    deflated = random.random() < 0.2
    if described and random.random() < 0.85:
        name = random.choice([*described, *[one for one in described if "models/" in one] * 4])
        members[name] = _description(members[name], random)
    else:
        match random.randrange(6):
            case 0:
                del members[name]
            case 1:
                members[random.choice(("/x", "../../x", "a/b", name + "\0", name.upper(), "x"))] = members.pop(name)
            case 2:
                members[name] = pickle.dumps(_Trap())
            case 3:
                members[name], deflated = bytes(random.choice((10**6, 10**8))), True
            case 4:
                members[name] = (b"[" if random.random() < 0.5 else b'{"a":') * random.choice((100, 10**5))
            case _:
                members[name] = _bytes(members[name], random)
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as target:
        for one, value in members.items():
            target.writestr(one, value)
    packed = found.getvalue()
    if random.random() < 0.03 and (at := packed.rfind(b"PK\1\2")) > 0:  # sizes that a directory says
        place = at + random.choice((16, 20, 24, 42))
        packed = packed[:place] + struct.pack("<I", random.choice((0, 2**31, 2**32 - 2))) + packed[place + 4 :]
    return packed


class _Trap:
    """What says so when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemError('a pickle was read')",)


def _description(data: bytes, random: Random) -> bytes:
    """A JSON with a value, a key or an element changed; or its text."""
    if random.random() < 0.15:
        return _bytes(data, random)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return _bytes(data, random)
    places: list[tuple[Any, Any]] = []
    open_ = [said]
    for one in open_:
        keys = one.keys() if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        places += [(one, key) for key in keys]
        open_ += [one[key] for key in keys if isinstance(one[key], dict | list)]
    for _ in range(random.choice((1, 1, 1, 2, 4, 10))):
        if places:
            _place(*random.choice(places), places, random)
    text = json.dumps(said)
    if random.random() < 0.02:  # a key that stands twice, and a number of no end
        text = text.replace('"as_int": ', '"as_int": 1' + "0" * random.choice((1, 30, 5000)), 1)
    return text.encode()


def _place(inside: Any, key: Any, places: Sequence[tuple[Any, Any]], random: Random) -> None:
    """Change a value in an object or a list of a description."""
    if key not in inside if isinstance(inside, dict) else key >= len(inside):
        return
    before = inside[key]
    match random.randrange(8):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, list):
            inside[:] = _rearranged(inside, key, random.choice((1, 1, 2)), random)[:5000]
        case 2 if isinstance(inside, dict):
            inside[random.choice(("as_int", "as_none", "as_tensor", "as_ints", "x"))] = inside.pop(key)
        case 3 | 4:  # a value of the same kind that stands elsewhere
            alike = [one[at] for one, at in random.sample(places, min(60, len(places))) if _there(one, at)]
            alike = [one for one in alike if isinstance(one, type(before))]
            inside[key] = json.loads(json.dumps(random.choice(alike))) if alike else None
        case _:
            if isinstance(before, bool):
                inside[key] = not before
            elif isinstance(before, str):
                inside[key] = random.choice((*_NAMES, before + random.choice(_SIGNS), "nan", "torch.ops.aten.relu"))
            else:
                inside[key] = random.choice((*_WHOLES, *_REALS, 2**70, "", None, [], {}, [[]], True, "x"))


def _there(inside: Any, key: Any) -> bool:
    return key in inside if isinstance(inside, dict) else key < len(inside)


_RULES: Mapping[str, Callable[[bytes, Random], bytes]] = {
    ".prototxt": _text,
    ".cfg": _text,
    ".onnx": _model,
    ".pt2": _archive,
}
