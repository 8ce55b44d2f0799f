"""Who speaks, and for how long: the person, the assistant, both, or nobody."""

from __future__ import annotations

from voice.runtime.report import SessionReport


class TalkTime:
    """Counts the seconds of one conversation into its report."""

    def __init__(self, report: SessionReport) -> None:
        self.assistant = False
        self.person = False
        self.person_by_hand = False
        self._report = report
        self._monologue_s = 0.0
        self._quiet_s = 0.0

    def pass_time(self, gone_s: float) -> None:
        """So much time has passed with nobody falling silent or beginning."""
        report = self._report
        if self.person:
            report.person_s += gone_s
        if self.assistant:
            report.assistant_s += gone_s
            self._monologue_s += gone_s
            report.longest_monologue_s = max(report.longest_monologue_s, self._monologue_s)
        if self.person and self.assistant:
            report.both_s += gone_s
        if self.person or self.assistant:
            self._quiet_s = 0.0
        else:
            self._be_quiet(gone_s)

    def _be_quiet(self, gone_s: float) -> None:
        report = self._report
        self._quiet_s += gone_s
        report.dead_air_s += gone_s
        report.longest_dead_air_s = max(report.longest_dead_air_s, self._quiet_s)

    def person_begins(self, *, by_hand: bool = False) -> None:
        self.person, self.person_by_hand = True, by_hand

    def person_ended(self, ago_s: float) -> None:
        """They fell silent so long ago, which was noticed only now."""
        if not self.person:
            return
        self.person = self.person_by_hand = False
        silent_s = min(max(ago_s, 0.0), self._report.person_s)
        self._report.person_s -= silent_s
        if not self.assistant:
            self._be_quiet(silent_s)

    def assistant_begins(self) -> None:
        if not self.assistant:
            self.assistant, self._monologue_s = True, 0.0
            self._report.person_interrupted += self.person

    def assistant_ends(self) -> None:
        self.assistant = False
