"""Conditions: names exist, types fit, the result is true or false, and it can be evaluated.

Types are worked out on the tree, so that a fault has its column: CEL itself finds `purpose == 1` fine
and always false. Then `probing` runs the condition, which shows what types cannot.
"""

from collections.abc import Callable, Iterable, Mapping

from ussd_engine.menu.check.names import NUMBERS, TEXTS, Names, Unknown, answer_type, conditions_of
from ussd_engine.menu.check.probing import probe
from ussd_engine.menu.findings import Report, shown
from ussd_engine.menu.model import Ask, Condition, Model, VarType
from ussd_engine.menu.reading.texts import place
from ussd_engine.menu.syntax import Tree

ANY = VarType("any")
FLAG = VarType("flag")
INTEGER = VarType("integer")
TEXT = VarType("text")
_WORDS = {
    "flag": "true or false",
    "integer": "a number",
    "list": "a list",
    "record": "a record",
    "any": "a value",
    "pin": "a secret",
}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
Bound = Mapping[str, VarType]


def check_conditions(model: Model, names: Names, report: Report) -> None:
    """Every `when` of every state."""
    for state in model.states.values():
        extra: dict[str, VarType] = {}
        if isinstance(state, Ask) and state.save:
            extra = {state.save.value: answer_type(state, model)}
        for condition in conditions_of(state):
            check_condition(condition, names, extra, report)


def check_condition(condition: Condition, names: Names, extra: Bound, report: Report) -> None:
    """One `when`."""
    found = infer(condition, names, extra, report)
    if found is not None and found.kind not in ("flag", "any"):
        report.error(
            condition.source.at,
            "not-a-condition",
            f"This is {_word(found)}, not true or false.",
            "Compare it with something: for example amount > 0.",
        )


def infer(condition: Condition, names: Names, extra: Bound, report: Report) -> VarType | None:
    """The type of an expression; None when it has a fault, which is reported."""
    if condition.tree is None:
        return None
    judge = _Judge(condition, names, extra, report)
    found = judge.type_of(condition.tree, {})
    if judge.faults:
        return None
    return found if probe(condition, names, extra, report) else None


