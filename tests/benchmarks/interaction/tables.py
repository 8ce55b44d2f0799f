"""The panel's figures for people: in the terminal, and as the published page."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.interaction.clips import Half
from tests.benchmarks.interaction.scenes import CONDITIONS, EVENTS, WANTS_THE_FLOOR

Form = Callable[[dict[str, float], str], str]

RATES = (
    ("yield_rate", "yields when interrupted"),
    ("selectivity_backchannel", "ignores a backchannel, prompted words"),
    ("selectivity_backchannel_spontaneous", "ignores a backchannel, spontaneous"),
    ("selectivity_cough", "ignores coughs, throat sounds, laughs"),
    ("selectivity_laugh", "ignores laughs (recorded)"),
    ("selectivity_side", "ignores talk to somebody else"),
    ("selectivity_echo", "ignores its own echo"),
    ("selectivity_noise", "ignores noise"),
    ("agent_interrupts_rate", "interrupts the person in a pause"),
)
TIMES = (
    ("duck_p50_ms", "onset → turned down (9 dB, 18 dB or silent) p50, ms"),
    ("duck_p95_ms", "onset → turned down (9 dB, 18 dB or silent) p95, ms"),
    ("firm_p50_ms", "onset → turned down by 18 dB, or silent, p50, ms"),
    ("firm_p95_ms", "onset → turned down by 18 dB, or silent, p95, ms"),
    ("yield_p50_ms", "onset → silent p50, ms"),
    ("stop_p95_ms", "onset → silent p95, ms"),
    ("restore_p95_ms", "turned down by 18 dB for nothing p95, ms"),
    ("response_p50_ms", "end of turn → reply heard p50, ms"),
    ("response_p95_ms", "end of turn → reply heard p95, ms"),
)
COUNTS = (
    ("self_interruptions", "stopped by its own echo"),
    ("stopped_before_anything", "stopped before anything happened"),
    ("split_turns_rate", "turns split in a pause"),
)
FOR_NOTHING = (
    ("backchannel", "a backchannel, prompted words"),
    ("backchannel_spontaneous", "a backchannel, spontaneous"),
    ("cough", "coughs, throat sounds, laughs"),
    ("laugh", "laughs (recorded)"),
    ("side", "talk to somebody else"),
    ("echo", "its own echo, in four seconds"),
    ("noise", "noise that sets in"),
)
POLICIES = (("ours", ""), ("with words", "recognising."), ("at once", "at_once."))
TITLES = {
    "clean": "clean",
    "snr20": "20 dB",
    "snr10": "10 dB",
    "snr5": "5 dB",
    "telephone": "telephone",
    "loudspeaker": "loudspeaker",
}
WHAT = {
    "interruption": "commands and questions, spoken to a device (recorded)",
    "interruption_word": "one word (stop, no, go, on, off), read from a prompt (recorded)",
    "backchannel": "one word (yes, right, wow), read from a prompt (recorded)",
    "backchannel_spontaneous": "'kay, hmm: one man in a meeting (recorded)",
    "cough": "coughs, every third recorded, and every third time a cleared throat (else synthetic)",
    "laugh": "laughs that somebody acted, or gave for a test (recorded)",
    "side": "people in a meeting or on the telephone, 10-22 dB softer, through a room (recorded)",
    "echo": "the assistant's own voice through a room, -30 to -6 dB",
    "noise": "a noise that sets in, 5-20 dB below the person's voice (recorded and synthetic)",
    "pause": "a sentence or a number with a pause in it (recorded, most pauses spliced in)",
}

NOTES = (
    "* Laughs are six recordings of two men, one of whom acts; spontaneous murmurs three recordings of one man. Their "
    "rows are hints.",
    "* Of single words those are missed that are like an acknowledgement until they are over.",
    "* In babble at 5 dB six meetings speak at once, of which single voices stand out.",
    "* A self-interruption is counted in four seconds of a reply through the loudspeaker at up to -6 dB: the first "
    "reply of the conversation, with nothing known of the room and no canceller in the way.",
    "* How long to wait in a pause was chosen on the tuned half, where people pause for up to 1.28 s. Who waits less "
    "answers sooner and interrupts more.",
    "* Most of those for whom the assistant is turned down late begin softly in a noisy room. That a sound sets in is "
    "noticed before anybody knows what it is, so it turns the assistant down by 9 dB only, and so do doors; not on "
    "telephony carriers, where turning down is heard as a break.",
    "* Everybody is heard as often as everybody else. It was not so before November 2026: two of three commands were "
    "one man's, recorded across a room (s2p-1), and with the same rules .965 of the interruptions were yielded to, "
    "the slowest twentieth after 896 ms.",
    "* The networks that judge learned from the other half only; `docs/decisions/007` says how. Their thresholds were "
    "chosen there, with people whom networks of their kind had not heard. This half was looked at sixteen times "
    "besides: once led to the threshold for words that are over, once to lessons with laughs and murmurs in people's "
    "own voices, once to a search for a fault in the measure of echo, found and mended on the other half, once to "
    "three networks instead of one, once to more lessons and lower thresholds, once to how a voice that is gone is "
    "compared with our own and to more doubt at the beginning of a reply, once to everybody being heard as often, "
    "once to words that count for less (chosen on the other half), once to a hush that comes a little easier (by the "
    "other half's curve), once to what counts of a voice before it was heard, and six times to nothing, or to what was "
    "tried being refused.",
)


def rows(figures: dict[str, float]) -> list[tuple[str, str]]:
    """Pooled scores first, then one row for each event with its conditions."""
    found = [(label, _each(figures, key, _share)) for key, label in RATES]
    found += [(label, _each(figures, key, _whole)) for key, label in TIMES]
    found += [(label, _each(figures, key, _plain)) for key, label in COUNTS]
    for event in EVENTS:
        score = score_of(event)
        found.append((f"{event}, {score}", _by_condition(figures, event, score)))
    return [(label, value) for label, value in found if value]


def score_of(event: str) -> str:
    """The score by which a cell of this event is judged."""
    if event in WANTS_THE_FLOOR:
        return "yield_rate"
    return "agent_interrupts_rate" if event == "pause" else "selectivity"


def page(figures: dict[str, float], half: Half, seed: int) -> str:
    """`docs/reference/interaction.md`."""
    from tests.benchmarks.interaction import METHOD

    shown = {title: prefix for title, prefix in POLICIES if f"{prefix}yield_rate" in figures}
    lines = [
        "# Who yields to whom",
        "",
        "Written by `python -m tests.benchmarks interaction --markdown docs/reference/interaction.md`; the same seed "
        "gives the same table.",
        "",
        METHOD,
        "",
        f"Seed {seed}, {_events_in_a_cell(figures)} events in a cell. {_people(half)}",
        "",
        "## All conditions together",
        "",
        f"| score | {' | '.join(shown)} |",
        f"|---|{'---|' * len(shown)}",
    ]
    for table, form in ((RATES, _share), (TIMES, _whole), (COUNTS, _plain)):
        for key, label in table:
            values = [_one(figures, prefix + key, form) for prefix in shown.values()]
            if any(values):
                lines.append(f"| {label} | {' | '.join(value or '–' for value in values)} |")
    lines += ["", "## Turned down for what is no interruption", "", *_for_nothing(figures)]
    for title, prefix in shown.items():
        lines += ["", f"## Cell by cell: {title}", "", *_cells(figures, prefix)]
    lines += ["", "## Commands, person by person", "", *_people_rows(figures)]
    lines += ["", "## What the events are", "", "| event | what it is | speakers |", "|---|---|---|"]
    lines += [f"| {event} | {WHAT[event]} | {_speakers(event, half)} |" for event in EVENTS]
    return "\n".join([*lines, "", "## What to make of it", "", *NOTES, ""])


def _events_in_a_cell(figures: dict[str, float]) -> str:
    counts = sorted({int(value) for key, value in figures.items() if key.endswith(".events")})
    return "–".join(dict.fromkeys((str(counts[0]), str(counts[-1])))) if counts else "no"


def _cells(figures: dict[str, float], prefix: str) -> list[str]:
    lines = ["| event | score | " + " | ".join(TITLES.values()) + " |", "|---|---|" + "---|" * len(TITLES)]
    for event in EVENTS:
        score = score_of(event)
        keys = [f"{prefix}cell.{event}.{condition}.{score}" for condition in CONDITIONS]
        if any(key in figures for key in keys):
            lines.append(f"| {event} | {score} | {' | '.join(_one(figures, key, _share) or '–' for key in keys)} |")
        if event in WANTS_THE_FLOOR:
            for time in ("duck_p95_ms", "yield_p50_ms", "stop_p95_ms"):
                cells = [_one(figures, f"{prefix}cell.{event}.{c}.{time}", _whole) or "–" for c in CONDITIONS]
                lines.append(f"| {event} | {time} | {' | '.join(cells)} |")
    return lines


def _for_nothing(figures: dict[str, float]) -> list[str]:
    lines = ["| event | by 9 dB for 0.3 s | by 18 dB until it is known |", "|---|---|---|"]
    for event, label in FOR_NOTHING:
        shares = [_one(figures, f"selectivity_{event}_{how}", _share) or "–" for how in ("hushed", "ducked")]
        lines.append(f"| {label} | {' | '.join(shares)} |")
    return [*lines, "", "The share of events in which ours was turned down at least once. It goes on speaking."]


def _people_rows(figures: dict[str, float]) -> list[str]:
    people = sorted({key.split(".")[1] for key in figures if key.startswith("person.")})
    lines = [
        "| person | policy | yields | turned down p95, ms | silent p50, ms | silent p95, ms |",
        "|---|---|---|---|---|---|",
    ]
    for person in people:
        for title, prefix in POLICIES:
            name = f"{prefix}person.{person}."
            times = [_one(figures, name + key, _whole) or "–" for key in ("duck_p95_ms", "yield_p50_ms", "stop_p95_ms")]
            rate = _one(figures, f"{name}yield_rate", _share)
            if rate:
                lines.append(f"| {person} | {title} | {rate} | {' | '.join(times)} |")
    return lines


def _people(half: Half) -> str:
    if half == "tune":
        return "**The half of the speakers that the rules were tuned on: not the published figures.**"
    return "The half of the speakers, voices, rooms and noises that nothing was tuned on."


def _speakers(event: str, half: Half) -> str:
    from tests.benchmarks.interaction.scenes import clips_for

    clips = clips_for(event, half)
    if not clips:
        return "–"
    return f"{len({clip.speaker for clip in clips})} ({len(clips)} recordings)"


def _each(figures: dict[str, float], key: str, form: Form) -> str:
    values = [(name, _one(figures, prefix + key, form)) for name, prefix in POLICIES]
    return "\n".join(f"{name} {value}" for name, value in values if value)


def _by_condition(figures: dict[str, float], event: str, score: str) -> str:
    lines = []
    for name, prefix in POLICIES:
        keys = [(TITLES[condition], f"{prefix}cell.{event}.{condition}.{score}") for condition in CONDITIONS]
        shares = [f"{title} {_number(figures[key])}" for title, key in keys if key in figures]
        if shares:
            lines.append(f"{name}: {', '.join(shares)}")
    return "\n".join(lines)


def _one(figures: dict[str, float], key: str, form: Form) -> str:
    return form(figures, key) if key in figures else ""


def _share(figures: dict[str, float], key: str) -> str:
    low, high = figures.get(f"{key}_low"), figures.get(f"{key}_high")
    between = "" if low is None or high is None else f" [{_number(low)}–{_number(high)}]"
    return _number(figures[key]) + between


def _whole(figures: dict[str, float], key: str) -> str:
    return f"{figures[key]:.0f}"


def _plain(figures: dict[str, float], key: str) -> str:
    return _number(figures[key]) if key.endswith("rate") else _whole(figures, key)


def _number(share: float) -> str:
    """.97 rather than 0.97; .997 rather than 1.00, which is all of them."""
    text = f"{share:.2f}"
    if text == "1.00" and share < 1:
        text = f"{share:.3f}"
    return text.removeprefix("0")
