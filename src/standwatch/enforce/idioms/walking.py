"""From the grammar's tree of a command line to its commands, in the order in which they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from standwatch.enforce.idioms.line import Command, Redirect, Word
from standwatch.enforce.idioms.quoting import ansi, braces, unescaped

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEPEST: Final = 60
_NODES: Final = 20_000
_COMMANDS: Final = 1_000
_WORDS: Final = 64
"""Words that one word with braces may come to."""
_LITERAL: Final = frozenset({"word", "number", "variable_name", "regex", "test_operator", "extglob_pattern"})
_EMPTY: Final = frozenset({"$@", "$*"})
_SPLIT: Final = "\x00"
"""Stands for `$IFS` in a word, at which it falls apart."""
_BARE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_TELLING: Final = re.compile(r"[/~]|\.\.|.*\s|rm$|sh$|sudo$")
"""Values of variables that lead further than others."""
_SETTERS: Final = frozenset({"read", "mapfile", "readarray", "unset", "getopts", "eval", "source", "."})
"""What gives variables values that do not stand in the line."""
_CHOSEN: Final = re.compile(r"\$\{[A-Za-z_]\w*:?[-=+](.+)\}", re.DOTALL)
"""A variable with another value beside its own."""
_CUT: Final = re.compile(r"\$\{([A-Za-z_]\w*)[%#:/^,@].*\}", re.DOTALL)
_FIELD: Final = re.compile(r"\$\{?IFS")


class TooMuchError(Exception):
    """More nodes, more commands, or deeper inside each other than is read."""


class Walk:
    """One tree, in the order in which its commands stand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _NODES
        self._known: dict[str, str] = {}
        """Variables whose value stands in the line."""
        self._several: dict[str, str] = {}
        """Of variables that have one value after the other, the one that leads furthest."""
        self._fields = False
        """Whether the line says at what else than blanks words fall apart."""
        self.commands: list[Command] = []
        self.functions: set[str] = set()
        self._extra: list[Word] = []
        """Words that the grammar took for further destinations of a redirection."""

    # --- statements ------------------------------------------------------------------------------------------

    def statement(self, node: Node, fed: int, depth: int) -> None:
        self._enter(depth)
        match node.type:
            case "command" | "declaration_command" | "unset_command":
                self._add(self._simple(node, (), fed, depth), node)
            case "variable_assignment":
                self._add(Command((), (self._assignment(node, depth),), (), fed), node)
            case "variable_assignments":
                self._add(
                    Command((), tuple(self._assignment(one, depth) for one in node.named_children), (), fed),
                    node,
                )
            case "pipeline":
                feeds = fed
                for one in node.named_children:
                    before = len(self.commands)
                    self.statement(one, feeds, depth + 1)
                    feeds = len(self.commands) - 1 if len(self.commands) > before else feeds
            case "redirected_statement":
                self._redirected(node, fed, depth)
            case "function_definition":
                name = node.child_by_field_name("name")
                self.functions.add(self._source(name) if name is not None else "")
                self._each(node, fed, depth)
            case "for_statement":
                self._loop(node, fed, depth)
            case "comment" | "heredoc_body" | "heredoc_start" | "heredoc_end":
                pass
            case "word" | "concatenation" | "string" | "raw_string" | "ansi_c_string" | "translated_string":
                word = self._word(node, depth)  # for what is substituted into it
                if "[" in word.text and word.quoted:  # `[[ 'a[…]' -eq 1 ]]` runs what is in it
                    self._add(Command((Word(":"), word), (), (), -1), node)
            case _:
                self._each(node, fed, depth)

    def _each(self, node: Node, fed: int, depth: int) -> None:
        for one in node.named_children:
            self.statement(one, fed, depth + 1)

    def _loop(self, node: Node, fed: int, depth: int) -> None:
        """`for NAME in WORD…`: its body is read with the first of them for the name, where that is known."""
        values = [self._word(one, depth) for one in node.children_by_field_name("value")]
        name = node.child_by_field_name("variable")
        if name is not None and len(values) == 1 and not values[0].expands and "*" not in values[0].text:
            self._known[self._source(name)] = values[0].text
        elif name is not None:
            self._known.pop(self._source(name), None)
            told = [one.text for one in values if one.text]
            self._several[self._source(name)] = next(filter(_TELLING.match, told), "")
        body = node.child_by_field_name("body")
        if body is not None:
            self.statement(body, fed, depth + 1)

    def _redirected(self, node: Node, fed: int, depth: int) -> None:
        body = node.child_by_field_name("body")
        found: list[Redirect] = []
        tails: list[Node] = []
        more: list[Word] = []
        for one in node.named_children:
            if one.type in ("file_redirect", "herestring_redirect"):
                found.append(self._redirect(one, depth))
            elif one.type == "heredoc_redirect":
                self._document(one, found, tails, more, depth)
        before = len(self.commands)
        if body is not None and body.type in ("command", "declaration_command", "unset_command"):
            command = self._simple(body, tuple(found), fed, depth)
            if more:
                command = msgspec.structs.replace(command, words=(*command.words, *more))
            self._add(command, body)
        else:
            if body is not None:
                self.statement(body, fed, depth + 1)
            if len(self.commands) > before:
                # What feeds or catches a group feeds and catches what is in it.
                for place in range(before, len(self.commands)):
                    one = self.commands[place]
                    self.commands[place] = msgspec.structs.replace(one, redirects=(*one.redirects, *found))
            else:
                self._add(Command((), (), tuple(found), fed), node)
        own = len(self.commands) - 1
        for tail in tails:
            if tail.type == "pipeline":
                feeds = own
                for one in tail.named_children:
                    self.statement(one, feeds, depth + 1)
                    feeds = len(self.commands) - 1
            else:
                self.statement(tail, -1, depth + 1)

    def _document(
        self, node: Node, found: list[Redirect], tails: list[Node], more: list[Word], depth: int
    ) -> None:
        """`<<`: the document, and what the grammar puts beside it: the rest of its own line."""
        body, quoted = "", False
        for one in node.named_children:
            match one.type:
                case "heredoc_start":
                    quoted = any(mark in self._source(one) for mark in "'\"\\")
                case "heredoc_body":
                    body = self._source(one)
                    if not quoted:
                        self._substituted(one, depth)
                case "heredoc_end" | "comment":
                    pass
                case "file_redirect" | "herestring_redirect":
                    found.append(self._redirect(one, depth))
                case (
                    "command"
                    | "pipeline"
                    | "redirected_statement"
                    | "list"
                    | "subshell"
                    | "compound_statement"
                    | "negated_command"
                    | "declaration_command"
                    | "variable_assignment"
                    | "if_statement"
                    | "while_statement"
                    | "for_statement"
                ):
                    tails.append(one)
                case _:
                    more += self._words(one, depth)
        found.append(Redirect("<<", Word(body, quoted=quoted)))

    def _redirect(self, node: Node, depth: int) -> Redirect:
        target = node.child_by_field_name("destination")
        op = next((one.type for one in node.children if not one.is_named), "")
        if node.type == "herestring_redirect":
            op, target = "<<<", next(iter(node.named_children), None)
        if target is None or len(node.children_by_field_name("destination")) > 1:
            # `> file word`: the grammar takes the words behind for destinations as well.
            targets = node.children_by_field_name("destination")
            if not targets:
                return Redirect(op, Word(""))
            target = targets[0]
            self._extra += [word for one in targets[1:] for word in self._words(one, depth)]
        return Redirect(op, self._word(target, depth))

    # --- a simple command ------------------------------------------------------------------------------------

    def _simple(self, node: Node, redirects: tuple[Redirect, ...], fed: int, depth: int) -> Command:
        words: list[Word] = []
        assigned: list[tuple[str, Word]] = []
        own: list[Redirect] = []
        if node.type != "command":
            first = node.children[0] if node.children else node
            words.append(Word(self._source(first)))
        for one in node.named_children:
            match one.type:
                case "variable_assignment" if node.type == "command":
                    assigned.append(self._assignment(one, depth))
                case "variable_assignment":
                    name, value = self._assignment(one, depth)
                    words.append(Word(f"{name}={value.text}", value.quoted, value.expands))
                case "command_name":
                    for part in one.named_children:
                        words += self._words(part, depth)
                case "file_redirect" | "herestring_redirect":
                    own.append(self._redirect(one, depth))
                case "heredoc_redirect":
                    self._document(one, own, [], words, depth)
                case "comment":
                    pass
                case _:
                    words += self._words(one, depth)
        words, self._extra = [*words, *self._extra], []
        if words and (
            words[0].text in _SETTERS or (words[0].text == "printf" and "-v" in [one.text for one in words])
        ):
            self._known.clear()
        return Command(tuple(words), tuple(assigned), (*own, *redirects), fed)

    def _assignment(self, node: Node, depth: int) -> tuple[str, Word]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        key = self._source(name) if name is not None else ""
        found = Word("") if value is None else self._word(value, depth)
        whole = (
            name is not None
            and name.type == "variable_name"
            and b"+=" not in self._data[node.start_byte : node.end_byte]
        )
        self._fields = self._fields or (key == "IFS" and bool(found.text.strip()))
        if found.expands or not whole or key == "IFS":
            self._known.pop(key, None)
        elif not (_TELLING.match(self._known.get(key, "")) and not _TELLING.match(found.text)):
            # Which of several values it has, is known only when it runs: the one that leads further counts.
            self._known[key] = found.text
        return key, found

    def _add(self, command: Command, node: Node) -> None:
        if len(self.commands) >= _COMMANDS:
            raise TooMuchError
        self.commands.append(command)

    # --- words -----------------------------------------------------------------------------------------------

    def _words(self, node: Node, depth: int) -> list[Word]:
        """What one word comes to: several where it has braces, or is split at `$IFS`."""
        word = self._word(node, depth, splits=True)
        if not word.text and word.expands:  # `$@` alone: as many words as there are
            word = Word(self._source(node), expands=True)
        texts = [word.text]
        if "{" in word.text and "," in word.text and not word.quoted:
            texts = braces(word.text, _WORDS)
        if any(_SPLIT in one for one in texts):
            texts = [part for one in texts for part in one.split(_SPLIT) if part]
        return [Word(one, word.quoted, word.expands) for one in texts]

    def _word(self, node: Node, depth: int, *, splits: bool = False) -> Word:
        self._enter(depth)
        match node.type:
            case "raw_string":
                return Word(self._source(node)[1:-1], quoted=True)
            case "ansi_c_string":
                return Word(ansi(self._source(node)[2:-1]), quoted=True)
            case "string" | "translated_string":
                return self._string(node, depth)
            case "simple_expansion" | "expansion":
                return self._expansion(node, depth, splits=splits)
            case "command_substitution" | "process_substitution" | "arithmetic_expansion":
                self._each(node, -1, depth)
                return Word(self._source(node), expands=True)
            case "concatenation" | "array" | "arithmetic" | "subscript":
                return self._together(node, depth, splits=splits)
            case "brace_expression":
                return Word(self._source(node), expands=False)
            case one if one in _LITERAL or not node.named_children:
                if node.named_children:
                    self._substituted(node, depth)
                return Word(unescaped(self._source(node)))
            case _:
                self._each(node, -1, depth)
                return Word(self._source(node), expands=True)

    def _together(self, node: Node, depth: int, *, splits: bool) -> Word:
        made, quoted, expands, at = list[str](), False, False, node.start_byte
        for one in node.children:
            made.append(self._between(at, one.start_byte))
            at = one.end_byte
            if not one.is_named:
                made.append(self._between(one.start_byte, one.end_byte))
                continue
            part = self._word(one, depth + 1, splits=splits)
            made.append(part.text)
            quoted, expands = quoted or part.quoted, expands or part.expands
        made.append(self._between(at, node.end_byte))
        return Word("".join(made), quoted, expands)

    def _string(self, node: Node, depth: int) -> Word:
        """A double-quoted text. What the grammar leaves out between its pieces is blank, and belongs to it."""
        if node.type == "translated_string":
            return (
                self._string(node.named_children[0], depth + 1)
                if node.named_children
                else Word("", quoted=True)
            )
        made, expands = list[str](), False
        end = node.end_byte - 1 if self._data[node.end_byte - 1 : node.end_byte] == b'"' else node.end_byte
        at = node.start_byte + 1
        for one in node.named_children:
            made.append(self._between(at, one.start_byte))
            at = one.end_byte
            if one.type == "string_content":
                made.append(unescaped(self._source(one), within='$`"\\\n'))
            else:
                part = self._word(one, depth + 1)
                made.append(part.text)
                expands = expands or part.expands
        made.append(self._between(at, end))
        return Word("".join(made), quoted=True, expands=expands)

    def _expansion(self, node: Node, depth: int, *, splits: bool) -> Word:
        text = self._source(node)
        if _FIELD.match(text):
            return Word(_SPLIT if splits else " ")
        if text in _EMPTY:
            return Word("", expands=True)
        bare = _BARE.fullmatch(text)
        if bare is not None and bare[1] in self._known:
            value = self._known[bare[1]]
            if self._fields and splits:
                return Word(value, expands=True)
            return Word(_SPLIT.join(value.split()) if splits else value)
        if bare is not None and bare[1] == "HOME":
            return Word("~")
        if bare is not None and bare[1].startswith("STANDWATCH_"):
            return Word("~/.standwatch", expands=True)  # wherever it is, it is not the agent's
        if bare is not None and self._several.get(bare[1]):
            return Word(self._several[bare[1]], expands=True)
        if node.type == "expansion":
            self._substituted(node, depth)
            # What else it may come to, and what it is cut from, lead as far as the variable itself.
            if (chosen := _CHOSEN.fullmatch(text)) and "$(" not in text and "`" not in text:
                other = unescaped(chosen[1].replace('"', "").replace("'", ""))
                return Word(re.sub(r"\$(?:HOME\b|\{HOME\})", "~", other), expands=True)
            cut = _CUT.fullmatch(text)
            if cut is not None and (value := {"HOME": "~", **self._several, **self._known}.get(cut[1])):
                return Word(value, expands=True)
        return Word(text, expands=True)

    def _substituted(self, node: Node, depth: int) -> None:
        """What stands inside a text and runs."""
        self._enter(depth)
        for one in node.named_children:
            if one.type in ("command_substitution", "process_substitution"):
                self._each(one, -1, depth + 1)
            else:
                self._substituted(one, depth + 1)

    def _enter(self, depth: int) -> None:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise TooMuchError

    def _source(self, node: Node) -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _between(self, start: int, end: int) -> str:
        return self._data[start:end].decode("utf-8", "replace") if end > start else ""
