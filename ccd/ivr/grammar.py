"""Which expressions there are: Python's parser reads the text, and only what our language has comes through. Pure.

For ccd.ivr.expression, which says what the language is.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ccd.base.errors import ExpressionError
from ccd.ivr.functions import ARITHMETIC, FUNCTIONS, NUMBER, Value, Wrong, number
from ccd.settings.check import hint

MAX_LENGTH = 500
MAX_PARTS = 200
MAX_DEPTH = 50
VALUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
TRUTHS = {"true": True, "false": False}

_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)


@dataclass(frozen=True, slots=True)
class Checked:
    """A tree that has only what the language has, the names it reads, its literals, and where a part stands in the text."""

    tree: ast.expr
    names: frozenset[str]
    literals: dict[ast.expr, Value]
    column: Callable[[ast.expr], int]


def compiled(text: str) -> Checked:
    """The tree of an expression.

    Raises:
        ExpressionError: the text is none; it says why and in which column.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    for column, character in enumerate(text, start=1):
        if character == "\\" or not (character.isprintable() or character in "\n\t"):
            raise ExpressionError(f"{character!r} has no place in an expression", column)
    # Line breaks of the file mean nothing; one blank for each, so that columns stay.
    source = text.translate({ord("\n"): " ", ord("\t"): " "}).lstrip(" ")
    skipped = len(text) - len(source)
    if not source:
        raise ExpressionError("is empty", 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `1or 2` is an error, whoever looks
            tree = ast.parse(source, mode="eval").body
    except SyntaxError as wrong:
        column = skipped + min(max(wrong.offset or 1, 1), len(source))
        raise ExpressionError(_grammar(wrong, text[column - 1]), column) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("is too deeply nested", skipped + 1) from None
    check = _Check(source, skipped)
    check.look(tree)
    return Checked(tree, frozenset(check.names), check.literals, check.column)


def _grammar(wrong: SyntaxError, at: str) -> str:
    said = wrong.msg or ""
    if "leading zeros" in said:
        return "a number does not begin with 0: put the digits of a telephone number into quotes"
    if "unterminated" in said:
        return "a text has no closing quote"
    if at == "=" or "Maybe you meant '=='" in said:
        return "is no expression: to compare write =="
    if "invalid character" in said:
        return f"{said[0].lower()}{said[1:]} outside of a text in quotes"
    return "is no expression"


class _Check:
    """Looks at every part once: only what the language has comes through."""

    def __init__(self, source: str, skipped: int) -> None:
        self.names: set[str] = set()
        self.literals: dict[ast.expr, Value] = {}
        self._source = source.encode()
        self._skipped = skipped
        self._parts = 0

    def column(self, node: ast.expr) -> int:
        """Where a part stands in the text. Python counts bytes of UTF-8, people count characters."""
        return self._skipped + len(self._source[: node.col_offset].decode(errors="ignore")) + 1

    def look(self, node: ast.expr, depth: int = 1, *, after_in: bool = False) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS or depth > MAX_DEPTH:
            raise self._fault(node, "has too many parts" if depth <= MAX_DEPTH else "is too deeply nested")
        parts: list[ast.expr] = []
        match node:
            case ast.Constant():
                self.literals[node] = self._literal(node)
            case ast.Name():
                self._name(node)
            case ast.BoolOp():
                parts = node.values
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                parts = [node.operand]
            case ast.BinOp() if type(node.op) in ARITHMETIC:
                parts = [node.left, node.right]
            case ast.Compare() if all(isinstance(operator, _COMPARISONS) for operator in node.ops):
                self._comparison(node, depth)
            case ast.Call():
                parts = self._call(node)
            case ast.List() if after_in:
                parts = node.elts
            case ast.List():
                raise self._fault(node, "a list stands only at the end, behind `in` or `not in`")
            case _:
                raise self._fault(node, "has no place in an expression")
        for part in parts:
            self.look(part, depth + 1)

    def _comparison(self, node: ast.Compare, depth: int) -> None:
        self.look(node.left, depth + 1)
        for operator, part in zip(node.ops, node.comparators, strict=True):
            may_be_list = isinstance(operator, ast.In | ast.NotIn) and part is node.comparators[-1]
            self.look(part, depth + 1, after_in=may_be_list)

    def _name(self, node: ast.Name) -> None:
        if not VALUE_NAME.fullmatch(node.id):
            meant = f"; write {node.id.lower()}" if node.id.lower() in TRUTHS else ""
            raise self._fault(node, f"{node.id!r} is no name: lower-case letters, digits and _, 32 at most{meant}")
        if node.id in TRUTHS:
            self.literals[node] = TRUTHS[node.id]
        else:
            self.names.add(node.id)

    def _literal(self, node: ast.Constant) -> Value:
        if node.value is None or isinstance(node.value, bool):
            raise self._fault(node, "truth values are written true and false")
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, int | float):
            written = self._source[node.col_offset : node.end_col_offset].decode()
            if NUMBER.fullmatch(written):
                return self._number(node, written)
            raise self._fault(node, "a number is written like 12 or 0.5, with at most 10 digits after the point")
        raise self._fault(node, "has no place in an expression")

    def _number(self, node: ast.Constant, written: str) -> Value:
        try:
            return number(Decimal(written))
        except Wrong as wrong:
            raise self._fault(node, str(wrong)) from None

    def _call(self, node: ast.Call) -> list[ast.expr]:
        if not isinstance(node.func, ast.Name):
            raise self._fault(node, "has no place in an expression")
        name, function = node.func.id, FUNCTIONS.get(node.func.id)
        if function is None:
            raise self._fault(node, f"unknown function {name!r}{hint(name, list(FUNCTIONS))}")
        if node.keywords or not function.least <= len(node.args) <= function.most:
            raise self._fault(node, f"{name} is written {function.written}")
        return node.args

    def _fault(self, node: ast.expr, what: str) -> ExpressionError:
        return ExpressionError(what, self.column(node))
