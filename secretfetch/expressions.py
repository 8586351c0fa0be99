"""JMESPath over parsed JSON, guarded: bounded length, nesting, work and output.

What does not belong here: plain keys, secrets, configs. The guards exist because a short expression can ask for an
exponential answer; each limit is far above what a config needs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from secretfetch import jsontext

if TYPE_CHECKING:
    from secretfetch.jsontext import Json

MAX_CHARACTERS = 1024
MAX_NODES = 200  # of the syntax tree
MAX_WORK = 2_000_000  # steps of an evaluation, items of its lists and characters that its functions make

_TYPES = {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "NoneType": "null",
}
_NEVER_IN_A_PLAIN_KEY = frozenset("[]{}()|&@*\"'`")


class Fault(ValueError):
    """The expression itself is wrong. `position` counts characters from 1; 0 where it is not known."""

    def __init__(self, problem: str, position: int = 0) -> None:
        super().__init__(f"{problem} at position {position}" if position else problem)
        self.problem = problem
        self.position = position


class Unfit(ValueError):
    """The expression is right and the data does not suit it; says so without the data."""


def may_be_plain_key(text: str) -> bool:
    """Tell whether a text may name a key as it stands; else it can only be JMESPath."""
    return _NEVER_IN_A_PLAIN_KEY.isdisjoint(text)


def check(text: str) -> None:
    """Refuse what can be neither a plain key nor JMESPath.

    Raises:
        Fault: Too long; or no plain key and a syntax error, an unknown function, a wrong number of arguments.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_CHARACTERS:
        raise Fault(f"longer than {MAX_CHARACTERS} bytes")
    if not text:
        raise Fault("empty expression")
    if not may_be_plain_key(text):
        _parse(text)


def select(document: Json, text: str) -> Json:
    """Evaluate JMESPath; None is both null and nothing, and what a text yields that is no JMESPath at all.

    Raises:
        Unfit: A function on a value of the wrong type, or an answer beyond the limits.
    """
    try:
        tree = _parse(text)
    except Fault:
        return None
    from jmespath.exceptions import JMESPathTypeError  # noqa: PLC0415 - start-up cost

    try:
        result: Json = _interpreter().visit(tree, document)
    except JMESPathTypeError as error:
        wanted = " or ".join(str(name) for name in error.expected_types)
        given = _TYPES.get(error.actual_type, error.actual_type)
        raise Unfit(f"{error.function_name}() got {given}, it takes {wanted}") from None
    except (Unfit, RecursionError) as error:
        raise Unfit(str(error) if isinstance(error, Unfit) else "nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - whatever the library raises on odd data may quote the data
        raise Unfit(f"cannot be evaluated ({type(error).__name__})") from None
    return result


@lru_cache(maxsize=512)
def _parse(text: str) -> dict[str, Any]:
    """Return the library's syntax tree: nodes of `type`, `children` and perhaps `value`."""
    import warnings  # noqa: PLC0415 - start-up cost

    from jmespath import exceptions, parser  # noqa: PLC0415 - start-up cost

    try:
        # A literal that is no JSON is taken as text, as the library does; it warns that this is old.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: Any = parser.Parser().parse(text).parsed
    except exceptions.LexerError as error:
        raise Fault("syntax error", (error.lexer_position or 0) + 1) from None
    except exceptions.ParseError as error:
        position = error.lex_position
        raise Fault("syntax error", len(text) + 1 if position is None else position + 1) from None
    except RecursionError:
        raise Fault("nested too deeply") from None
    except (exceptions.JMESPathError, ValueError):
        raise Fault("syntax error") from None
    _check_tree(tree, text)
    return dict(tree)


def _check_tree(tree: dict[str, Any], text: str) -> None:
    nodes = [tree]
    for count, node in enumerate(nodes, 1):
        if count > MAX_NODES:
            raise Fault(f"more than {MAX_NODES} parts")
        if node["type"] == "function_expression":
            _check_call(node, text.find(node["value"] + "(") + 1)
        nodes += [child for child in node["children"] if isinstance(child, dict) and "type" in child]


def _check_call(node: dict[str, Any], position: int) -> None:
    name, given = node["value"], len(node["children"])
    table = _functions().FUNCTION_TABLE
    if name not in table:
        from secretfetch.errors import near  # noqa: PLC0415 - needed only here

        hint = "".join(f"; meant {found}()?" for found in near(name, table, 1))
        raise Fault(f"unknown function {name}(){hint}", position)
    signature = table[name]["signature"]
    variadic = bool(signature) and signature[-1].get("variadic")
    if given < len(signature) if variadic else given != len(signature):
        least = "at least " if variadic else ""
        raise Fault(f"{name}() takes {least}{len(signature)} arguments, {given} given", position)


@lru_cache(maxsize=1)
def _functions() -> Any:
    from jmespath import functions  # noqa: PLC0415 - start-up cost

    class Functions(functions.Functions):
        """Those of the library, with JSON texts as this program writes them."""

        @functions.signature({"types": []})
        def _func_to_string(self, arg: Json) -> str:
            try:
                return arg if isinstance(arg, str) else jsontext.dump(arg)
            except jsontext.TooLarge:
                raise Unfit("to_string() makes too long a text") from None

        @functions.signature({"types": []})
        def _func_to_number(self, arg: Json) -> Json:
            number: Any = super()._func_to_number(arg)  # type: ignore[misc] # not in the stubs
            finite = isinstance(number, int | float) and number - number == 0
            return number if finite else None

    return Functions()


def _interpreter() -> Any:
    """Make an evaluator that counts what it makes; one per evaluation."""
    from jmespath import visitor  # noqa: PLC0415 - start-up cost

    class Interpreter(visitor.TreeInterpreter):
        def __init__(self) -> None:
            super().__init__(visitor.Options(custom_functions=_functions()))
            self.left = MAX_WORK

        def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            result = super().visit(node, *args, **kwargs)
            made = isinstance(result, list) or (isinstance(result, str) and node["type"] == "function_expression")
            self.left -= 1 + (len(result) if made else 0)
            if self.left < 0:
                raise Unfit("asks for too large an answer")
            return result

    return Interpreter()
