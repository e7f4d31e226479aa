"""Mistakes a user can make, each told as file, fault and remedy."""

from pathlib import Path


class InputError(ValueError):
    """Something the user gave cannot be used.

    Parameters
    ----------
    where
        The file, folder or option at fault, as the user named it.
    fault
        What is wrong with it, one clause without a full stop.
    remedy
        What the user can do about it, one sentence without a full stop.
    """

    def __init__(self, where: str | Path, fault: str, remedy: str) -> None:
        self.where = str(where)
        self.fault = fault
        self.remedy = remedy
        super().__init__(f"{self.where}: {fault}. {remedy}.")

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """Cross the border of a process whole: an exception is otherwise rebuilt from its message alone."""
        return type(self), (self.where, self.fault, self.remedy)


class SomeInputsError(InputError):
    """Some of several inputs cannot be used; what could be done with the others is done."""
