"""Who yields to whom: interruptions, "mm-hm", coughs, side talk, echo and pauses, over real voices and noise."""

from __future__ import annotations

import argparse
from pathlib import Path

METHOD = (
    "One event a scene, mixed by a seed from recordings and played in virtual time through the session, our ear, a "
    "virtual loudspeaker and an engine with its own turn detection; every score is read off the session's effects. "
    "Latencies count from the first sample that the line carries of the sound to the loudspeaker, without network. "
    "Brackets: 95 % Wilson intervals. `at once` is what peers do: the first sign of speech stops the assistant. "
    "Most coughs and all cleared throats are synthetic; backchannels are read from a prompt, the spontaneous ones "
    'stand apart. Ours takes turns with its own ear (`turns.mode = "local"`), waits 1.35 s and asks for the reply '
    "after 0.35 s, held back and retracted unheard if the person goes on; such a reply counts as a split turn, not "
    "as an interruption. No recogniser takes part, except under `with words`, where the embedded one tells what was "
    "said when a turn is over: what sounded like a request more than like anything else then is one."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    from tests.benchmarks.interaction.scenes import CONDITIONS, EVENTS

    parser.add_argument("--events", type=int, default=50, metavar="N", help="events in a cell (default 50)")
    parser.add_argument("--policy", choices=("ours", "recognising", "at_once", "all", "listen"), default="all")
    parser.add_argument("--half", choices=("tune", "report"), default="report", help="of the speakers (default report)")
    parser.add_argument("--quick", action="store_true", help="ten events in a cell")
    parser.add_argument("--only", nargs="+", default=EVENTS, choices=EVENTS, metavar="EVENT", help=" ".join(EVENTS))
    parser.add_argument("--conditions", nargs="+", default=CONDITIONS, choices=CONDITIONS, metavar="CONDITION")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--dump", type=Path, metavar="FILE", help="one JSON line for each event: outcome and features")
    parser.add_argument(
        "--words",
        action="store_true",
        help="recognise words under every policy, to look at them (dump); slow",
    )
    parser.add_argument("--beside", type=Path, metavar="FILE", help="JSON figures of other policies from another run")
    parser.add_argument("--wav", type=Path, metavar="DIR", help="some scenes to listen to, each with its timeline")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the published table there")


def run(options: argparse.Namespace | None = None) -> dict[str, float]:
    """Our figures under their own names, those of the other policy as `at_once.figure`."""
    from tests.benchmarks.interaction.panel import panel

    if options is None:
        parser = argparse.ArgumentParser()
        add_options(parser)
        options = parser.parse_args([])
    return panel(options)


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    from tests.benchmarks.interaction.tables import rows

    return rows(figures)
