"""What happens in each scene: drawn from a seed, written down before anything sounds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.benchmarks.interaction.clips import RATE_HZ, Clip, Half, Line, of_half, onset_s, sound, unchanged
from tests.benchmarks.interaction.rooms import rooms
from tests.benchmarks.interaction.telephone import telephone_band

EVENTS = (
    "interruption",
    "interruption_word",
    "backchannel",
    "backchannel_spontaneous",
    "cough",
    "laugh",
    "side",
    "echo",
    "noise",
    "pause",
)
CONDITIONS = ("clean", "snr20", "snr10", "snr5", "telephone", "loudspeaker")
WANTS_THE_FLOOR = ("interruption", "interruption_word")
SNR_DB = {"snr20": 20.0, "snr10": 10.0, "snr5": 5.0}
BABBLE = "babble"

PERSON_DB = (-32.0, -20.0)
COUGH_PEAK_OVER_DB = (8.0, 20.0)
SIDE_BELOW_DB = (10.0, 22.0)
NOISE_BELOW_DB = (5.0, 20.0)
COUPLING_DB, LOUD_COUPLING_DB = (-30.0, -6.0), (-12.0, -6.0)
PATH_MS, PHONE_PATH_MS = (10.0, 120.0), (80.0, 250.0)

OPENING_AT_S = 0.1
TURN_S, THINKING_S = 0.5, 0.2
EVENT_AFTER_S = (0.6, 2.5)
LONG_S = 4.0
"""How long echo is listened to, and a noise lasts."""
PATIENCE_S = 1.2
"""So long after the end of a sound the assistant may still stop because of it."""
REPLY_S = 12.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One event under one condition. Times in seconds from the beginning, levels in dBFS of the speech.

    `begins_s` is the first sample of the event, `ends_s` its last. `snr_db` None: only the line's own floor. `room` and
    `coupling_db` are the loudspeaker's way to the microphone, None where it is not heard there.
    """

    event: str
    condition: str
    half: Half
    number: int
    seed: int
    voice: str
    opening: Clip
    person_db: float
    source: str
    speaker: str
    clip: Clip | None
    cut_s: tuple[float, float]
    event_db: float
    reply_at_s: float
    begins_s: float
    ends_s: float
    noise: str
    snr_db: float | None
    room: str
    coupling_db: float | None
    path_ms: float
    side_room: str

    @property
    def name(self) -> str:
        return f"{self.event}-{self.condition}-{self.half}-{self.number:03d}"

    @property
    def wants_the_floor(self) -> bool:
        return self.event in WANTS_THE_FLOOR

    @property
    def over_s(self) -> float:
        return self.ends_s + PATIENCE_S


def cells(events: tuple[str, ...] = EVENTS, conditions: tuple[str, ...] = CONDITIONS) -> list[tuple[str, str]]:
    """Event and condition of each cell. A pause under a silent loudspeaker has no echo: that cell would be `clean`."""
    return [(e, c) for e in events for c in conditions if (e, c) != ("pause", "loudspeaker")]


def can_happen(event: str, half: Half) -> bool:
    """Whether that half of the speakers has anybody who does this."""
    return event in ("cough", "echo", "noise") or bool(clips_for(event, half))


def scene(event: str, condition: str, half: Half, number: int, seed: int) -> Scene:
    """The same five give the same scene."""
    random = Random(f"{seed}/{event}/{condition}/{half}/{number}")
    person_db = random.uniform(*PERSON_DB)
    opening = random.choice([clip for clip in of_half(half, "command") if _long_s(clip) < 2.0])
    reply_at_s = OPENING_AT_S + _long_s(opening) + TURN_S + THINKING_S
    begins_s = reply_at_s + random.uniform(*EVENT_AFTER_S)
    phone, loud = condition == "telephone", condition == "loudspeaker"
    clip, cut_s, source, event_db = _event(
        random, event, half, number, person_db, telephone_band if phone else unchanged
    )
    if event == "pause":
        begins_s = OPENING_AT_S + 0.2
    elif event == "echo":
        begins_s = reply_at_s
    hears_itself = loud or event == "echo"
    return Scene(
        event=event,
        condition=condition,
        half=half,
        number=number,
        seed=random.getrandbits(32),
        voice=random.choice(sorted({clip.speaker for clip in of_half(half, "read", "line")})),
        opening=opening,
        person_db=person_db,
        source=source,
        speaker="synthetic" if clip is None else clip.speaker,
        clip=clip,
        cut_s=cut_s,
        event_db=event_db,
        reply_at_s=reply_at_s,
        begins_s=begins_s,
        ends_s=begins_s + cut_s[1] - cut_s[0],
        noise=random.choice((*_steady(half), BABBLE)),
        snr_db=SNR_DB.get(condition),
        room=random.choice(rooms(half)),
        coupling_db=random.uniform(*(LOUD_COUPLING_DB if loud and event == "echo" else COUPLING_DB))
        if hears_itself
        else None,
        path_ms=random.uniform(*(PHONE_PATH_MS if phone else PATH_MS)),
        side_room=random.choice(rooms(half)),
    )


