"""Malformed messages from a seed: what each is, as bytes of the wire, and what must be the answer."""

from __future__ import annotations

import json
from random import Random

from tests.service.absurd import absurd, command
from tests.service.bad import Bad, Maker, message
from tests.service.raw_socket import BINARY, CONTINUATION, PING, TEXT, frame
from tests.service.wrong_events import VALID, WRONG

CAP_BYTES = 15 * 2**20
"""The protocol's limit for the sound of one append."""

# Not an event


def noise(random: Random) -> Bad:
    letters = '{}[]",:\\ \t\n0123456789abcxyzäß語🙂\u202e\x00\x7f'
    return message('"' + "".join(random.choices(letters, k=random.randrange(200))))


def cut_short(random: Random) -> Bad:
    whole = json.dumps(random.choice(VALID))
    return message(whole[: random.randrange(len(whole))])


def two_at_once(random: Random) -> Bad:
    return message(json.dumps(random.choice(VALID)) * 2)


def no_object(random: Random) -> Bad:
    return message(random.choice(["null", "true", "17", "[]", '"text"', "[{}]", "NaN", "-Infinity", "1e999", ""]))


def too_deep(random: Random) -> Bad:
    deep = random.choice([200, 1_000, 10_000, 100_000])
    opening = random.choice(["[", '{"a":', '{"type":"session.update","session":{"x":'])
    return message(opening * deep)


def deep_inside(random: Random) -> Bad:
    deep = random.choice([300, 3_000, 20_000])
    where = random.choice(['{"type":"session.update","session":%s}', '{"type":"response.create","response":%s}'])
    return message(where % ('{"tools":' * deep + "1" + "}" * deep))


def no_type(random: Random) -> Bad:
    types: list[object] = [None, 7, ["session.update"], {}]
    typeless: list[dict[str, object]] = [{}, {"event_id": "e"}, *({"type": one} for one in types)]
    return message(random.choice(typeless))


def unknown_type(random: Random) -> Bad:
    name = random.choice(["session.destroy", "response.text.delta", "error", "", "session.updated", "x" * 100_000])
    return message({"type": name, "event_id": "e" * random.choice([1, 20_000])})


def wrong_case(random: Random) -> Bad:
    event = dict(random.choice(VALID))
    event["type"] = random.choice([event["type"].upper(), event["type"] + " ", event["type"].replace(".", "/")])
    return message(event)


# Nearly an event


def wrong_types(random: Random) -> Bad:
    return message(random.choice(WRONG))


def bad_base64(random: Random) -> Bad:
    audio = random.choice(
        ["A", "QUJ", "QUJD=", "QU==JD", "????", "QUJD\n", "QU_D", "ÄÖÜ", "🙂", "QUJD" * 300 + "!", "="]
    )
    event = {"type": "input_audio_buffer.append", "audio": audio}
    return message(event if random.random() < 0.5 else {"event_id": "e", **event})


def huge_names(random: Random) -> Bad:
    name = random.choice("aÄ語\x00\n\"'") * random.choice([1_000, 50_000])
    kind, field = random.choice(
        [
            ("conversation.item.retrieve", "item_id"),
            ("conversation.item.delete", "item_id"),
            ("response.cancel", "response_id"),
        ]
    )
    return message({"type": kind, field: name, "event_id": name})


def half_characters(random: Random) -> Bad:
    """Escapes that are no character: JSON readers differ about them, and nothing may break."""
    text = random.choice(['"\\ud800"', '"\\udfff x"', '"\\u0000"', '"a\\ud83d"'])
    return message(f'{{"type":"conversation.item.retrieve","item_id":{text},"event_id":{text}}}')


# Sizes


def giant_append(random: Random) -> Bad:
    size = random.choice([CAP_BYTES, CAP_BYTES - 4, CAP_BYTES // 2])
    return Bad(frame(TEXT, b'{"type":"input_audio_buffer.append","audio":"' + b"A" * size + b'"}'), None)


def append_beyond_the_cap(random: Random) -> Bad:
    return Bad(frame(TEXT, b'{"type":"input_audio_buffer.append","audio":"' + b"A" * (CAP_BYTES + 4) + b'"}'))


def giant_text(random: Random) -> Bad:
    return Bad(frame(TEXT, b'{"type":"conversation.item.retrieve","item_id":"' + b"x" * 2**20 + b'"}'))


def burst(random: Random) -> Bad:
    """Thousands of small events in one write."""
    count = random.choice([500, 8_000])
    return Bad(frame(TEXT, b'{"type":"output_audio_buffer.clear"}') * count, errors=count)


# Frames


def binary(random: Random) -> Bad:
    return Bad(frame(BINARY, random.randbytes(random.choice([0, 1, 960, 5_000]))))


def fragments(random: Random) -> Bad:
    """One wrong event in many pieces, some of them empty, with pings in between."""
    whole = json.dumps(random.choice(WRONG)).encode()
    cuts = sorted(random.choices(range(len(whole) + 1), k=random.choice([1, 5, 400])))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    wire = frame(TEXT, pieces[0], fin=False)
    for piece in pieces[1:-1]:
        wire += frame(CONTINUATION, piece, fin=False)
        if random.random() < 0.05:
            wire += frame(PING, b"?")
    return Bad(wire + frame(CONTINUATION, pieces[-1]))


def pings(random: Random) -> Bad:
    return Bad(frame(PING, random.randbytes(random.randrange(126))) * random.choice([1, 50]), 0)


HARMLESS: list[tuple[int, Maker]] = [
    (6, noise),
    (14, cut_short),
    (3, two_at_once),
    (4, no_object),
    (2, too_deep),
    (2, deep_inside),
    (4, no_type),
    (4, unknown_type),
    (3, wrong_case),
    (20, wrong_types),
    (6, bad_base64),
    (2, huge_names),
    (2, half_characters),
    (20, absurd),
    (6, command),
    (4, binary),
    (3, fragments),
    (2, pings),
]
RARE: list[Maker] = [burst, giant_append, append_beyond_the_cap, giant_text]