class _Judge:
    """Works out types, from the leaves up. A fault is reported once and is `any` above."""

    def __init__(self, condition: Condition, names: Names, extra: Bound, report: Report) -> None:
        self._condition = condition
        self._names = names
        self._extra = extra
        self._report = report
        self.faults = 0

    def type_of(self, tree: Tree, bound: Bound) -> VarType:
        """The type of a node. bound: the names of the macros it is in."""
        rules: dict[str, Callable[[Tree, Bound], VarType]] = {
            "literal": self._literal, "path": self._path, "bound": self._path, "group": self._group,
            "macro": self._macro, "binary": self._binary, "unary": self._unary, "ternary": self._ternary,
            "call": self._call, "method": self._method, "index": self._index, "select": self._select,
            "list": self._list,
        }  # fmt: skip
        return rules[tree.kind](tree, bound)

    def _types(self, tree: Tree, bound: Bound) -> list[VarType]:
        return [self.type_of(child, bound) for child in tree.children]

    def _literal(self, tree: Tree, _bound: Bound) -> VarType:
        if isinstance(tree.value, bool):
            return FLAG
        if isinstance(tree.value, int):
            return INTEGER
        return TEXT if isinstance(tree.value, str) else VarType("null")

    def _path(self, tree: Tree, bound: Bound) -> VarType:
        if tree.path[0] in bound and bound[tree.path[0]].kind == "any":
            return ANY
        found = self._names.resolve(tree.path, {**self._extra, **bound})
        if isinstance(found, Unknown):
            return self._fault(tree, found.message, found.hint, found.code)
        return found

    def _group(self, tree: Tree, bound: Bound) -> VarType:
        return self.type_of(tree.children[0], bound)

    def _list(self, tree: Tree, bound: Bound) -> VarType:
        types = self._types(tree, bound)
        for child, found in zip(tree.children, types, strict=True):
            if _group_of(found) != _group_of(types[0]):
                self._fault(child, f"{_word(found).capitalize()} does not belong with {_word(types[0])}.")
        return VarType("list", None, {"": types[0]} if types else {})

    def _unary(self, tree: Tree, bound: Bound) -> VarType:
        found = self.type_of(tree.children[0], bound)
        return self._want(tree.children[0], found, ("flag",) if tree.name == "!" else NUMBERS)

    def _ternary(self, tree: Tree, bound: Bound) -> VarType:
        condition, first, second = self._types(tree, bound)
        self._want(tree.children[0], condition, ("flag",))
        self._alike(tree, first, second, "stand in for")
        return first

    def _binary(self, tree: Tree, bound: Bound) -> VarType:
        left, right = self._types(tree, bound)
        if tree.name in _COMPARISONS:
            self._compare(tree, left, right)
            return FLAG
        if tree.name == "in":
            self._want(tree.children[1], right, ("list",))
            if right.kind == "list" and "" in right.fields:
                self._alike(tree, left, right.fields[""], "be looked for among")
            return FLAG
        wanted: tuple[str, ...] = NUMBERS
        result = VarType("money") if "money" in (left.kind, right.kind) else INTEGER
        if tree.name in ("&&", "||"):
            wanted, result = ("flag",), FLAG
        elif tree.name == "+" and left.kind in TEXTS:
            wanted, result = TEXTS, TEXT
        for child, found in zip(tree.children, (left, right), strict=True):
            self._want(child, found, wanted)
        return result

    def _compare(self, tree: Tree, left: VarType, right: VarType) -> None:
        if tree.name in ("==", "!=") and "null" in (left.kind, right.kind):
            return
        self._alike(tree, left, right, "be compared with")
        if tree.name not in ("==", "!=") and _group_of(left) == _group_of(right):
            self._want(tree.children[0], left, (*NUMBERS, *TEXTS))
        for child, other in ((tree.children[0], right), (tree.children[1], left)):
            value = child.value
            if other.kind == "money" and child.kind == "literal" and isinstance(value, int) and value % 100:
                self._report.warning(
                    place(self._condition.source, child.start),
                    "cents",
                    f"Money is counted in cents: {value} is KES {value // 100}.{value % 100:02}.",
                    f"For KES {value} write {value * 100}.",
                )

    def _call(self, tree: Tree, bound: Bound) -> VarType:
        argument = self.type_of(tree.children[0], bound)
        if tree.name == "has":
            return FLAG
        wanted = {"size": ("list", *TEXTS), "int": (*NUMBERS, *TEXTS), "string": (*NUMBERS, *TEXTS, "flag")}
        self._want(tree.children[0], argument, wanted[tree.name])
        return TEXT if tree.name == "string" else INTEGER

    def _method(self, tree: Tree, bound: Bound) -> VarType:
        if len(tree.children) != 2:
            return self._fault(tree, f"{shown(tree.name)} takes one value.")
        for child in tree.children:
            self._want(child, self.type_of(child, bound), TEXTS)
        return FLAG

    def _index(self, tree: Tree, bound: Bound) -> VarType:
        found, number = self._types(tree, bound)
        self._want(tree.children[0], found, ("list",))
        self._want(tree.children[1], number, ("integer",))
        return _item(found)

    def _select(self, tree: Tree, bound: Bound) -> VarType:
        found = self.type_of(tree.children[0], bound)
        if found.kind == "record" and tree.name in found.fields:
            return found.fields[tree.name]
        return ANY if found.kind == "any" else self._fault(tree, f"There is no {shown(tree.name)} here.")

    def _macro(self, tree: Tree, bound: Bound) -> VarType:
        over = self._want(tree.children[0], self.type_of(tree.children[0], bound), ("list",))
        body = self.type_of(tree.children[1], {**bound, str(tree.value): _item(over)})
        if tree.name == "map":
            return VarType("list", None, {"": body})
        self._want(tree.children[1], body, ("flag",))
        return over if tree.name == "filter" else FLAG

    def _alike(self, tree: Tree, left: VarType, right: VarType, verb: str) -> None:
        if _group_of(left) != _group_of(right) and "any" not in (left.kind, right.kind):
            self._fault(tree, f"{_word(left).capitalize()} cannot {verb} {_word(right)}.")

    def _want(self, tree: Tree, found: VarType, kinds: Iterable[str]) -> VarType:
        wanted = tuple(kinds)
        if found.kind in wanted or found.kind == "any":
            return found
        words = " or ".join(dict.fromkeys(_word(VarType(kind)) for kind in wanted))
        return self._fault(tree, f"This is {_word(found)} where {words} belongs.")

    def _fault(self, tree: Tree, message: str, hint: str = "", code: str = "bad-types") -> VarType:
        self.faults += 1
        self._report.error(place(self._condition.source, tree.start), code, message, hint)
        return ANY


def _item(found: VarType) -> VarType:
    """The type of one item of a list. A list in a condition keeps it under the empty name."""
    if found.kind != "list" or not found.fields:
        return ANY
    return found.fields[""] if "" in found.fields else VarType("record", None, found.fields)


def _group_of(found: VarType) -> str:
    if found.kind in TEXTS:
        return "text"
    return "number" if found.kind in NUMBERS else found.kind


def _word(found: VarType) -> str:
    return _WORDS.get(found.kind, found.kind)
