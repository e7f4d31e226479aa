"""Patterns that say where a corpus keeps its files: ``{subject}/night{night}.edf``."""

import re
from typing import Final

from mc2sleepnet.core.errors import InputError

_PART: Final = re.compile(r"\{(\w*)\}|\*\*/?|[*?]")
_REMEDY: Final = "Write {subject}, {night}, or a word like them"
_REGEX_OF: Final = {"*": "[^/]*", "?": "[^/]", "**": ".*", "**/": "(?:.*/)?"}


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression for the end of a path, in either case.

    ``*`` and ``?`` stand for letters within a name, ``**`` for folders too. ``{word}`` stands for at least one letter
    within a name and gives it that name; the same word twice stands for the same letters.

    Raises
    ------
    InputError
        If a word is empty or braces are left open.
    """
    regex, at, words = "", 0, set()
    for part in _PART.finditer(pattern):
        regex += re.escape(pattern[at : part.start()])
        at = part.end()
        word = part[1]
        if word is None:
            regex += _REGEX_OF[part[0]]
        elif not word.isidentifier():
            raise InputError(pattern, f"'{part[0]}' is no word in braces", _REMEDY)
        else:
            regex += f"(?P={word})" if word in words else f"(?P<{word}>[^/]+?)"
            words.add(word)
    rest = pattern[at:]
    if "{" in re.sub(_PART, "", pattern) or "}" in re.sub(_PART, "", pattern):
        raise InputError(pattern, "has a brace that is left open", _REMEDY)
    return re.compile(f"(?:.*/)?{regex}{re.escape(rest)}", re.IGNORECASE)
