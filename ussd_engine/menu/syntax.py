"""The grammar of conditions: the part of CEL that menus use, read into a tree with places.

CEL's own library runs the expressions; this tree says where each name is, which names are variables
and of what kinds things are, so that a fault has a column and a plain sentence. Left out on purpose:
floats (money is whole cents), bytes, maps, timestamps. Length and depth are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 500
MAX_DEPTH = 32

METHODS = ("contains", "startsWith", "endsWith", "matches")
MACROS = ("all", "exists", "exists_one", "filter", "map")
FUNCTIONS = ("size", "int", "string", "has")
RESERVED = frozenset(
    {
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
        "loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
    }
)  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>\d+)
    |(?P<text>"(?:[^"\\\n]|\\["\\nrt'])*"|'(?:[^'\\\n]|\\["\\nrt'])*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])""",
    re.VERBOSE,
)
_BINARY = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
_ESCAPE = {"n": "\n", "r": "\r", "t": "\t"}


class ExpressionError(ValueError):
    """An expression that does not read or does not run. offset: where in it, when that is known."""

    def __init__(self, message: str, offset: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint


@dataclass(slots=True, frozen=True)
class Tree:
    """A node. kind: literal, path, bound (a path from a macro's own name), call, method, macro, list,
    index, select, unary, binary or ternary. name: operator, function or macro; path: its names."""

    kind: str
    start: int
    end: int
    name: str = ""
    value: bool | int | str | None = None
    path: tuple[str, ...] = ()
    children: "tuple[Tree, ...]" = ()

    def walk(self) -> "Iterator[Tree]":
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True, frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def parse(source: str) -> Tree:
    """The tree of an expression. Raises ExpressionError."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"The condition is longer than {MAX_LENGTH} characters.", 0)
    parser = _Parser(_tokens(source))
    tree = parser.expression()
    parser.finish()
    return tree


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise _unreadable(source, at)
        kind = str(found.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, found[0], at))
        at = found.end()
    tokens.append(_Token("end", "", len(source)))
    return tokens


def _unreadable(source: str, at: int) -> ExpressionError:
    character = source[at]
    if character in "\"'":
        return ExpressionError("This quote is never closed.", at, "Put the same quote after the text.")
    if character == "=" and source[:at].rstrip()[-1:] in tuple("<>=!"):
        sign = f"{source[:at].rstrip()[-1]}="
        return ExpressionError(f"`{sign}` has a space inside.", at, f"Write `{sign}`.")
    doubled = {"=": "==", "&": "&&", "|": "||"}.get(character)
    if doubled:
        return ExpressionError(f"`{character}` is not known here.", at, f"Write `{doubled}`.")
    return ExpressionError(f"`{character}` cannot be part of a condition.", at)


class _Parser:
    """Recursive descent over the tokens; depth is bounded."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._bound: list[str] = []

    def finish(self) -> None:
        """Nothing may be left."""
        token = self._peek()
        if token.kind != "end":
            hint = "Join two conditions with && (and) or || (or)."
            if token.text in ("and", "or", "not"):
                hint = f"Write {dict(zip(('and', 'or', 'not'), ('&&', '||', '!'), strict=True))[token.text]}."
            raise ExpressionError(f"`{token.text}` does not fit here.", token.start, hint)

    def expression(self) -> Tree:
        """A condition, with `a ? b : c`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"The condition is nested more than {MAX_DEPTH} deep.", self._peek().start)
        tree = self._binary(0)
        if self._take("?"):
            first = self.expression()
            self._expect(":", "after the first value of `? :`")
            second = self.expression()
            tree = Tree("ternary", tree.start, second.end, "?:", children=(tree, first, second))
        self._depth -= 1
        return tree

    def _binary(self, level: int) -> Tree:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek().text in _BINARY[level] and self._peek().kind in ("sign", "name"):
            operator = self._advance().text
            right = self._binary(level + 1)
            left = Tree("binary", left.start, right.end, operator, children=(left, right))
        return left

    def _unary(self) -> Tree:
        token = self._peek()
        if token.kind == "sign" and token.text in "!-":
            self._advance()
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ExpressionError("Too many signs in a row.", token.start)
            operand = self._unary()
            self._depth -= 1
            return Tree("unary", token.start, operand.end, token.text, children=(operand,))
        return self._member()

    def _member(self) -> Tree:
        tree = self._primary()
        while True:
            if self._take("."):
                tree = self._after_dot(tree)
            elif self._take("["):
                index = self.expression()
                closing = self._expect("]", "to close `[`")
                tree = Tree("index", tree.start, closing.end, "[]", children=(tree, index))
            else:
                return tree

    def _after_dot(self, tree: Tree) -> Tree:
        token = self._advance()
        if token.kind != "name":
            raise ExpressionError("A name belongs after the dot.", token.start)
        if self._peek().text != "(":
            if tree.kind in ("path", "bound"):
                return Tree(tree.kind, tree.start, token.end, path=(*tree.path, token.text))
            return Tree("select", tree.start, token.end, token.text, children=(tree,))
        self._advance()
        if token.text in MACROS:
            return self._macro(tree, token)
        if token.text not in METHODS:
            raise _unknown_function(token)
        arguments = self._arguments(")")
        return Tree("method", tree.start, self._before(), token.text, children=(tree, *arguments))

    def _macro(self, tree: Tree, token: _Token) -> Tree:
        name = self._advance()
        if name.kind != "name" or name.text in RESERVED or self._peek().text != ",":
            raise ExpressionError(
                f"`{token.text}` needs a name and a condition.",
                name.start,
                f"For example: .{token.text}(x, x.amount > 0)",
            )
        self._advance()
        self._bound.append(name.text)
        body = self.expression()
        self._bound.pop()
        closing = self._expect(")", f"to close `{token.text}(`")
        return Tree("macro", tree.start, closing.end, token.text, value=name.text, children=(tree, body))

    def _primary(self) -> Tree:
        token = self._advance()
        if token.kind == "number":
            return self._integer(token)
        if token.kind == "text":
            text = re.sub(r"\\(.)", lambda found: _ESCAPE.get(found[1], found[1]), token.text[1:-1])
            return Tree("literal", token.start, token.end, value=text)
        if token.kind == "name":
            return self._name(token)
        if token.text == "(":
            inner = self.expression()
            closing = self._expect(")", "to close `(`")
            return Tree("group", token.start, closing.end, children=(inner,))
        if token.text == "[":
            items = self._arguments("]")
            return Tree("list", token.start, self._before(), children=items)
        if token.kind == "end":
            raise ExpressionError("Something is missing at the end of the condition.", token.start)
        raise ExpressionError(f"`{token.text}` does not fit here: a name or value is missing.", token.start)

    def _integer(self, token: _Token) -> Tree:
        following = self._peek()
        if following.start == token.end and (following.text == "." or following.kind == "name"):
            raise ExpressionError("Only whole numbers are known.", token.start, "Money is counted in cents.")
        if len(token.text) > 18:
            raise ExpressionError("The number is too great.", token.start)
        return Tree("literal", token.start, token.end, value=int(token.text))

    def _name(self, token: _Token) -> Tree:
        if token.text in ("true", "false", "null"):
            value = {"true": True, "false": False, "null": None}[token.text]
            return Tree("literal", token.start, token.end, value=value)
        if token.text in RESERVED:
            raise ExpressionError(f"`{token.text}` is a word of the language, not a name.", token.start)
        if token.text == "not" and self._peek().kind == "name":
            raise ExpressionError("`not` is not known here.", token.start, "Write !")
        if self._peek().text != "(":
            kind = "bound" if token.text in self._bound else "path"
            return Tree(kind, token.start, token.end, path=(token.text,))
        if token.text not in FUNCTIONS:
            raise _unknown_function(token)
        self._advance()
        arguments = self._arguments(")")
        if len(arguments) != 1:
            raise ExpressionError(f"`{token.text}` takes one value.", token.start)
        if token.text == "has" and (arguments[0].kind not in ("path", "bound") or len(arguments[0].path) < 2):
            raise ExpressionError("`has` takes a name with a dot.", token.start, "For example: has(loan.ref)")
        return Tree("call", token.start, self._before(), token.text, children=arguments)

    def _arguments(self, closing: str) -> tuple[Tree, ...]:
        found: list[Tree] = []
        while not self._take(closing):
            if found:
                self._expect(",", f"or `{closing}`")
            found.append(self.expression())
        return tuple(found)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _advance(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _before(self) -> int:
        return self._tokens[self._next - 1].end

    def _take(self, text: str) -> bool:
        if self._peek().text == text and self._peek().kind != "text":
            self._advance()
            return True
        return False

    def _expect(self, text: str, why: str) -> _Token:
        token = self._peek()
        if not self._take(text):
            raise ExpressionError(f"`{text}` is missing {why}.", token.start)
        return token


def _unknown_function(token: _Token) -> ExpressionError:
    known = ", ".join((*FUNCTIONS, *(f".{name}" for name in (*METHODS, *MACROS))))
    return ExpressionError(f"There is no function `{token.text}`.", token.start, f"There are: {known}.")
