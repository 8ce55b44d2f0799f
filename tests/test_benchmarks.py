"""The benchmarks' own instruments: what measures must be right before what it measures is believed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.benchmarks.__main__ import main, names
from tests.benchmarks.bridge import g711
from tests.benchmarks.bridge.compare import medians_of
from tests.benchmarks.bridge.conversation import Conversation
from tests.benchmarks.bridge.markers import THRESHOLD, Detector, Symbol, is_quiet, tone
from tests.benchmarks.bridge.match import align, caller_of
from tests.benchmarks.bridge.measure import Window, measure
from tests.benchmarks.bridge.playback import Playback
from tests.benchmarks.bridge.rates import Downsampler, Upsampler
from tests.benchmarks.bridge.reply import IN_FLIGHT
from tests.benchmarks.bridge.rows import rows
from tests.benchmarks.bridge.script import CYCLE, SPEECH_NOISE, Script, marks, noise
from tests.benchmarks.bridge.systems import System, from_text
from tests.benchmarks.bridge.wire import PING, WireSocket, accept_for, frame, unmasked
from tests.benchmarks.local import Answer, Question, ask
from tests.benchmarks.report import Result, as_json, as_markdown

# Markers


def sound_with(symbol: int, rate_hz: int, at_ms: int) -> g711.Samples:
    """100 ms of a person's noise with a marker in it."""
    sound = noise(rate_hz // 10, SPEECH_NOISE, seed=symbol)
    begin = rate_hz * at_ms // 1000
    sound[begin : begin + rate_hz // 50] = tone(symbol, rate_hz)
    return sound


def test_ulaw_is_the_one_of_g711() -> None:
    assert g711.decode(b"\xff\x7f\x00\x80\xef").tolist() == [0, 0, -32124, 32124, 132]
    every = bytes(code for code in range(256) if code != 0x7F)  # two codes mean zero
    assert g711.encode(g711.decode(every)) == every


@pytest.mark.parametrize("symbol", list(Symbol))
@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
def test_a_marker_is_found_where_it_begins(symbol: Symbol, rate_hz: int) -> None:
    (heard,) = Detector(rate_hz).feed(sound_with(symbol, rate_hz, 30), at_s=5.0)
    assert (heard.symbol, heard.at_s) == (symbol, 5.0)
    assert heard.position_ms == pytest.approx(30, abs=0.6)


@pytest.mark.parametrize("symbol", list(Symbol))
def test_a_marker_survives_ulaw_and_resampling(symbol: Symbol) -> None:
    ulaw = g711.encode(sound_with(symbol, 8_000, 40))
    pcm = Upsampler()(ulaw)
    (there,) = Detector(24_000).feed(np.frombuffer(pcm, np.int16), 0.0)
    (back,) = Detector(8_000).feed(g711.decode(Downsampler()(pcm)), 0.0)
    assert (there.symbol, back.symbol) == (symbol, symbol)
    assert there.position_ms == pytest.approx(41, abs=1.5)  # the filter's own delay is 1 ms each way
    assert back.position_ms == pytest.approx(42, abs=1.5)


def test_a_marker_cut_over_messages_is_timed_by_the_first() -> None:
    sound = sound_with(Symbol.THREE, 8_000, 30)
    detector = Detector(8_000)
    heard = [each for at in range(0, 800, 37) for each in detector.feed(sound[at : at + 37], at_s=at / 8_000)]
    assert [each.symbol for each in heard] == [Symbol.THREE]
    assert heard[0].at_s * 1000 <= 31 < heard[0].at_s * 1000 + 37 / 8


def test_noise_and_half_a_marker_are_no_marker() -> None:
    detector = Detector(8_000)
    assert detector.feed(noise(8_000, SPEECH_NOISE, seed=3), 0.0) == []
    assert detector.feed(tone(Symbol.ONE, 8_000)[:60], 0.0) == []
    detector.forget()
    assert detector.feed(tone(Symbol.TWO, 8_000)[60:140], 0.0)[0].symbol == Symbol.TWO


def test_a_frame_is_let_go_unopened_only_when_it_holds_nothing_loud() -> None:
    for sound in (noise(480, SPEECH_NOISE, seed=5), sound_with(Symbol.FOUR, 8_000, 30)):
        loud = bool(sound.max() >= THRESHOLD)
        assert is_quiet(sound.tobytes(), pcm=True) is not loud
        assert is_quiet(g711.encode(sound), pcm=False) is not loud


# The script


def test_any_stretch_of_a_callers_sound_tells_whose_it_is() -> None:
    for caller in (0, 7, 24, 25, 399):
        script = Script(caller, offset=caller * 13 % CYCLE)
        symbols = [symbol for tick in range(3 * CYCLE) if (symbol := script.symbol(tick)) is not None]
        assert caller_of(symbols[11:60]) == caller
    assert caller_of([Symbol.START, Symbol.STOP, 1, 2]) is None


def test_markers_never_touch() -> None:
    script = Script(caller=3, offset=101)
    ticks = [tick for tick in range(5 * CYCLE) if script.symbol(tick) is not None]
    assert min(np.diff(ticks)) > 1


def test_every_other_caller_interrupts_while_deltas_are_in_flight() -> None:
    late, early = sorted(marks(0)), sorted(marks(1))
    assert (CYCLE - late[-1]) * 20 == 1_300
    assert (CYCLE - early[-1]) * 20 == 360
    assert len(marks(0)) == len(marks(1)) == 4


# Alignment


def test_what_was_lost_is_found_and_the_rest_still_matches() -> None:
    sent = [5, 1, 0, 0, 0, 3, 0, 0, 5, 1, 0, 0, 0, 4, 0, 0]
    heard = sent[:4] + sent[6:]
    pairs = align(sent, heard)
    assert {a for a, _ in pairs} == set(range(16)) - {4, 5}
    assert all(sent[a] == heard[b] for a, b in pairs)


def test_what_was_invented_matches_nothing() -> None:
    assert align([5, 1, 2, 3], [5, 1, 7, 2, 3]) == [(0, 0), (1, 1), (2, 3), (3, 4)]


# The far end's loudspeaker


def opened(at_s: float) -> list[Any]:
    return Detector(8_000).feed(tone(Symbol.OPEN, 8_000), at_s)


def test_a_loudspeaker_that_runs_dry_inside_a_reply_is_an_underrun() -> None:
    playback = Playback()
    playback.media(1.0, 100, opened(1.0), voiced=True)
    playback.media(1.05, 100, [], voiced=True)
    playback.media(1.25, 100, [], voiced=True)
    (reply,) = playback.replies
    assert reply.underrun_ms == pytest.approx(50)
    assert reply.lead_ms == pytest.approx(150)


def test_clear_empties_the_queue_returns_the_marks_and_what_comes_later_is_stale() -> None:
    playback = Playback()
    playback.media(1.0, 1_000, opened(1.0), voiced=True)
    playback.mark(1.0, "end")
    assert playback.due_marks(1.5) == []
    assert playback.clear(1.5) == ["end"]
    playback.media(1.6, 40, [], voiced=True)
    playback.media(1.7, 40, [], voiced=False)
    assert playback.replies[0].stale_ms == 40
    playback.media(2.0, 100, opened(2.0), voiced=True)
    assert [reply.stale_ms for reply in playback.replies] == [40, 0]


# From logs to figures


def call_and_connection() -> tuple[dict[str, Any], dict[str, Any]]:
    """Caller 6: every beat 3 ms late, one lost; a reply 2 ms late, cut by a clear 4 ms after the speech began."""
    script = Script(caller=6, offset=200)
    sent = [(10 + tick / 50, tick, int(s)) for tick in range(CYCLE) if (s := script.symbol(tick)) is not None]
    heard = [(at + 0.003, symbol, tick * 20.0) for at, tick, symbol in sent]
    del heard[20]
    reply = [12.002, 0, 12, 1_200.0, 0.0, 2_400.0, 13.004, 60.0]
    call = {"number": 6, "dialled_s": 9.0, "gone_s": 0.0, "sent": sent, "clears": [13.004], "replies": [reply]}
    connection = {
        "ready_s": 9.0025,
        "heard": heard,
        "speech": [("started", 13.0, True, False)],
        "replies": [[12.0, 0, 30, True]],
        "problems": [],
    }
    return call, connection


def test_figures_follow_from_the_two_logs() -> None:
    call, connection = call_and_connection()
    samples = measure({"calls": [call], "refused": 0}, [connection], Window(9.5, 17.5))
    figures = samples.figures()
    assert samples.lost == {"beats": 1}
    assert figures["uplink_p50_ms"] == figures["uplink_p99_ms"] == pytest.approx(3)
    assert figures["downlink_p50_ms"] == pytest.approx(2)
    assert figures["barge_p99_ms"] == pytest.approx(4)
    assert figures["stale_ms"] == 60
    assert figures["setup_p50_ms"] == pytest.approx(2.5)
    assert figures["drift_ms"] == pytest.approx(0)


def test_a_missing_clear_a_missing_reply_and_a_dropped_call_are_losses() -> None:
    call, connection = call_and_connection()
    call |= {"clears": [], "replies": [], "gone_s": 16.0}
    samples = measure({"calls": [call], "refused": 2}, [connection], Window(9.5, 17.5))
    assert samples.lost == {"refused": 2, "dropped": 1, "beats": 1, "replies": 1, "clears": 1}
    assert measure({"calls": [call], "refused": 0}, [], Window(9.5, 17.5)).lost == {"dropped": 1, "unheard": 1}


def test_medians_do_not_undo_a_loss() -> None:
    runs = [{"uplink_p99_ms": value, "lost": lost} for value, lost in ((1.0, 0.0), (9.0, 3.0), (2.0, 0.0))]
    assert medians_of(runs) == {"uplink_p99_ms": 2.0, "lost": 3.0}


# The harness' websocket


class Listening(WireSocket):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[bytes] = []
        self.is_open = True

    def receive_text(self, data: bytes) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_size_arrive_whole_however_they_are_cut(size: int) -> None:
    listener, message = Listening(), bytes(index % 251 for index in range(size))
    stream = frame(b"first", masked=True) + frame(message, masked=True) + frame(b"last", masked=False)
    step = max(1, len(stream) // 7)
    for at in range(0, len(stream), step):
        listener.data_received(stream[at : at + step])
    assert listener.texts == [b"first", message, b"last"]


def test_masks_fragments_and_pings_are_understood() -> None:
    key = b"\x01\x02\x03\x04"
    assert unmasked(unmasked(b"hello there", key), key) == b"hello there"
    listener = Listening()
    listener.data_received(b"\x01\x03abc" + frame(b"", masked=False, opcode=PING) + b"\x80\x03def")
    assert listener.texts == [b"abcdef"]
    assert accept_for(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3


# The scripted engine


class Client:
    """Speaks to a conversation directly and keeps what it says."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.conversation = Conversation(0, lambda data: self.events.append(json.loads(data)))

    def say(self, type: str, **fields: Any) -> None:
        self.conversation.receive(json.dumps({"type": type, **fields}).encode())

    def update(self, **detection: bool) -> None:
        audio = {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad", **detection}}}
        self.say("session.update", session={"type": "realtime", "audio": audio})

    def sound(self, symbol: Symbol) -> None:
        data = g711.encode(tone(symbol, 8_000)) + b"\xff" * 160
        self.say("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def last(self, type: str) -> dict[str, Any]:
        return next(event for event in reversed(self.events) if event["type"] == type)


def in_loop(scene: Callable[[Client], Coroutine[Any, Any, None]]) -> Client:
    async def play() -> Client:
        client = Client()
        client.conversation.open()
        await scene(client)
        client.conversation.close()
        return client

    return asyncio.run(play())


def test_by_default_the_engine_creates_and_interrupts() -> None:
    async def scene(client: Client) -> None:
        client.update()
        client.sound(Symbol.START)
        client.sound(Symbol.STOP)
        await asyncio.sleep(0.03)
        client.sound(Symbol.START)

    client = in_loop(scene)
    types = client.types()
    assert types[:2] == ["session.created", "session.updated"]
    assert types.index("input_audio_buffer.committed") < types.index("response.created")
    after = types[len(types) - types[::-1].index("input_audio_buffer.speech_started") :]
    assert after.count("response.output_audio.delta") == IN_FLIGHT
    assert after[-1] == "response.done"
    assert client.last("response.done")["response"]["status_details"]["reason"] == "turn_detected"


def test_a_client_that_controls_the_floor_creates_and_cancels_by_id() -> None:
    async def scene(client: Client) -> None:
        client.update(create_response=False, interrupt_response=False)
        client.sound(Symbol.START)
        client.sound(Symbol.STOP)
        assert "response.created" not in client.types()
        client.say("response.create")
        client.say("response.create", event_id="twice")
        await asyncio.sleep(0.03)
        client.sound(Symbol.START)
        assert "response.done" not in client.types()
        client.say("response.cancel", response_id="resp_0_7", event_id="other")
        client.say("response.cancel", response_id=client.last("response.created")["response"]["id"])

    client = in_loop(scene)
    codes = [(e["error"]["code"], e["error"]["event_id"]) for e in client.events if e["type"] == "error"]
    assert codes == [("conversation_already_has_active_response", "twice"), ("response_cancel_not_active", "other")]
    assert client.last("response.done")["response"]["status_details"]["reason"] == "client_cancelled"
    assert client.types()[-1] == "response.done"


def test_truncation_beyond_what_was_sent_is_refused() -> None:
    async def scene(client: Client) -> None:
        client.update()
        client.sound(Symbol.STOP)
        client.say("conversation.item.truncate", item_id="item_0_r0", content_index=0, audio_end_ms=5_000)
        client.say("conversation.item.truncate", item_id="item_0_r0", content_index=0, audio_end_ms=40)

    client = in_loop(scene)
    assert client.types().count("error") == 1
    assert client.last("conversation.item.truncated")["audio_end_ms"] == 40
    assert client.conversation.report()["problems"] == ["invalid_value: Cannot truncate at 5000 ms."]


# The command


def test_a_benchmark_is_whatever_here_can_run_and_tell() -> None:
    assert {"bridge", "core", "footprint", "local"} <= set(names())
    assert not {"report", "machine", "venvs"} & set(names())


def test_an_unknown_name_is_answered_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridges"]) == 2
    assert "bridge" in capsys.readouterr().err


def test_figures_are_one_line_of_json_with_what_they_were_measured_with() -> None:
    said = json.loads(as_json("core", {"us_per_event": 4.2}, "by hand"))
    assert said["us_per_event"] == 4.2
    assert said["method"] == "by hand"
    assert "python" in said["versions"]


def test_the_markdown_table_shows_what_could_not_be_measured() -> None:
    text = as_markdown([Result("core", [("cost | event", "4\n5")]), Result("local", (), "exit code 1")])
    assert "| core | cost \\| event | 4<br>5 |" in text
    assert "| local | – | not measured: exit code 1 |" in text


def test_rows_put_systems_side_by_side() -> None:
    figures = {"cpu_vs_limit_pass": 0.9, "limit.cpu_vs_limit_pass": 1.5, "limit-pass.cpu_vs_limit_pass": 1.0}
    assert rows(figures) == [("CPU × limit-pass", "0.90\nlimit 1.50\nlimit-pass 1.00")]


def test_a_system_of_ones_own_is_a_name_and_a_command() -> None:
    assert from_text("mine=serve --at '{port}'") == System("mine", ("serve", "--at", "{port}"))


@pytest.mark.slow
def test_two_calls_through_the_bare_relay_lose_nothing() -> None:
    from tests.benchmarks.bridge.run_once import run_once
    from tests.benchmarks.bridge.systems import built_in

    run = run_once(built_in()["limit"], calls=2, seconds=3.0)
    assert run.lost == {}
    assert run.problems == []
    assert 0 < run.figures["uplink_p50_ms"] < 50
    assert run.figures["cpu_s_per_session_min"] > 0


# The embedded engine from outside


def test_voice_to_voice_counts_from_the_last_spoken_sample_to_the_first_audible_one() -> None:
    """The server answers 100 ms after the speech with 40 ms of silence before its own sound."""
    silence, sound = np.zeros(960, np.int16), np.full(960, 3_000, np.int16)
    delta = base64.b64encode(np.concatenate((silence, sound)).tobytes()).decode()

    async def answer(socket: ServerConnection) -> None:
        chunks = 0
        async for _ in socket:
            chunks += 1
            if chunks == 10:
                await socket.send('{"type":"session.updated"}')
                await socket.send(json.dumps({"type": "response.output_audio.delta", "delta": delta}))

    async def scene() -> float | None:
        async with serve(answer, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return (await ask(f"ws://127.0.0.1:{port}", Question("tone", np.full(2_400, 9_000, np.int16), 0.1))).wait_s

    wait_s = asyncio.run(scene())
    assert wait_s is not None
    assert 0.135 <= wait_s < 0.5


def test_a_reply_that_cuts_in_is_counted_and_the_next_one_is_measured() -> None:
    delta = base64.b64encode(np.full(480, 3_000, np.int16).tobytes()).decode()

    async def answer(socket: ServerConnection) -> None:
        chunks = 0
        async for _ in socket:
            chunks += 1
            if chunks in (3, 12):
                event = {"type": "response.output_audio.delta", "response_id": f"resp_{chunks}", "delta": delta}
                await socket.send(json.dumps(event))

    async def scene() -> Answer:
        async with serve(answer, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await ask(f"ws://127.0.0.1:{port}", Question("tone", np.full(3_600, 9_000, np.int16), 0.15))

    got = asyncio.run(scene())
    assert got.cut_in
    assert got.wait_s is not None
    assert 0.05 <= got.wait_s < 0.5
