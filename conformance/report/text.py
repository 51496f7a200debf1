"""Text that came from a server, made safe to look at."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cut", "visible"]

# What a browser does not draw, or lets change the order of what it draws around it.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
SUSPECT = re.compile(r"[^ -~\u00a1-\u00ac\u00ae-\u02ff]")


def visible(text: str) -> str:
    r"""Return a text with controls, lone surrogates and direction marks as ``\xNN`` or ``\uNNNN``.

    The result can always be encoded as UTF-8. Escaping for HTML is a second step, not done here.
    """
    return SUSPECT.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character) not in UNSEEN:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters, the last one an ellipsis if any were lost."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
