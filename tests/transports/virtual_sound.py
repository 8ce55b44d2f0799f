"""A machine's microphone and loudspeaker for tests: a private PulseAudio, which PortAudio finds as its default."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

RATE_HZ = 48_000
_SINKS = """
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=48000 channels=2
load-module module-null-sink sink_name=mic_in rate=48000 channels=1
load-module module-remap-source source_name=mic master=mic_in.monitor
set-default-sink speaker
set-default-source mic
"""


def missing() -> str:
    """What is not installed, in words; empty when a virtual card can be had."""
    tools = [tool for tool in ("pulseaudio", "pactl", "paplay", "parec") if shutil.which(tool) is None]
    plugins = any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    return ", ".join(tools + ([] if plugins else ["libasound2-plugins"]))


class VirtualCard:
    """Speak into the microphone, hear the loudspeaker."""

    def __init__(self, server: str) -> None:
        self.environment = os.environ | {"PULSE_SERVER": server}

    def speak(self, wav: Path) -> None:
        """Play a file into the microphone; returns when it is over."""
        subprocess.run(["paplay", "--device=mic_in", str(wav)], env=self.environment, check=True, timeout=30)

    @contextmanager
    def hearing(self, into: Path) -> Iterator[None]:
        """Writes what the loudspeaker plays meanwhile: PCM16, mono, 48 kHz, without a header."""
        arguments = ["parec", "--device=speaker.monitor", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le"]
        with into.open("wb") as file:
            ears = subprocess.Popen([*arguments, "--raw", "--latency-msec=10"], env=self.environment, stdout=file)
            try:
                yield
            finally:
                ears.terminate()
                ears.wait(10)


@contextmanager
def virtual_card(home: Path) -> Iterator[VirtualCard]:
    """One card of its own, gone afterwards."""
    server = f"unix:{home / 'native'}"
    (home / "card.pa").write_text(_SINKS.format(socket=home / "native"))
    card = VirtualCard(server)
    arguments = ["pulseaudio", "-n", "-F", str(home / "card.pa"), "--daemonize=no", "--exit-idle-time=-1"]
    with ExitStack() as stack:
        _start(
            stack,
            [*arguments, "--use-pid-file=no", "--realtime=no", "--high-priority=no"],
            card.environment | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
        )
        _wait_for(["pactl", "info"], card.environment)
        for source in ("speaker.monitor", "mic_in.monitor"):
            # A null sink that no impatient client looks at sleeps up to 2 s at a time.
            _start(stack, ["parec", "--latency-msec=10", "--raw", f"--device={source}"], card.environment)
        time.sleep(0.5)
        yield card


def _start(stack: ExitStack, command: list[str], environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)


def _wait_for(command: list[str], environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 10
    while subprocess.run(command, env=environment, capture_output=True).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PulseAudio did not start")
        time.sleep(0.05)
