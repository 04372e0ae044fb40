"""A command line taken apart as POSIX shells do (XCU 2.2 to 2.7): commands, words, redirections, substitutions."""

from typing import Final

import msgspec


class UnreadableError(Exception):
    """The text is no command line: a quote or a substitution is not closed."""


class Word(msgspec.Struct, frozen=True):
    """One word, its quotes removed. `expands`: what it comes to is known only when it runs."""

    text: str
    quoted: bool = False
    expands: bool = False


class Redirect(msgspec.Struct, frozen=True):
    """`>`, `<`, `<<<` and their kin, and the word behind them."""

    op: str
    target: Word


class Command(msgspec.Struct, frozen=True):
    """One simple command. `after`: its input is the output of the command before it."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    after: bool = False


_BREAKS: Final = ("&&", "||", "|&", ";;", ";", "|", "&", "\n", "(", ")")
_REDIRECTS: Final = ("<<<", "<<-", "&>>", "<<", ">>", ">|", ">&", "<&", "&>", "<>", ">", "<")
_ANSI: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "0": "\0"}
MOST: Final = 65_536
"""Characters of a command line that are read."""


class Reader:
    """Reads one text; `commands` in the order in which they stand, `inner` what is substituted into them."""

    def __init__(self, text: str) -> None:
        if len(text) > MOST:
            raise UnreadableError("longer than is read")
        self._text, self._at = text, 0
        self.commands: list[Command] = []
        self.inner: list[str] = []
        self.bodies: list[tuple[int, str]] = []
        """Here-documents, and the number of the command that reads each."""
        self._words: list[Word] = []
        self._redirects: list[Redirect] = []
        self._after = False
        self._heredocs: list[str] = []

    def read(self) -> "Reader":
        """All of it. Raises `UnreadableError`."""
        while self._at < len(self._text):
            self._step()
        self._end()
        return self

    def _step(self) -> None:
        char = self._text[self._at]
        if char in " \t\r":
            self._at += 1
        elif self._text.startswith("\\\n", self._at):
            self._at += 2
        elif char == "#":
            self._at = self._line_end()
        elif redirect := self._redirect():
            self._at += len(redirect)
            self._redirected(redirect)
        elif brk := next((one for one in _BREAKS if self._text.startswith(one, self._at)), ""):
            self._at += len(brk)
            self._end(piped=brk in ("|", "|&"))
            if brk == "\n":
                self._skip_heredocs()
        else:
            self._words.append(self._word())

    def _line_end(self) -> int:
        found = self._text.find("\n", self._at)
        return len(self._text) if found < 0 else found

    def _redirect(self) -> str:
        text, start = self._text, self._at
        digits = 0
        while start + digits < len(text) and text[start + digits].isdigit():
            digits += 1
        if text.startswith(("<(", ">("), start):
            return ""
        for op in _REDIRECTS:
            if text.startswith(op, start + digits):
                return text[start : start + digits] + op
        return ""

    def _redirected(self, op: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t":
            self._at += 1
        target = self._word()
        kind = op.lstrip("0123456789")
        if kind in ("<<", "<<-"):
            self._heredocs.append(target.text)
        self._redirects.append(Redirect(kind, target))

    def _skip_heredocs(self) -> None:
        for end in self._heredocs:
            start = self._at
            while self._at < len(self._text):
                line = self._text[self._at : self._line_end()]
                here = self._at
                self._at = min(self._line_end() + 1, len(self._text))
                if line.strip() == end:
                    self.bodies.append((max(len(self.commands) - 1, 0), self._text[start:here]))
                    break
        self._heredocs = []

    def _end(self, *, piped: bool = False) -> None:
        if self._words or self._redirects:
            self.commands.append(Command(tuple(self._words), tuple(self._redirects), self._after))
        self._words, self._redirects, self._after = [], [], piped

    # --- words ---------------------------------------------------------------------------------------------------

    def _word(self) -> Word:
        text, made, quoted, expands = self._text, list[str](), False, False
        while self._at < len(text):
            char = text[self._at]
            if (
                char in " \t\r\n;|&"
                or (char in "()" and not made)
                or (char in "<>" and not self._substitutes())
            ):
                break
            if char == ")":
                break
            if char == "\\":
                made.append(text[self._at + 1 : self._at + 2].replace("\n", ""))
                self._at += 2
            elif char == "'":
                made.append(self._until("'"))
                quoted = True
            elif char == '"':
                part, more = self._double()
                made.append(part)
                quoted, expands = True, expands or more
            elif text.startswith("$'", self._at):
                made.append(self._ansi())
                quoted = True
            elif char in "$`" or self._substitutes():
                made.append(self._expansion())
                expands = True
            else:
                made.append(char)
                self._at += 1
        return Word("".join(made), quoted, expands)

    def _substitutes(self) -> bool:
        return self._text.startswith(("<(", ">("), self._at)

    def _until(self, quote: str) -> str:
        end = self._text.find(quote, self._at + 1)
        if end < 0:
            raise UnreadableError("a quote is not closed")
        found, self._at = self._text[self._at + 1 : end], end + 1
        return found

    def _double(self) -> tuple[str, bool]:
        made, expands = list[str](), False
        self._at += 1
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return "".join(made), expands
            if char == "\\":
                follows = self._text[self._at + 1 : self._at + 2]
                made.append(follows if follows in '$`"\\\n' else "\\" + follows)
                self._at += 2
            elif char in "$`":
                made.append(self._expansion())
                expands = True
            else:
                made.append(char)
                self._at += 1
        raise UnreadableError("a quote is not closed")

    def _ansi(self) -> str:
        self._at += 2
        made = list[str]()
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "'":
                self._at += 1
                return "".join(made)
            if char == "\\":
                made.append(self._escaped())
            else:
                made.append(char)
                self._at += 1
        raise UnreadableError("a quote is not closed")

    def _escaped(self) -> str:
        follows = self._text[self._at + 1 : self._at + 2]
        if follows == "x":
            digits = self._text[self._at + 2 : self._at + 4]
            self._at += 4
            try:
                return chr(int(digits, 16))
            except ValueError as error:
                raise UnreadableError("an escape that is none") from error
        self._at += 2
        return _ANSI.get(follows, follows)

    def _expansion(self) -> str:
        """What stands at a `$` or a backtick; commands in it are kept for their own sake."""
        text, start = self._text, self._at
        if text[start] == "`":
            inner = self._until("`")
            self.inner.append(inner)
            return f"`{inner}`"
        for opening, closing in (("$((", "))"), ("$(", ")"), ("<(", ")"), (">(", ")"), ("${", "}")):
            if text.startswith(opening, start):
                end = self._closing(start + len(opening), opening[-1], closing[-1])
                inner = text[start + len(opening) : end]
                if opening in ("$(", "<(", ">("):
                    self.inner.append(inner)
                self._at = min(end + len(closing), len(text))
                return text[start : self._at]
        self._at += 1
        while self._at < len(text) and (text[self._at].isalnum() or text[self._at] == "_"):
            self._at += 1
        return text[start : self._at]

    def _closing(self, start: int, opening: str, closing: str) -> int:
        depth, at, quote = 1, start, ""
        while at < len(self._text):
            char = self._text[at]
            if quote:
                at += char == "\\" and quote == '"'
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char == "\\":
                at += 1
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if not depth:
                    return at
            at += 1
        raise UnreadableError("a substitution is not closed")
