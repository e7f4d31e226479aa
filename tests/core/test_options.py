"""What options check about themselves."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from mc2sleepnet.core.options import check_choices


@dataclass(frozen=True, kw_only=True)
class Choice:
    kind: Literal["layer", "none"] = "layer"
    size: int = 3

    def __post_init__(self) -> None:
        check_choices(self)


def test_a_value_that_is_no_choice_is_refused_with_the_choices() -> None:
    wrong: Any = "surprise"
    with pytest.raises(ValueError, match="kind must be 'layer' or 'none', not 'surprise'"):
        Choice(kind=wrong)


def test_choices_and_everything_that_is_none_pass() -> None:
    assert Choice(kind="none", size=7).kind == "none"