def _event(
    random: Random, event: str, half: Half, number: int, person_db: float, carried: Line
) -> tuple[Clip | None, tuple[float, float], str, float]:
    """The recording, the piece of it, its name, and how loud it is."""
    if event == "cough":
        kind = "throat" if number % 3 == 2 else "cough"
        made = 2 * random.getrandbits(20) + (half == "report")
        peak_db = person_db + random.uniform(*COUGH_PEAK_OVER_DB)
        recorded = clips_for("cough", half)
        if recorded and number % 3 == 1:
            clip = recorded[number // 3 % len(recorded)]
            return clip, (0.0, len(sound(clip.name)) / RATE_HZ), clip.name, peak_db
        return None, (0.0, _made_s(kind, made)), f"{kind} {made}", peak_db
    if event == "echo":
        return None, (0.0, LONG_S), "echo", person_db
    if event == "noise":
        clip = random.choice(of_half(half, "noise"))
        return clip, _piece(random, clip, LONG_S), clip.name, person_db - random.uniform(*NOISE_BELOW_DB)
    clips = clips_for(event, half)
    clip = _next_of(clips, number // 2 + number if event == "pause" else number)
    if event == "side":
        return (
            clip,
            _piece(random, clip, random.uniform(2.0, LONG_S)),
            clip.name,
            person_db - random.uniform(*SIDE_BELOW_DB),
        )
    end_s = clip.spans_s[-1][1] if clip.spans_s else len(sound(clip.name)) / RATE_HZ
    return clip, (onset_s(clip, carried), end_s), clip.name, person_db


def _next_of(clips: tuple[Clip, ...], number: int) -> Clip:
    """Everybody as often as everybody else, each with all their recordings in turn."""
    by_person: dict[str, list[Clip]] = {}
    for clip in clips:
        by_person.setdefault(clip.speaker, []).append(clip)
    turn, who = divmod(number, len(by_person))
    own = list(by_person.values())[who]
    return own[turn % len(own)]


def _made_s(kind: str, seed: int) -> float:
    from tests.benchmarks.interaction import vocal

    return len(vocal.cough(seed) if kind == "cough" else vocal.cleared_throat(seed)) / RATE_HZ


def clips_for(event: str, half: Half) -> tuple[Clip, ...]:
    """The recordings of an event; none where it is made, or where nobody of the half does it."""
    match event:
        case "interruption":
            return of_half(half, "command", "command_far")
        case "interruption_word":
            return of_half(half, "interruption_word")
        case "backchannel":
            return tuple(clip for clip in of_half(half, "backchannel") if not clip.speaker.startswith("ami"))
        case "backchannel_spontaneous":
            return tuple(clip for clip in of_half(half, "backchannel") if clip.speaker.startswith("ami"))
        case "laugh":
            return tuple(clip for clip in of_half(half, "vocal") if clip.text == "laugh")
        case "cough":
            return tuple(clip for clip in of_half(half, "vocal") if clip.text == "cough")
        case "side":
            return of_half(half, "overlap", "dialogue")
        case "pause":
            return tuple(clip for clip in of_half(half, "paused", "digits") if len(clip.spans_s) > 1)
    return ()


def _steady(half: Half) -> tuple[str, ...]:
    """Noises that do not come in bursts."""
    return tuple(clip.name for clip in of_half(half, "noise") if "dog" not in clip.name and "noise2" not in clip.name)


def _piece(random: Random, clip: Clip, longest_s: float) -> tuple[float, float]:
    """A stretch of a long recording that begins where something is heard."""
    length_s = len(sound(clip.name)) / RATE_HZ
    starts = [start for start, end in clip.spans_s if length_s - start >= 1.0 and end - start >= 0.5] or [0.0]
    start_s = random.choice(starts) if clip.spans_s else random.uniform(0, max(0.0, length_s - longest_s))
    return start_s, min(start_s + longest_s, length_s)


def _long_s(clip: Clip) -> float:
    return clip.spans_s[-1][1] - clip.spans_s[0][0]
