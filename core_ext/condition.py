"""An expression of the menu language, evaluated for a dialog.

What an expression means is its compiler's business. Most are a path, or two whole numbers or two texts
compared; the compiler says so in `shortcut`, and those are worked out here, without building a scope.

Rule: a shortcut gives what the expression itself would give, or leaves it to the expression.
"""

from typing import Any

import cython

from .dialog import Dialog, ProgramFault

_ORDER = {"==": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5}


@cython.cclass
class Condition:
    """One expression."""

    def __init__(self, expression: Any) -> None:
        """expression: has `.names` (root variables), is called with a scope, and may have `.shortcut`:
        None, (path,), or (operator, left, right) with each side a path or [literal]."""
        self.expression = expression
        self.names = tuple(expression.names)
        self.order = -1
        self.left = self.right = None
        shortcut = getattr(expression, "shortcut", None)
        if shortcut is None:
            return
        if len(shortcut) == 3:
            self.order = _ORDER[shortcut[0]]
            _, self.left, self.right = shortcut
        else:
            (self.left,) = shortcut

    @cython.ccall
    def of(self, dialog: Dialog, name: object = None, value: object = None) -> object:
        """The expression's value; `name` stands for `value` when given (the answer that is checked).
        Raises ProgramFault."""
        if self.left is not None:
            left = self._side(self.left, dialog, name, value)
            if self.order < 0:
                if left is not None:
                    return left
            else:
                right = self._side(self.right, dialog, name, value)
                kind = type(left)
                if kind is type(right) and (kind is int or (kind is str and self.order < 2)):
                    return self._compared(left, right)
        return self._whole(dialog, name, value)

    @cython.cfunc
    def _side(self, side: Any, dialog: Dialog, name: object, value: object) -> Any:
        """The value of a path or a literal; None: let the expression see to it."""
        if isinstance(side, list):
            return side[0]
        path: tuple = side  # type: ignore[type-arg]
        found: Any = self._root(path[0], dialog, name, value)
        for part in path[1:]:
            if not isinstance(found, dict):
                return None
            found = found.get(part)
        return found

    @cython.cfunc
    def _compared(self, left: Any, right: Any) -> object:
        if self.order == 0:
            return left == right
        if self.order == 1:
            return left != right
        if self.order == 2:
            return left < right
        if self.order == 3:
            return left <= right
        if self.order == 4:
            return left > right
        return left >= right

    @cython.cfunc
    def _root(self, root: str, dialog: Dialog, name: object, value: object) -> Any:
        if name is not None and root == name:
            return value
        if root == "subscriber":
            return dialog.subscriber
        if dialog.secrets and root in dialog.secrets:
            return dialog.secrets[root]
        return dialog.vars.get(root)

    @cython.cfunc
    def _whole(self, dialog: Dialog, name: object, value: object) -> object:
        scope = {root: self._root(root, dialog, name, value) for root in self.names}
        try:
            return self.expression(scope)
        except Exception as error:
            raise ProgramFault(f"an expression failed in {dialog.state!r}: {type(error).__name__}") from None
