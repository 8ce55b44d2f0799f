"""What conversations have taken so far: minutes and dollars, of each key and of all.

Counted over a day that begins with the first conversation. Time is an argument: seconds since 1970, so that what is
kept of a day means the same after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from voice.errors import Busy, RequestRefused
from voice.session import effects as ef
from voice.session import events as ev

DAY_S = 86_400.0
CHECK_S = 1.0
ALL = "*"
"""Stands for the owner in what is kept of all together."""


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """0: no limit."""

    minutes_per_owner: float = 0.0
    usd_per_owner: float = 0.0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What is kept of one owner's day, or of everybody's."""

    owner: str
    began_at: float
    talked_s: float
    usd: float


@dataclass(slots=True)
class Account:
    """One owner's day. `open_since` has the beginning of each conversation that goes on."""

    began_at: float
    talked_s: float = 0.0
    usd: float = 0.0
    open_since: list[float] = field(default_factory=list)

    def minutes(self, now: float) -> float:
        return (self.talked_s + sum(now - max(since, self.began_at) for since in self.open_since)) / 60

    def spent(self, owner: str, now: float) -> Spent:
        return Spent(owner, self.began_at, self.minutes(now) * 60, self.usd)


class Quotas:
    """The accounts of everybody."""

    def __init__(self, limits: QuotaLimits) -> None:
        self._limits = limits
        self._accounts: dict[str, Account] = {}
        self._all = Account(0.0)

    @property
    def is_free(self) -> bool:
        """Whether there is no limit at all."""
        return self._limits == QuotaLimits()

    def check(self, owner: str, now: float) -> None:
        """May this owner begin another conversation? Raises RequestRefused (429), or Busy when all is spent."""
        if why := self.used_up(owner, now):
            account = self._account(owner, now)
            if why == "spent":
                raise Busy("The spending limit of this service is reached.", retry_after_s=self._rest_s(self._all, now))
            message = "The minutes of this key are used up." if why == "minutes" else "This key's money is spent."
            raise RequestRefused(429, "insufficient_quota", message, retry_after_s=self._rest_s(account, now))

    def used_up(self, owner: str, now: float) -> str:
        """Which limit is reached: `minutes` or `usd` of the owner, `spent` of all; empty: none."""
        limits, account = self._limits, self._account(owner, now)
        if limits.usd and self._fresh(self._all, now).usd >= limits.usd:
            return "spent"
        if limits.usd_per_owner and account.usd >= limits.usd_per_owner:
            return "usd"
        if limits.minutes_per_owner and account.minutes(now) >= limits.minutes_per_owner:
            return "minutes"
        return ""

    def begin(self, owner: str, now: float) -> None:
        """A conversation begins."""
        self._account(owner, now).open_since.append(now)

    def spend(self, owner: str, usd: float, now: float) -> None:
        """It has cost so much more."""
        self._account(owner, now).usd += usd
        self._fresh(self._all, now).usd += usd

    def end(self, owner: str, began_at: float, now: float) -> None:
        """The conversation that began then is over."""
        account = self._account(owner, now)
        if began_at in account.open_since:
            account.open_since.remove(began_at)
            account.talked_s += now - max(began_at, account.began_at)

    def spent(self, now: float) -> list[Spent]:
        """What there is to keep. Conversations that go on count up to now."""
        accounts = {**self._accounts, ALL: self._all}
        days = [account.spent(owner, now) for owner, account in accounts.items() if now - account.began_at < DAY_S]
        return [day for day in days if day.talked_s or day.usd]

    def restore(self, kept: Iterable[Spent], now: float) -> None:
        """Go on from what was kept. Days that are over are forgotten by themselves; one that begins later than now
        (somebody has set the clock back) begins now."""
        for day in kept:
            account = Account(min(day.began_at, now), day.talked_s, day.usd)
            if day.owner == ALL:
                self._all = account
            else:
                self._accounts[day.owner] = account

    def _account(self, owner: str, now: float) -> Account:
        account = self._accounts.get(owner)
        if account is None:
            account = self._accounts[owner] = Account(now)
        return self._fresh(account, now)

    def _fresh(self, account: Account, now: float) -> Account:
        """A new day begins: what goes on is counted from its beginning in that day."""
        if not account.began_at:
            account.began_at = now
        if now - account.began_at >= DAY_S:
            account.began_at, account.talked_s, account.usd = now, 0.0, 0.0
        return account

    def _rest_s(self, account: Account, now: float) -> float:
        return max(1.0, account.began_at + DAY_S - now)


class Meter:
    """Watches one session: what it costs goes to its owner's account, and it ends when that is used up."""

    def __init__(self, quotas: Quotas, owner: str, clock: Callable[[], float]) -> None:
        self._quotas = quotas
        self._owner = owner
        self._clock = clock
        self._cost_usd = 0.0
        self._look_at = CHECK_S
        self.began_at = clock()
        self.over: Callable[[str], None] = lambda reason: None
        quotas.begin(owner, self.began_at)

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        for effect in effects:
            if type(effect) is ef.Note and effect.kind == "usage":
                self._charge(float(effect.values.get("cost_usd") or 0.0))
        if now >= self._look_at:
            self._look_at = now + CHECK_S
            self.look()

    def look(self) -> None:
        """End the session if there is nothing left to use. Minutes pass also when nothing happens."""
        if self._quotas.used_up(self._owner, self._clock()):
            self.over("the limit of minutes or spending is reached")

    def close(self) -> None:
        """The conversation is over."""
        self._quotas.end(self._owner, self.began_at, self._clock())

    def _charge(self, cost_usd: float) -> None:
        self._quotas.spend(self._owner, cost_usd - self._cost_usd, self._clock())
        self._cost_usd = cost_usd
