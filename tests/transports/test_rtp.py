"""RTP and RTCP on the wire, against stock aiortc's own reading and writing where there is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.transports import rtp

CLOCK_HZ = 48_000


@given(
    st.integers(0, 127), st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    st.binary(max_size=100), st.booleans(),
)  # fmt: skip
def test_a_packet_is_read_as_it_was_written(
    kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool
) -> None:
    data = rtp.encode_rtp(kind, sequence, timestamp, ssrc, payload, marker=marker)
    assert rtp.parse_rtp(data) == rtp.RtpPacket(kind, sequence, timestamp, ssrc, payload)
    assert data[1] >> 7 == marker


def test_extensions_padding_and_contributors_are_taken_off() -> None:
    header = bytes([0x80 | 0x20 | 0x10 | 2, 96]) + (7).to_bytes(2, "big") + bytes(8)
    extension = b"\xbe\xde\x00\x01" + bytes(4)
    packet = rtp.parse_rtp(header + bytes(8) + extension + b"sound" + b"\0\0\x03")
    assert packet is not None
    assert (packet.sequence, packet.payload) == (7, b"sound")


@given(st.binary(max_size=64))
def test_whatever_comes_is_a_packet_or_none(data: bytes) -> None:
    rtp.parse_rtp(data)
    rtp.parse_rtcp(data)
    if rtp.is_media(data):
        rtp.is_rtcp(data)


def test_a_report_is_read_by_others_and_others_by_us() -> None:
    aiortc_rtp = pytest.importorskip("aiortc.rtp")
    reception = rtp.Reception(0xABCD, CLOCK_HZ)
    for number in range(10):
        if number not in (3, 4):
            reception.receive(65_530 + number & 0xFFFF, 1_000 + number * 960, number * 0.02)
    reception.report_heard(0x11112222, 1.0)
    data = rtp.encode_report(0x1234, "name", reception.block(1.5), (1, 2, 3, 4, 5))
    report, names = aiortc_rtp.RtcpPacket.parse(data)
    assert (report.ssrc, report.sender_info.packet_count, report.sender_info.octet_count) == (0x1234, 4, 5)
    (block,) = report.reports
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (0xABCD, 2, 2 * 256 // 10)
    assert block.highest_sequence == 65_539
    assert (block.lsr, block.dlsr) == (0x11112222, 32_768)
    assert names.chunks[0].items == [(1, b"name")]
    (ours,) = [found for found in rtp.parse_rtcp(data) if isinstance(found, rtp.Report)]
    assert ours.ntp_middle == 1 << 16
    assert (ours.blocks[0].packets_lost, ours.blocks[0].last_report) == (2, 0x11112222)


def test_a_report_tells_only_what_is_new() -> None:
    reception = rtp.Reception(1, CLOCK_HZ)
    for number in (0, 2):
        reception.receive(number, number * 960, number * 0.02)
    first = rtp.parse_rtcp(rtp.encode_report(9, "n", reception.block(1.0), None))[0]
    reception.receive(3, 3 * 960, 0.06)
    second = rtp.parse_rtcp(rtp.encode_report(9, "n", reception.block(2.0), None))[0]
    assert isinstance(first, rtp.Report)
    assert isinstance(second, rtp.Report)
    assert (first.blocks[0].fraction_lost, second.blocks[0].fraction_lost) == (256 // 3, 0)
    assert first.blocks[0].packets_lost == second.blocks[0].packets_lost == 1
    assert first.ntp_middle is None


def test_jitter_is_none_on_an_even_line_and_grows_with_unevenness() -> None:
    even, uneven = rtp.Reception(1, CLOCK_HZ), rtp.Reception(1, CLOCK_HZ)
    for number in range(200):
        even.receive(number, number * 960, number * 0.02)
        uneven.receive(number, number * 960, number * 0.02 + 0.01 * (number % 2))
    assert even.jitter_ms < 0.1
    assert uneven.jitter_ms == pytest.approx(10, abs=2)


def test_a_farewell_names_its_stream() -> None:
    assert rtp.parse_rtcp(rtp.encode_bye(77))[-1] == rtp.Bye((77,))


def test_times_since_1900() -> None:
    assert rtp.ntp_time(0.5) == (2_208_988_800, 1 << 31)
