"""Whether somebody who makes a sound while the assistant speaks wants the floor.

Two stages. The first sign of speech only ducks the assistant, within a frame. Then the stretch is judged: by how long
it lasts, how loud it is against the line and against this person's own voice, how much it is like our own echo, and
by its words where the engine gives any. It ends in `YIELD` (stop, cancel, truncate at heard) or in `RESTORE` (fade
back, nothing lost). Until it is certain, an interruption can be taken back.

    IDLE ──onset──▶ DOUBT ──enough speech, an interrupting word──▶ TAKEN ──offset──▶ IDLE
                      └──too short, too soft, echo, an acknowledgement──▶ DISMISSED ──offset──▶ IDLE

A dismissed stretch that goes on, or turns out to hold other words, is judged again.
"""

from __future__ import annotations

from enum import Enum
from itertools import zip_longest

from voice.audio.usual import Usual
from voice.session.belief import Belief, Leaning
from voice.session.deadlines import Deadline
from voice.session.events import CallerSpeech
from voice.session.rules import FloorRules, plain_words
from voice.session.voiced_echo import VoicedEcho


class Verdict(Enum):
    """What the assistant should do about a sound of the person."""

    NOTHING = "nothing"
    DUCK = "duck"
    YIELD = "yield"
    RESTORE = "restore"


class Doubt(Enum):
    IDLE = "idle"
    DOUBT = "doubt"
    TAKEN = "taken"
    DISMISSED = "dismissed"


