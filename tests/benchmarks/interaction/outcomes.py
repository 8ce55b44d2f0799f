"""What became of one event, read off the session's effects and the loudspeaker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.benchmarks.interaction.scenes import Scene
from tests.benchmarks.interaction.stage import Played
from voice.audio.gain import DUCK_MS
from voice.protocol.server_events import InputAudioBufferCommitted
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import FloorRules

FEATURES_S = 2.0
DUCK_DB = FloorRules().duck_db
LATE_S = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times in ms from the first sample of the event; None: it did not happen.

    `early`: the assistant had fallen silent, or had not begun, before there was anything to stop for. `down_ms` is when
    the loudspeaker was down, be it only hushed, `ducked_ms` when it was ducked, `stopped_ms` when its last sound was
    over; `hushes` and `ducks` count how often it was turned down little and much. For a pause: `cut_in` is a reply
    heard before the person had finished, `splits` counts turns that ended too soon, `response_ms` is from the person's
    last sound to the reply's first.
    `features` are the ear's facts, `words` what the recogniser had by when; both with ms from the event's first sample.
    """

    scene: Scene
    policy: str
    early: bool
    down_ms: float | None
    ducked_ms: float | None
    restored_ms: float | None
    stopped_ms: float | None
    hushes: int
    ducks: int
    why: str
    cut_in: bool
    splits: int
    response_ms: float | None
    features: tuple[dict[str, Any], ...]
    words: tuple[tuple[int, str], ...]

    @property
    def stopped(self) -> bool:
        """The assistant gave up the floor because of the event."""
        return self.stopped_ms is not None and not self.early


def outcome(scene: Scene, policy: str, played: Played) -> Outcome:
    """Judge a scene that was played."""
    begins = scene.begins_s
    downs, ducks = list(_turned_down(played, 0.0)), list(_turned_down(played, DUCK_DB))
    restores = list(_times(played, ef.Restore))
    stops = list(_times(played, ef.StopPlayback))
    replied = played.replied_at_s[0] if played.replied_at_s else None
    ended_in_time = replied is not None and replied >= scene.ends_s
    return Outcome(
        scene=scene,
        policy=policy,
        early=any(at < begins for at in stops) or _never_spoke(scene, replied),
        down_ms=_down_ms(begins, downs, restores),
        ducked_ms=_down_ms(begins, ducks, restores),
        restored_ms=_first_ms(next((at for at in ducks if at >= begins), begins), restores, begins),
        stopped_ms=(played.silent_at_s - begins) * 1000 if stops else None,
        hushes=sum(at >= begins for at in downs) - sum(at >= begins for at in ducks),
        ducks=sum(at >= begins for at in ducks),
        why=_why(played),
        cut_in=scene.event == "pause" and replied is not None and replied < scene.ends_s,
        splits=_commits_before(played, scene.ends_s) if scene.event == "pause" else 0,
        response_ms=(replied - scene.ends_s) * 1000 if scene.event == "pause" and replied and ended_in_time else None,
        features=tuple(_features(scene, played)),
        words=tuple((round((at - begins) * 1000), text) for at, text in played.words),
    )


def as_line(result: Outcome) -> dict[str, Any]:
    """One line of the dump: what was drawn, what happened, and what the ear said meanwhile."""
    line = asdict(result)
    drawn = line.pop("scene")
    clip = drawn.pop("clip")
    drawn["text"] = clip["text"] if clip else ""
    drawn["synthetic"] = clip is None and drawn["event"] == "cough"
    drawn["opening"] = drawn["opening"]["name"]
    features = line.pop("features")
    return {"name": result.scene.name, **drawn, **line, "stopped": result.stopped, "features": features}


def _never_spoke(scene: Scene, replied: float | None) -> bool:
    return scene.event != "pause" and (replied is None or replied > max(scene.begins_s, scene.reply_at_s + LATE_S))


def _times(played: Played, kind: type[ef.Effect]) -> Iterator[float]:
    return (line.at for line in played.log for effect in line.effects if isinstance(effect, kind))


def _turned_down(played: Played, gain_db: float) -> Iterator[float]:
    """When it was turned down at least so much."""
    for line in played.log:
        for effect in line.effects:
            if isinstance(effect, ef.Duck) and effect.gain_db <= gain_db:
                yield line.at


def _first_ms(since: float, times: list[float], begins: float) -> float | None:
    return next(((at - begins) * 1000 for at in times if at >= since), None)


def _down_ms(begins: float, ducks: list[float], restores: list[float]) -> float | None:
    """When the loudspeaker was down. Zero where it was down already, for some other reason."""
    before = [at for at in ducks if at < begins]
    if before and not any(before[-1] < at < begins for at in restores):
        return 0.0
    at_ms = _first_ms(begins, ducks, begins)
    return None if at_ms is None else at_ms + DUCK_MS


def _why(played: Played) -> str:
    for line in played.log:
        for effect in line.effects:
            if isinstance(effect, ef.Note) and effect.kind == "barge_in":
                return str(effect.values.get("why", ""))
    return ""


def _commits_before(played: Played, at: float) -> int:
    return sum(
        isinstance(line.event, ev.EngineSaid) and isinstance(line.event.event, InputAudioBufferCommitted)
        for line in played.log
        if line.at < at
    )


def _features(scene: Scene, played: Played) -> Iterator[dict[str, Any]]:
    """The ear's facts around the event."""
    for line in played.log:
        if isinstance(line.event, ev.CallerSpeech) and -0.2 <= line.at - scene.begins_s <= FEATURES_S:
            facts = {name: round(v, 3) if isinstance(v, float) else v for name, v in asdict(line.event).items()}
            yield {"at_ms": round((line.at - scene.begins_s) * 1000), **facts}
