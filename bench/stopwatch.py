"""A table whose rows are measured within a budget of time, and a stopwatch for the training loop."""

import gc
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


class EnoughError(Exception):
    """The stopwatch has what it wants."""


class OutOfTimeError(Exception):
    """A row has outlasted its limit."""


class Stopwatch:
    """The loop's `advance`: epochs a second from the end of the warm-up on; ends the loop when it has looked enough."""

    def __init__(self, device: torch.device, *, warm_steps: int, seconds: float, epochs_per_step: int) -> None:
        self.device, self.warm_steps, self.seconds = device, warm_steps, seconds
        self.epochs_per_step, self.steps = epochs_per_step, 0
        self.begun = self.warm_at = time.perf_counter()
        self.rate = math.nan

    def __call__(self, *_: object) -> None:
        self.steps += 1
        if self.steps == self.warm_steps:
            self._wait()
            self.warm_at = time.perf_counter()
        elif self.steps > self.warm_steps and time.perf_counter() - self.warm_at >= self.seconds:
            self._wait()
            measured = self.steps - self.warm_steps
            self.rate = measured * self.epochs_per_step / (time.perf_counter() - self.warm_at)
            raise EnoughError

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


@dataclass
class Table:
    """Rows as they are measured, each within the budget."""

    ends_at: float
    rates: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    n_failed: int = 0

    def head(self, title: str) -> None:
        print(f"\n{title:<58} {'epochs/s':>10} {'at the most':>12} {'reached':>8} {'GB':>6} {'took':>6}", flush=True)

    def row(self, name: str, limit_s: float, bound: float, measure: Callable[[], float]) -> float:
        """Measure one; NaN where it failed or there was no time for it."""
        begun, left = time.perf_counter(), self.ends_at - time.perf_counter()
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        try:
            with limited(min(limit_s, left) if left > limit_s / 4 else 0.0):
                rate = measure()
        except OutOfTimeError:
            print(f"{name:<58} left out: no time for it", flush=True)
            rate = math.nan
        except Exception as error:  # one way that fails says nothing of the others
            print(f"{name:<58} failed: {type(error).__name__}: {' '.join(str(error).split())[:160]}", flush=True)
            rate = math.nan
            self.n_failed += 1
        else:
            gigabytes = f"{torch.cuda.max_memory_allocated() / 1e9:>6.1f}" if cuda else f"{'–':>6}"
            share = f"{bound:>12,.0f} {rate / bound:>8.0%}" if bound else f"{'–':>12} {'–':>8}"
            took = time.perf_counter() - begun
            print(f"{name:<58} {rate:>10,.0f} {share} {gigabytes} {took:>4.0f} s", flush=True)
            self.rates[name] = rate
        torch.compiler.reset()
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()
        return rate

    def timed(self, name: str, limit_s: float, work: Callable[[], object]) -> None:
        """Seconds of something a fold does besides steps."""
        begun = time.perf_counter()
        try:
            with limited(min(limit_s, max(1.0, self.ends_at - begun))):
                work()
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
        except (OutOfTimeError, torch.OutOfMemoryError) as error:
            print(f"{name:<58} left out: {type(error).__name__}", flush=True)
            return
        self.seconds[name] = time.perf_counter() - begun
        print(f"{name:<58} {self.seconds[name]:>10.2f} s", flush=True)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OutOfTimeError` in the block when it has taken so long; before it, where there is no time at all."""
    if seconds <= 0:
        raise OutOfTimeError

    def end(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
