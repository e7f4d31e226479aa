"""Round numbers along an axis."""

import math


def round_ticks(low: float, high: float, most: int = 6, *, is_count: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within ``[low, high]``; two at least, and `most` or few more.

    Where the span is too small or no number, an axis around it. Counts get whole numbers alone, though that be one.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return [0.0, 1.0]
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    # The widest step that still has two multiples within the span: one of a quarter of it always has.
    steps = [max(power * factor, 1.0 if is_count else 0.0) for factor in (0.2, 0.5, 1, 2, 5, 10)]
    widest = next(at for at, step in enumerate(steps) if step >= rough * 0.999)
    for step in reversed(steps[: widest + 1]):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last > first:
            break
    return [round(i * step, 12) for i in range(first, last + 1)]
