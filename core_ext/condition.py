"""An expression of the menu language, evaluated for a dialog.

What an expression means is its compiler's business. Most are a path, two whole numbers or two texts
compared, or a few of these joined by || and &&; the compiler says so in `shortcut`, and those are worked
out here, without building a scope.

Rule: a shortcut gives what the expression itself would give, or leaves it to the expression.
"""

from typing import Any

import cython

from .dialog import Dialog, ProgramFault

_OR = 6
_SIGNS = {"==": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5, "||": _OR, "&&": _OR + 1}


@cython.cclass
class Shortcut:
    """A part of an expression that is worked out here."""

    def __init__(self, spoken: Any) -> None:
        """spoken: [literal], a path (a tuple of names), or (sign, left, right) with sides like itself; the
        sign compares, or is || or &&."""
        self.literal: Any = None
        self.path: tuple = ()  # type: ignore[type-arg]
        self.sign = -1
        self.left: Any = None
        self.right: Any = None
        if isinstance(spoken, list):
            self.literal = spoken[0]
        elif spoken[0] in _SIGNS:
            self.sign = _SIGNS[spoken[0]]
            self.left, self.right = Shortcut(spoken[1]), Shortcut(spoken[2])
        else:
            self.path = tuple(spoken)

    @cython.cfunc
    def value(self, dialog: Dialog, name: object, value: object) -> Any:  # noqa: PLR0911
        """Its value; None: let the expression see to it."""
        if self.sign >= 0:
            left: Any = self.left.value(dialog, name, value)
            if self.sign >= _OR:
                if type(left) is not bool:
                    return None
                if left is (self.sign == _OR):
                    return left
                right: Any = self.right.value(dialog, name, value)
                return right if type(right) is bool else None
            right = self.right.value(dialog, name, value)
            kind = type(left)
            if kind is type(right) and (kind is int or (kind is str and self.sign < 2)):
                return self._compared(left, right)
            return None
        if not self.path:
            return self.literal
        found: Any = root_value(self.path[0], dialog, name, value)
        for part in self.path[1:]:
            if not isinstance(found, dict):
                return None
            found = found.get(part)
        return found

    @cython.cfunc
    def _compared(self, left: Any, right: Any) -> Any:
        if self.sign == 0:
            return left == right
        if self.sign == 1:
            return left != right
        if self.sign == 2:
            return left < right
        if self.sign == 3:
            return left <= right
        if self.sign == 4:
            return left > right
        return left >= right


@cython.cclass
class Condition:
    """One expression."""

    def __init__(self, expression: Any) -> None:
        """expression: has `.names` (root variables), is called with a scope, and may have `.shortcut`: None,
        or what a Shortcut is made of."""
        self.expression = expression
        self.names = tuple(expression.names)
        shortcut = getattr(expression, "shortcut", None)
        self.shortcut = None if shortcut is None else Shortcut(shortcut)

    @cython.ccall
    def of(self, dialog: Dialog, name: object = None, value: object = None) -> object:
        """The expression's value; `name` stands for `value` when given (the answer that is checked).
        Raises ProgramFault."""
        if self.shortcut is not None:
            found = self.shortcut.value(dialog, name, value)
            if found is not None:
                return found
        scope = {root: root_value(root, dialog, name, value) for root in self.names}
        try:
            return self.expression(scope)
        except Exception as error:
            raise ProgramFault(f"an expression failed in {dialog.state!r}: {type(error).__name__}") from None


@cython.cfunc
def root_value(root: str, dialog: Dialog, name: object, value: object) -> Any:
    """The value of a root variable."""
    if name is not None and root == name:
        return value
    if root == "subscriber":
        return dialog.subscriber
    if dialog.secrets and root in dialog.secrets:
        return dialog.secrets[root]
    return dialog.vars.get(root)
