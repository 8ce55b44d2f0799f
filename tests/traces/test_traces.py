"""The recorded conversations lead to the same decisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.traces.record import FOLDER, SCENES, path_of, write
from tests.world.room import Room
from voice.runtime.trace import replay_file


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_recorded_conversation_replays_the_same(path: Path) -> None:
    result = replay_file(path)
    assert result.equal, f"{result.first_difference}; if that is meant: python -m tests.traces.record"
    assert result.events > 200


def test_every_scene_is_recorded_and_every_record_has_its_scene() -> None:
    assert sorted(FOLDER.glob("*.jsonl")) == sorted(path_of(scene) for scene in SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene_plays_the_same_each_time(scene: Callable[[], Room], tmp_path: Path) -> None:
    write(scene, tmp_path / "again.jsonl")
    again, recorded = (path.read_text().splitlines()[1:] for path in (tmp_path / "again.jsonl", path_of(scene)))
    assert again == recorded, "if that is meant: python -m tests.traces.record"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_record_is_a_whole_conversation(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    ends = [line for line in lines[1:] if any(effect["kind"] == "HangUp" for effect in line["effects"])]
    assert len(ends) == 1
    assert path.stat().st_size < 250_000
