"""The expressions of flows: a small language of our own, read by Python's parser and evaluated by walking the tree. Pure.

Names, texts in quotes, numbers, `true` and `false`; `== != < <= > >=` (also in a row), `in` and `not in` (a text in a text, a
value in `[a, b]`), `and or not`, `+ - * /`, and the functions of `ccd.ivr.functions`. Everything is bounded: the source, its
nodes and depth, and each result; no node is evaluated twice, so the work is bounded too.

There are three kinds of values: text, numbers and truth values, and none turns into another by itself: keys that a caller
typed are text, and `key == 1` is an error rather than never true. Numbers are whole (int) or decimal fractions (Decimal), never
binary floats: prices add up, 0.1 + 0.2 is 0.3, and there is no infinity.

An error tells kinds and names, never values: they might be secrets.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import CoreSchema, core_schema

from ccd.base.errors import ExpressionError
from ccd.ivr.functions import ARITHMETIC, FUNCTIONS, Value, Wrong, bounded, kind, subtract
from ccd.ivr.grammar import compiled

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}


class Expression:
    """A checked expression; `names` are the values it reads.

    Raises:
        ExpressionError: the text is no expression; the error says why and in which column.
    """

    __slots__ = ("_checked", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._checked = compiled(text)
        self.names = self._checked.names

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """What the expression says of these values: a text ≤ 4 kB, a number of ≤ 30 digits or a truth value.

        Raises:
            ExpressionError: a value is not there, is of the wrong kind, or a result has no bounds.
        """
        return self._value(self._checked.tree, values)

    def is_true(self, values: Mapping[str, Value]) -> bool:
        """The same where the answer must be true or false."""
        return self._truth(self._checked.tree, values)

    def _value(self, node: ast.expr, values: Mapping[str, Value]) -> Value:
        if node in self._checked.literals:
            return self._checked.literals[node]
        try:
            return _MEANINGS[type(node)](self, node, values)
        except Wrong as wrong:
            raise ExpressionError(str(wrong), self._checked.column(node)) from None

    def _truth(self, node: ast.expr, values: Mapping[str, Value]) -> bool:
        value = self._value(node, values)
        if not isinstance(value, bool):
            raise ExpressionError(f"must be true or false, and is a {kind(value)}", self._checked.column(node))
        return value

    def _read(self, node: ast.Name, values: Mapping[str, Value]) -> Value:
        if node.id in values:
            return bounded(values[node.id])
        raise Wrong(f"there is no value {node.id!r}")

    def _joined(self, node: ast.BoolOp, values: Mapping[str, Value]) -> Value:
        decides = isinstance(node.op, ast.Or)
        return decides is any(self._truth(part, values) is decides for part in node.values)

    def _unary(self, node: ast.UnaryOp, values: Mapping[str, Value]) -> Value:
        if isinstance(node.op, ast.Not):
            return not self._truth(node.operand, values)
        return subtract(0, self._value(node.operand, values))

    def _computed(self, node: ast.BinOp, values: Mapping[str, Value]) -> Value:
        left, right = self._value(node.left, values), self._value(node.right, values)
        return ARITHMETIC[type(node.op)](left, right)

    def _called(self, node: ast.Call, values: Mapping[str, Value]) -> Value:
        assert isinstance(node.func, ast.Name)
        return FUNCTIONS[node.func.id].do(*[self._value(part, values) for part in node.args])

    def _compared(self, node: ast.Compare, values: Mapping[str, Value]) -> bool:
        left = self._value(node.left, values)
        for operator, part in zip(node.ops, node.comparators, strict=True):
            if isinstance(part, ast.List):
                found = any(_same(left, self._value(one, values)) for one in part.elts)
                return found is isinstance(operator, ast.In)
            right = self._value(part, values)
            if not _holds(operator, left, right):
                return False
            left = right
        return True

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let a field of a node be an expression: a wrong one is one of that field's faults."""
        return core_schema.no_info_after_validator_function(cls._of_field, core_schema.str_schema())

    @classmethod
    def _of_field(cls, text: str) -> Expression:
        try:
            return cls(text)
        except ExpressionError as wrong:
            raise ValueError(str(wrong)) from None


_MEANINGS: dict[type[ast.expr], Callable[[Expression, Any, Mapping[str, Value]], Value]] = {
    ast.Name: Expression._read,
    ast.BoolOp: Expression._joined,
    ast.UnaryOp: Expression._unary,
    ast.BinOp: Expression._computed,
    ast.Compare: Expression._compared,
    ast.Call: Expression._called,
}


def _same(left: Value, right: Value) -> bool:
    if kind(left) != kind(right):
        raise Wrong(f"a {kind(left)} cannot be compared with a {kind(right)}")
    return left == right


def _holds(operator: ast.cmpop, left: Value, right: Value) -> bool:
    if isinstance(operator, ast.In | ast.NotIn):
        if not (isinstance(left, str) and isinstance(right, str)):
            raise Wrong(f"`in` looks for a text in a text, not for a {kind(left)} in a {kind(right)}")
        return (left in right) is isinstance(operator, ast.In)
    same = _same(left, right)
    if isinstance(operator, ast.Eq | ast.NotEq):
        return same is isinstance(operator, ast.Eq)
    if isinstance(left, bool):
        raise Wrong("truth values have no order")
    return _ORDER[type(operator)](left, right)
