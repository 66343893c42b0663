"""When to stop drawing noisy copies, and what the votes seen by then prove.

A rule says at which numbers of votes it wants to look (`looks`), whether to stop there (`stops`),
and which lower limit of the top-class probability holds when it does (`limit`). The limit of every
rule is too large with probability at most `alpha`, exactly: a rule that stops too early or too late
can cost radius, never validity.

* `FixedRule`: n votes, one Clopper-Pearson limit.
* `TargetRule`: is the radius at least r? Stops when the confidence sequence says yes, when the
  votes left under the cap cannot make it yes any more, or when they are most unlikely to.
* `GainRule`: stops when one more step cannot raise the radius by more than eps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from certify.confidence import clopper_pearson_lower
from certify.interfaces import RadiusLike
from certify.rule_text import capped_text, fixed_text, lower_limit
from certify.sequential import log_wealth, looks

__all__ = ["FixedRule", "GainRule", "StoppingRule", "TargetRule", "smallest_count"]

#: Error of the second kind of giving up: the chance that an image is given up although its
#: probability is as large as the share of votes that the cap asks for.
_GIVING_UP = 0.01


class StoppingRule(Protocol):
    """What the sampling loop asks of a rule."""

    @property
    def alpha(self) -> float: ...

    @property
    def cap(self) -> int:
        """Largest number of votes."""
        ...

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of votes at which the rule decides; the last is the cap."""
        ...

    @property
    def text(self) -> str:
        """What a log has to say, so that `limit` can be computed again."""
        ...

    def stops(self, count: int, n: int) -> bool:
        """Whether to stop after `count` successes in `n` votes."""
        ...

    def limit(self, count: int, n: int) -> float:
        """Lower limit of the probability, rounded down, where the rule stopped."""
        ...


@dataclass(frozen=True)
class FixedRule:
    """A fixed number of votes, as in the literature."""

    cap: int
    alpha: float

    @property
    def looks(self) -> tuple[int, ...]:
        return (self.cap,)

    @property
    def text(self) -> str:
        return fixed_text()

    def stops(self, count: int, n: int) -> bool:
        return n >= self.cap

    def limit(self, count: int, n: int) -> float:
        return float(lower_limit(self.text, count, n, self.alpha))


@dataclass(frozen=True)
class TargetRule:
    """A sequential test of "the probability is at least `needed`".

    Attributes
    ----------
    cap : int
        Largest number of votes.
    alpha : float
        Failure probability of the limit.
    needed : float
        Probability, rounded up, from which on the wanted radius is certified.
    target : float
        That radius.
    """

    cap: int
    alpha: float
    needed: float
    target: float

    @property
    def looks(self) -> tuple[int, ...]:
        return looks(self.cap)

    @property
    def text(self) -> str:
        return capped_text(self.cap)

    @cached_property
    def _least(self) -> int | None:
        """Successes among `cap` votes that prove `needed` there; None if not even all do.

        It also decides whether the confidence sequence can still get there: if wealth 2/alpha is
        reached at the cap then so many successes have probability at most alpha/2 under `needed`
        (Markov), which is what the Clopper-Pearson limit there asks.
        """
        return smallest_count(self.cap, self.needed, self.alpha / 2.0)

    def stops(self, count: int, n: int) -> bool:
        least = self._least
        if n >= self.cap or least is None or count + (self.cap - n) < least:
            return True
        if self._accepts(count, n):
            return True
        share = least / self.cap
        # The same bet the other way round: failures against "at most 1 - share".
        if share >= 1.0:
            return False
        return bool(log_wealth(n - count, count, 1.0 - share) >= -math.log(_GIVING_UP))

    def _accepts(self, count: int, n: int) -> bool:
        return bool(log_wealth(count, n - count, self.needed) >= math.log(2.0 / self.alpha))

    def limit(self, count: int, n: int) -> float:
        limit = float(lower_limit(self.text, count, n, self.alpha))
        # The search for the limit may end an ulp below a probability that is rejected.
        return max(limit, self.needed) if self._accepts(count, n) else limit


@dataclass(frozen=True)
class GainRule:
    """Stops when `step` more votes, even if all are successes, raise the radius by at most `eps`.

    Attributes
    ----------
    cap, alpha
        As for `TargetRule`.
    eps : float
        Radius, in input units, that is not worth another step.
    step : int
        Votes between looks.
    radius : RadiusFunction
        Turns limits into radii.
    """

    cap: int
    alpha: float
    eps: float
    step: int
    radius: RadiusLike

    @property
    def looks(self) -> tuple[int, ...]:
        return (*range(self.step, self.cap, self.step), self.cap)

    @property
    def text(self) -> str:
        return capped_text(self.cap)

    def stops(self, count: int, n: int) -> bool:
        if n >= self.cap:
            return True
        more = min(self.step, self.cap - n)
        gain = self._radius(count + more, n + more) - self._radius(count, n)
        return gain <= self.eps

    def _radius(self, count: int, n: int) -> float:
        limit = self.limit(count, n)
        return float(self.radius(tail=1.0 - limit)) if limit > 0.5 else 0.0

    def limit(self, count: int, n: int) -> float:
        return float(lower_limit(self.text, count, n, self.alpha))


def smallest_count(n: int, needed: float, alpha: float) -> int | None:
    """Smallest k for which k of n prove `needed` at level `alpha`; None if n of n do not.

    Examples
    --------
    >>> smallest_count(1000, 0.9, 1e-3), smallest_count(10, 0.9, 1e-3)
    (929, None)
    """

    def proves(count: int) -> bool:
        return float(clopper_pearson_lower(count, n, alpha)) >= needed

    if not proves(n):
        return None
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high
