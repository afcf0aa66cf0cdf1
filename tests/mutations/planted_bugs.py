"""Plausible mistakes, one a line, in sections: life.py, budgets.py, wishes.py, forgotten_wishes.py, stranger.py, leg_faces.py.

A bug is (name, file, old, new), or (name, [(file, old, new), …]). `old` stands exactly once in the file, and is a statement (it ends with
`;` or `}`) or an expression; `new` stands in its place while the bug is the active one. Where neither will do: (file, old, None, text),
and `text` asks planted_bug::is({number}) itself.

What `havklo sim` cannot find, a unit test may: by_test("core_tests", "Backoff.DoublesUpToTheCap", bug), one test or a filter with `*`.

tools/mutate puts all of them into a copy of the tree, each behind a switch. Two may share a place, or one lie within the other.
"""
import pathlib
import re
import zlib

import budgets
import forgotten_wishes
import lag
import leg_faces
import leg_worlds
import life
import stranger
import trades
import wishes
from by_test import by_test  # noqa: F401, for who reads this page first

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUGS = [*life.BUGS, *budgets.BUGS, *wishes.BUGS, *forgotten_wishes.BUGS, *stranger.BUGS, *trades.BUGS, *lag.BUGS, *leg_faces.BUGS, *leg_worlds.BUGS]


def name_of(bug):
    return bug[0]


def test_of(bug):
    """(program, filter) of the unit test that finds it; None: havklo sim does."""
    return getattr(bug, "test", None)


def switch_of(bug):
    """A number of its own, the same whatever stands before it in the list: an added bug compiles nothing else again."""
    return 1 + zlib.crc32(name_of(bug).encode()) % 0x7FFFFFFF


def edits_of(bug):
    """(file, old, in its place): the last takes what stands there when all that lies within is planted, and gives C++."""
    _, *rest = bug
    for file, old, new, *literal in rest[0] if len(rest) == 1 else [tuple(rest)]:
        yield file, old, replacement(switch_of(bug), old, new, *literal)


def replacement(number, old, new, literal=None):
    def put(stands):
        if literal is not None:
            if stands != old:
                raise ValueError(f"another bug lies within {old.splitlines()[0]!r}, which is replaced by a text")
            return literal.replace("{number}", str(number))
        if old.rstrip()[-1] in ";}":
            return f"if (planted_bug::is({number})) {{ {new} }} else {{ {stands} }}"
        return f"(planted_bug::is({number}) ? ({new}) : ({stands}))"
    return put


def planted(text, edits):
    """`text` with all of [(old, put)]; ValueError says which cannot be planted."""
    spans = []
    for old, put in edits:
        if text.count(old) != 1:
            raise ValueError(f"stands {text.count(old)} times, must stand once: {old.splitlines()[0]!r}")
        at = text.index(old)
        spans.append((at, at + len(old), put))
    spans.sort(key=lambda span: (span[0], -span[1]))

    def render(begin, end, within):
        out, at = [], begin
        while within:
            first, last, put = within[0]
            inner = [span for span in within[1:] if span[0] < last]
            if any(span[1] > last for span in inner):
                raise ValueError(f"two bugs overlap at {text[first:last].splitlines()[0]!r}")
            out += [text[at:first], put(render(first, last, inner))]
            at, within = last, within[1 + len(inner):]
        return "".join([*out, text[at:end]])

    return render(0, len(text), spans)


def faults():
    """What is wrong with the list, a line each: an edit that does not apply, two bugs of one name, no such test."""
    names = [name_of(bug) for bug in BUGS]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: twice in the list"
    if len({switch_of(bug) for bug in BUGS}) != len(set(names)):
        yield "two names have one switch: call one of them otherwise"
    for bug in BUGS:
        if test_of(bug) and not test_exists(*test_of(bug)):
            yield f"{name_of(bug)}: there is no test {' '.join(test_of(bug))}"
        for file, old, put in edits_of(bug):
            try:
                planted((ROOT / file).read_text(), [(old, put)])
            except (ValueError, OSError) as error:
                yield f"{name_of(bug)}: {file}: {error}"
    for file, edits in edits_by_file().items():
        try:
            planted((ROOT / file).read_text(), edits)
        except (ValueError, OSError) as error:
            yield f"{file}: {error}"


def edits_by_file():
    by_file = {}
    for bug in BUGS:
        for file, old, put in edits_of(bug):
            by_file.setdefault(file, []).append((old, put))
    return by_file


def test_exists(program, names):
    """Whether the room of the program has a test of that name (each, of several with `:` between)."""
    room = ROOT / "tests" / program.removesuffix("_tests")
    if not room.is_dir():  # io_tls_tests is the room io/tls
        room = ROOT / "tests" / program.removesuffix("_tests").replace("_", "/", 1)
    text = "".join(file.read_text() for file in room.glob("*_test.cpp"))
    found = [f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_[FP])?\((\w+), (\w+)\)", text, re.M)]
    return all(any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), test) for test in found) for each in names.split(":"))
