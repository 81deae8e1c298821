"""Medians, and how far they can be trusted."""

import random
from dataclasses import dataclass
from statistics import median

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """A median and its 95 % interval."""

    median: float
    low: float
    high: float

    def text(self, decimals: int = 2) -> str:
        return f"{self.median:.{decimals}f} [{self.low:.{decimals}f}, {self.high:.{decimals}f}]"

    def json(self) -> dict[str, float]:
        return {"median": self.median, "low": self.low, "high": self.high}


def spread(values: list[float]) -> Spread:
    """By bootstrap: the percentiles of the medians of resamples (Efron 1979). The same values give
    the same interval: the generator's seed is fixed."""
    if not values:
        raise ValueError("no values")
    generator = random.Random(1)
    medians = sorted(
        median(generator.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - CONFIDENCE) / 2
    low = medians[round(tail * (RESAMPLES - 1))]
    high = medians[round((1 - tail) * (RESAMPLES - 1))]
    return Spread(median(values), low, high)


def ratios(values: list[float], base: list[float]) -> list[float]:
    """Round by round: what disturbs a round disturbs both."""
    if len(values) != len(base):
        raise ValueError("samples are not paired")
    return [value / by for value, by in zip(values, base)]