class FloorControl:
    """Judges one stretch of the person's sound at a time."""

    def __init__(self, rules: FloorRules) -> None:
        self.rules = rules
        self.doubt = Doubt.IDLE
        self.usual = Usual()
        self.belief = Belief(rules.belief)
        self._has_kinds = rules.names_moments
        self._kinds: list[float] = []
        self._onset_at = 0.0
        self._sound_since: float | None = None
        self._ended_at: float | None = None
        self._dismissed_at = float("-inf")
        self._ducked = False
        self._heard_at = float("-inf")
        self._engine_since: float | None = None
        self._echoes = 0
        self._echoed = False
        self._clearest = 0.0
        self._facts: CallerSpeech | None = None
        self._before_ms = self._counted_ms = 0.0
        self._present = False
        self._voiced_echo = VoicedEcho()
        self._began_with_reply = False

    # What the session tells

    def sounding(self, since: float | None) -> None:
        """Since when the present reply is audible; None: the assistant is silent."""
        if (since is None) is not (self._sound_since is None):
            self.belief.forget()
            self._voiced_echo.forget()
            self._began_with_reply = False
        if since is not None and self._sound_since is None:
            self._before_ms = self._facts.speech_ms if self._facts is not None and self._present else 0.0
            self._counted_ms = 0.0
        self._sound_since = since
        if since is None and self.doubt is not Doubt.TAKEN:
            self.doubt, self._ducked, self._ended_at = Doubt.IDLE, False, None
        if since is None:
            self._engine_since = None

    def hear(self, facts: CallerSpeech, now: float) -> Verdict:
        """News from the ear."""
        self._heard_at = now
        self._engine_since = None
        self._notice(facts)
        if self._sound_since is None:
            if facts.stage == "offset":
                self.doubt = Doubt.IDLE
            else:
                self._learn(facts)
            return Verdict.NOTHING
        if facts.kinds:
            self._has_kinds = True
            return self._believe(facts, now)
        if facts.stage == "offset":
            return self._offset(facts, now)
        if self.doubt is Doubt.TAKEN:
            self._learn(facts)
            return Verdict.NOTHING
        if self._is_ours(facts) or self._is_line(facts):
            surely = self._echoes >= self.rules.echoes or self._is_line(facts)
            return self._dismiss(now) if self.doubt is Doubt.DOUBT and surely else Verdict.NOTHING
        if facts.stage == "onset" or self.doubt is Doubt.IDLE:
            self._begin(facts, now)
        if self._counted_ms >= self._needed_ms() or self._insists(facts):
            return self._take()
        return self._duck()

    def engine_started(self, now: float) -> Verdict:
        """The engine hears speech. Our ear heard it before and judges, or heard nothing: it may be right."""
        if (
            self._sound_since is None
            or self._has_kinds
            or self.doubt is not Doubt.IDLE
            or now - self._heard_at < self.rules.deaf_ms / 1000
        ):
            return Verdict.NOTHING
        self.doubt, self._onset_at, self._ended_at, self._engine_since = Doubt.DOUBT, now, None, now
        return self._duck()

    def engine_stopped(self, now: float) -> Verdict:
        """The engine hears no speech any more."""
        if self._engine_since is None:
            return Verdict.NOTHING
        self._engine_since, self._ended_at = None, now
        return self.tick(now)

    def words(self, text: str, now: float) -> Verdict:
        """Words of the stretch, as the engine has them by now."""
        if self._sound_since is None or self.doubt in (Doubt.IDLE, Doubt.TAKEN):
            return Verdict.NOTHING
        said = plain_words(text)
        phrases = self.rules.phrases
        if not said:
            return Verdict.NOTHING
        if said in phrases.acknowledgements:
            return self._dismiss(now)
        return self._take() if self.meant_us and phrases.ask_for_the_floor(said) else Verdict.NOTHING

    def take(self) -> Verdict:
        """Believe the present stretch without waiting: the person has the floor."""
        return self._take()

    def tick(self, now: float) -> Verdict:
        """Time passed: a stretch that ended in doubt and brought no words was no interruption."""
        if self._engine_since is not None and now >= self._engine_since + self.rules.deaf_ms / 1000:
            self._engine_since = None
            return self._take()
        if (
            self.doubt is Doubt.DOUBT
            and self._ended_at is not None
            and now >= self._ended_at + self.rules.words_ms / 1000
        ):
            verdict = self._dismiss(now)
            self.doubt, self._ended_at = Doubt.IDLE, None
            return verdict
        return Verdict.NOTHING

    def deadline(self) -> Deadline | None:
        if self._engine_since is not None:
            return Deadline(self._engine_since + self.rules.deaf_ms / 1000, "confirm barge-in")
        if self.doubt is Doubt.DOUBT and self._ended_at is not None:
            return Deadline(self._ended_at + self.rules.words_ms / 1000, "confirm barge-in")
        return None

    @property
    def dismissed(self) -> bool:
        """Whether the person's present or last stretch was found to be no interruption."""
        return self.doubt is Doubt.DISMISSED or (self.doubt is Doubt.IDLE and self._dismissed_at > self._onset_at)

    @property
    def meant_us(self) -> bool:
        """Whether the present or last stretch, dismissed or not, sounded like something that this person may be asking
        us: like speech to us more than like all else together, and not more like an acknowledgement. Recognisers make
        words of coughs, laughs, echo and a noisy room, too. So it is taken to be where nobody named its moments."""
        if not self._kinds:
            return True
        wants, agrees, *others = self._kinds
        return wants + agrees > sum(others) and wants >= agrees

    def is_the_person(self, facts: CallerSpeech) -> bool:
        """Whether this is speech near the microphone: not our echo, and above the line's quiet."""
        return not self._is_ours(facts) and not self._is_line(facts)

    def surely_the_person(self, facts: CallerSpeech) -> bool:
        """Whether an engine that listens must have heard this, too."""
        clear = facts.probability >= self.rules.clear
        return clear and self.is_the_person(facts) and not self._is_soft(facts)

    def hears_the_person(self, now: float) -> bool:
        """Whether the person speaks now, by our own ear; without one that was ever heard of, the engine is believed."""
        facts, rules = self._facts, self.rules
        if facts is None:
            return True
        if not self._present or now - self._heard_at > rules.recent_ms / 1000:
            return False
        usual_db = self.usual.level_db
        loud = usual_db is None or facts.level_db >= usual_db - rules.near_db
        return loud and self._clearest >= rules.clear and self.is_the_person(facts)

    # How it judges

    def _believe(self, facts: CallerSpeech, now: float) -> Verdict:
        """By what the ear takes each moment for."""
        self._kinds = [sum(both) for both in zip_longest(self._kinds, facts.kinds, fillvalue=0.0)]
        self._notice_voice(facts, now)
        gone_ms = facts.late_ms if facts.stage != "onset" else 0.0
        leaning = self.belief.hear(facts.kinds, gone_ms=gone_ms, now=now, wary=self._is_wary(now))
        if self.doubt is Doubt.TAKEN:
            if facts.stage == "offset":
                self.doubt = Doubt.IDLE
            return Verdict.NOTHING
        if leaning is Leaning.WANTS and self._echo(facts, gone_ms) < self.rules.sure_echo:
            return self._take()
        if facts.stage == "offset" or leaning is Leaning.NOBODY:
            if facts.stage == "offset":
                self.belief.forget()
            verdict = self._dismiss(now) if self._ducked or facts.stage == "offset" else Verdict.NOTHING
            self.doubt = Doubt.IDLE
            return verdict
        if leaning in (Leaning.SOMEBODY, Leaning.WANTS) and not self._ducked:
            self.doubt, self._onset_at = Doubt.DOUBT, now
            return self._duck()
        return Verdict.NOTHING

    def _notice_voice(self, facts: CallerSpeech, now: float) -> None:
        assert self._sound_since is not None
        self._voiced_echo.hear(facts)
        if facts.stage == "onset":
            since_reply_s = now - facts.speech_ms / 1000 - self._sound_since
            self._began_with_reply = 0 <= since_reply_s * 1000 < self.rules.grace_ms

    def _is_wary(self, now: float) -> bool:
        """Whether this may be the echo of the reply's first sound, while nothing is known of the echo yet."""
        assert self._sound_since is not None
        return self._began_with_reply and (now - self._sound_since) * 1000 < self.rules.wary_ms

    def _echo(self, facts: CallerSpeech, gone_ms: float) -> float:
        """How much the voice is like our own, or was."""
        gone = gone_ms >= self.rules.belief.gone_ms
        return self._voiced_echo.of_what_is_gone(facts) if gone else facts.echo

    def _is_ours(self, facts: CallerSpeech) -> bool:
        return facts.echo >= self.rules.echo

    def _is_line(self, facts: CallerSpeech) -> bool:
        return facts.level_db - facts.floor_db < self.rules.margin_db

    def _notice(self, facts: CallerSpeech) -> None:
        if facts.stage == "onset":
            self._clearest = self._before_ms = self._counted_ms = 0.0
            self._facts, self._echoed = None, False
            self._kinds.clear()
        self._echoes = self._echoes + 1 if self._is_ours(facts) else 0
        before_ms = self._facts.speech_ms if self._facts is not None else 0.0
        if self._echoes >= self.rules.echoes:
            self._counted_ms, self._echoed = 0.0, True
        elif not self._is_soft(facts) and facts.echo < (self.rules.echo_gone if self._echoed else self.rules.echo):
            self._counted_ms += facts.speech_ms - before_ms
        self._clearest = max(self._clearest, facts.probability)
        self._facts = facts
        self._present = facts.stage != "offset"

    def _learn(self, facts: CallerSpeech) -> None:
        """How loud the person is, from speech that is not a mere sound."""
        if facts.speech_ms >= self.rules.learn_ms and facts.probability >= self.rules.clear:
            self.usual.learn(facts.level_db)

    def _is_soft(self, facts: CallerSpeech) -> bool:
        usual_db = self.usual.level_db
        return usual_db is not None and facts.level_db < usual_db - self.rules.soft_db

    def _insists(self, facts: CallerSpeech) -> bool:
        """Soft speech for so long that it is perhaps the person after all; not what went on when the reply began."""
        return self._before_ms == 0.0 and not self._echoed and facts.speech_ms >= self.rules.soft_yield_ms

    def _needed_ms(self) -> float:
        rules = self.rules
        if self._echoed:
            return rules.echoed_yield_ms
        if self._clearest < rules.clear:
            return rules.unclear_yield_ms
        assert self._sound_since is not None
        early = (self._onset_at - self._sound_since) * 1000 < rules.grace_ms
        wary = (self._onset_at - self._dismissed_at) * 1000 < rules.back_off_ms
        return rules.wary_yield_ms if early or wary else rules.yield_ms

    def _begin(self, facts: CallerSpeech, now: float) -> None:
        if self.doubt is Doubt.IDLE or facts.stage == "onset":
            self._onset_at = now - facts.speech_ms / 1000
            self._ended_at = None
        if self.doubt is not Doubt.DISMISSED or facts.stage == "onset":
            self.doubt = Doubt.DOUBT

    def _duck(self) -> Verdict:
        if self.doubt is not Doubt.DOUBT or self._ducked:
            return Verdict.NOTHING
        self._ducked = True
        return Verdict.DUCK

    def _take(self) -> Verdict:
        self.doubt, self._ducked, self._ended_at = Doubt.TAKEN, False, None
        return Verdict.YIELD

    def _dismiss(self, now: float) -> Verdict:
        was_ducked, self._ducked = self._ducked, False
        self.doubt, self._dismissed_at = Doubt.DISMISSED, now
        return Verdict.RESTORE if was_ducked else Verdict.NOTHING

    def _offset(self, facts: CallerSpeech, now: float) -> Verdict:
        if self.doubt is Doubt.TAKEN or self.doubt is Doubt.DISMISSED:
            self.doubt = Doubt.IDLE
        elif self.doubt is Doubt.DOUBT:
            self._ended_at = now - facts.late_ms / 1000
            return self.tick(now)
        return Verdict.NOTHING
