#!/usr/bin/env python3
"""What the pages say of the tree is so. `check_pages.py` checks the tree, `--self-test` checks the checks.

Of every page: relative links lead somewhere, and paths in code spans exist. Of the doors of the house (page.is_covered) also: C++ is a
region of a test, every block says how it is kept true, commands name programs, options and tests that exist, and so do functions and
types. run_commands.py runs the commands.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import page  # noqa: E402
from command import wrong_with  # noqa: E402
from tree import Tree  # noqa: E402


def regions(tree):
    """Name -> (text, file) of what stands between `// README name` and `// README end` in a test."""
    found = {}
    for name, text in tree.texts.items():
        if not re.fullmatch(r"tests/(\w+/)+\w+\.cpp", name):
            continue
        for match in re.finditer(r"// README (\w+)\n(.*?)\n *// README end", text, re.S):
            lines = match.group(2).split("\n")
            margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
            found[match.group(1)] = ("\n".join(line[margin:] for line in lines), name)
    return found


def check_links(tree, name, text, report):
    folder = pathlib.PurePosixPath(name).parent
    for line, target in page.links(text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = pathlib.PurePosixPath(os.path.normpath(folder / path)) if path else pathlib.PurePosixPath(name)
        if not (tree.root / there).exists():
            report(name, line, f"the link {target} leads nowhere")
        elif anchor and there.suffix == ".md" and anchor not in page.anchors((tree.root / there).read_text()):
            report(name, line, f"the link {target} leads to no heading")


def check_paths(tree, name, text, report):
    folder = pathlib.PurePosixPath(name).parent
    for line, span in page.spans(text):
        path = span.rstrip("/")
        if re.fullmatch(r"[\w.*-]+(/[\w.*-]+)+", path) and (path.split("/")[0] in tree.top or path.split("/")[0] == "shared"):
            if not tree.has_path(path) and not tree.has_path(str(folder / path)):
                report(name, line, f"there is no {span}")


def check_names(tree, name, text, report):
    for line, span in page.spans(text):
        if re.fullmatch(r"~?\w+(::~?\w+)*\(\)", span):
            if not tree.has_function(span[:-2]):
                report(name, line, f"there is no function {span}")
        elif re.fullmatch(r"[A-Z]\w*\.[A-Z]\w+", span):
            if not any(span in tests for tests in tree.tests.values()):
                report(name, line, f"there is no test {span}")
        elif re.fullmatch(r"\w+(::\w+)*", span) and re.search(r"[a-z][A-Z]|::|_", span):
            missing = [word for word in span.split("::") if word not in tree.words]
            if missing:
                report(name, line, f"nothing is called {missing[0]}")
    # In a row that names functions and links to files, each function stands in one of these files.
    folder = pathlib.PurePosixPath(name).parent
    for line, row in page.prose(text):
        files = [os.path.normpath(folder / target) for _, target in page.links(row) if target.endswith((".hpp", ".cpp"))]
        if not row.startswith("|") or not files:
            continue
        code = "\n".join(tree.texts.get(file, "") for file in files)
        for _, span in page.spans(row):
            function = re.fullmatch(r"(?:\w+::)*(~?\w+)\(\)", span)
            if function and not re.search(rf"\b{function.group(1)}\s*[(<]", code):
                report(name, line, f"{span} is not in {', '.join(files)}")


def check_walk(tree, name, text, report):
    """A table with the heads `function` and `file` follows calls: each function is called in a file of its own row or an earlier one."""
    folder = pathlib.PurePosixPath(name).parent
    passed = None
    for line, row in page.prose(text):
        if not row.startswith("|"):
            passed = None
        elif re.search(r"\| function \| file \|", row):
            passed = []
        called = re.search(r"`(?:\w+::)*(\w+)\(\)`", row)
        if passed is None or not called:
            continue
        files = [os.path.normpath(folder / target) for _, target in page.links(row)]
        code = "\n".join(tree.texts.get(file, "") for file in passed)
        if passed and not set(files) & set(passed) and not re.search(rf"\b{called.group(1)}\s*[(<]", code):
            report(name, line, f"nothing above calls {called.group(1)}()")
        passed += files


def check_block(tree, name, block, before, known, report):
    def wrong(what):
        report(name, block.line, what)
    if block.language not in page.LANGUAGES:
        return wrong(f"a block of `{block.language}`: say one of " + ", ".join(sorted(page.LANGUAGES)))
    behind_sh = before is not None and before.language == "sh"
    if block.language == "cpp":
        if block.kind != "example":
            return wrong("a C++ example that no test compiles")
        if known.get(block.value, ("",))[0] != block.text:
            return wrong(f"the example {block.value} is not the region `// README {block.value}` of a test")
    elif block.language == "sh":
        if block.kind == "not run" and block.value not in page.NOT_RUN:
            return wrong(f"not run: {block.value!r} is none of the reasons that page.NOT_RUN lists")
        for command in block.text.split("\n"):
            complaint = wrong_with(command, tree)
            if complaint:
                return wrong(f"{complaint}: {command}")
    elif block.kind == "printed by":
        test = tree.texts.get(known.get(block.value, ("", ""))[1], "")
        missing = [line for line in block.text.split("\n") if line.replace('"', '\\"') not in test]
        if missing:
            return wrong(f"no test of the example {block.value} expects: {missing[0]}")
    elif block.kind == "file":
        return None
    elif block.language in ("toml", "cmake"):
        return wrong("a file that no command of the page uses: mark it `<!-- file NAME -->`")
    elif not (block.kind == "printed elsewhere" and block.value) and not behind_sh:
        return wrong("no command above prints this: mark it")
    return None


def check_indented(name, text, report):
    before = ""
    in_list = False
    for number, line in page.prose(text):
        in_list = bool(re.match(r"\s*([-*]|\d+\.) ", line)) or (in_list and (not line.strip() or line.startswith(" ")))
        if line.startswith("    ") and not before.strip() and not in_list:
            report(name, number, "an indented block: fence it, and say what it is")
        before = line


def check_doors(tree, report):
    """Each folder has its door, and the first page leads to it."""
    first = (tree.root / "README.md").read_text() if "README.md" in tree.files else ""
    targets = [os.path.normpath(target) for _, target in page.links(first)]
    for folder in sorted(tree.top):
        if folder.startswith("."):
            continue
        doors = [name for name in tree.files if name.startswith(f"{folder}/") and re.fullmatch(r"(\w+/)?(\w+/)README\.md", name)]
        if not doors:
            report(folder, 1, "the folder has no README.md")
        elif not any(os.path.dirname(door) in targets or door in targets for door in doors):
            report("README.md", 1, f"no link to {doors[0]}")


# What a page must name, all of it: page, source, where the names stand in it, and what they are.
CATALOGUES = [
    ("include/havklo/README.md", "engine/core/public/event.cpp", r"to_string\(EventKind kind\) \{(.*?)\n\}", r'"([A-Z]\w+)"', "event"),
    ("tests/README.md", "replay/venue/fault_plan.hpp", r"enum class FaultKind[^{]*\{(.*?)\n\};", r"^  (\w+),", "fault"),
]


def check_catalogues(tree, report):
    for door, source, place, name, what in CATALOGUES:
        if door not in tree.files:
            continue
        if source not in tree.files:
            report(door, 1, f"there is no {source} to take the names of each {what} from")
            continue
        listed = re.search(place, tree.texts[source], re.S)
        named = {word for _, span in page.spans((tree.root / door).read_text()) for word in span.split()}
        for each in re.findall(name, listed.group(1) if listed else "", re.M):
            if each not in named:
                report(door, 1, f"the {what} {each} of {source} is not named")


def check_headers(tree, report):
    """The author's guide leads to each public header."""
    guide = "include/havklo/README.md"
    if guide not in tree.files:
        return
    linked = {target for _, target in page.links((tree.root / guide).read_text())}
    for name in sorted(tree.files):
        header = re.fullmatch(r"include/havklo/(\w+\.hpp)", name)
        if header and header.group(1) not in linked:
            report(guide, 1, f"no link to {header.group(1)}")


def check_tree(root):
    findings = []

    def report(name, line, what):
        findings.append(f"{name}:{line}: {what}")
    tree = Tree(root)
    known = regions(tree)
    for name in page.pages(root):
        text = (root / name).read_text()
        check_links(tree, name, text, report)
        check_paths(tree, name, text, report)
        if not page.is_covered(name):
            continue
        check_names(tree, name, text, report)
        check_walk(tree, name, text, report)
        check_indented(name, text, report)
        found = page.blocks(text)
        for block in found:
            check_block(tree, name, block, found[block.follows] if block.follows is not None else None, known, report)
    check_doors(tree, report)
    check_catalogues(tree, report)
    check_headers(tree, report)
    return findings


TEST = "tests/core/a_test.cpp"
# Each planted mistake, as files, and words of the finding that it must cause.
PLANTED = [
    ({"README.md": "```cpp\nint x;\n```\n"}, "no test compiles"),
    ({"README.md": "<!-- example one -->\n```cpp\nint x;\n```\n"}, "is not the region"),
    ({"bench/README.md": "<!-- example one -->\n```cpp\nint y;\n```\n", TEST: "// README one\nint x;\n// README end\n"}, "is not the region"),
    ({"README.md": "<!-- printed by one -->\n```text\nlost\n```\n", TEST: '// README one\nint x;\n// README end\n"found"\n'}, "no test of the example"),
    ({"README.md": "```text\nlost\n```\n"}, "no command above prints this"),
    ({"README.md": "```\nlost\n```\n"}, "a block of"),
    ({"README.md": "Do this:\n\n    tools/test\n"}, "an indented block"),
    ({"README.md": "<!-- not run: too dull -->\n```sh\ngit log\n```\n"}, "none of the reasons"),
    ({"README.md": "```toml\na = 1\n```\n"}, "a file that no command"),
    ({"README.md": "```sh\ntools/absent\n```\n"}, "there is no program"),
    ({"README.md": "```sh\ntools/test --fast\n```\n", "tools/test": "#!/bin/sh\n"}, "has no --fast"),
    ({"README.md": "```sh\nhavklo fly\n```\n"}, "no subcommand fly"),
    ({"README.md": "```sh\nhavklo run --fast\n```\n", "tools/havklo/run.cpp": '"--for"'}, "havklo run has no --fast"),
    ({"README.md": "```sh\ngdb --args havklo run --fast\n```\n", "tools/havklo/run.cpp": '"--for"'}, "havklo run has no --fast"),
    ({"README.md": "```sh\nbuild/release/core_tests --gtest_filter=A.Absent\n```\n", TEST: "TEST(A, Is) {}\n"}, "no test of core"),
    ({"README.md": "```sh\nbuild/release/absent_tests\n```\n"}, "no room tests/absent"),
    ({"README.md": "See [this](absent.md).\n"}, "leads nowhere"),
    ({"engine/core/PAGE.md": "See [this](../absent.cpp).\n"}, "leads nowhere"),
    ({"README.md": "| [`b.hpp`](b.hpp) | `a(b)` |\n"}, "leads nowhere"),
    ({"README.md": "# One\n\nSee [this](#two).\n"}, "leads to no heading"),
    ({"engine/NOTES.md": "In `engine/core/absent.cpp`.\n"}, "there is no engine/core/absent.cpp"),
    ({"engine/README.md": "It calls `vanished()`.\n", "engine/a.cpp": "void there();\n"}, "no function vanished()"),
    ({"engine/README.md": "It calls `A::f()`.\n", "engine/a.cpp": "class A {};\n", "engine/b.cpp": "class B { void f(); };\n"}, "no function A::f()"),
    ({"engine/README.md": "A `SmallBox` holds it.\n", "engine/a.cpp": "class BigBox {};\n"}, "nothing is called SmallBox"),
    ({"engine/README.md": "| 1 | `f()` | [a](a.cpp) |\n", "engine/a.cpp": "void g();\n", "engine/b.cpp": "void f();\n"}, "f() is not in"),
    ({"engine/README.md": "| | function | file |\n|---|---|---|\n| 1 | `f()` | [a](a.cpp) |\n| 2 | `g()` | [b](b.cpp) |\n",
      "engine/a.cpp": "void f() {}\n", "engine/b.cpp": "void g() {}\n"}, "nothing above calls g()"),
    ({"engine/a.cpp": "int x;\n"}, "the folder has no README.md"),
    ({"README.md": "# A\n", "engine/README.md": "# B\n"}, "no link to engine/README.md"),
    ({"include/havklo/README.md": "| `Connected` |\n",
      "engine/core/public/event.cpp": 'std::string_view to_string(EventKind kind) {\n  return names = {"Connected", "Closed"};\n}\n'}, "the event Closed"),
    ({"include/havklo/README.md": "See [a](a.hpp).\n", "include/havklo/a.hpp": "int a;\n", "include/havklo/b.hpp": "int b;\n"}, "no link to b.hpp"),
    ({"tests/README.md": "| `reset` |\n", "replay/venue/fault_plan.hpp": "enum class FaultKind : uint8_t {\n  reset,  // TCP\n  stall,\n};\n"},
     "the fault stall"),
    ({"tests/README.md": "# A\n"}, "to take the names of each fault from"),
    ({"tests/README.md": "It is `A.Absent`.\n", TEST: "TEST(A, Is) {}\n"}, "there is no test A.Absent"),
]
# And one without a mistake.
GOOD = {
    "README.md": "# A\n\nSee [engine](engine/) and [this](#a), `f()` and `engine/a.cpp`.\n\n<!-- example one -->\n```cpp\nint x;\n```\n\n"
                 "<!-- printed by one -->\n```text\nfound\n```\n\n<!-- not run: takes minutes -->\n```sh\ntools/test --all\n```\n\n"
                 "```sh\nhavklo run --for 2s | head -2\n```\n\n<!-- numbers vary -->\n```text\nlive\n```\n\nAnd [tools](tools/), [tests](tests/), [replay](replay/).\n",
    "engine/README.md": "| | function | file |\n|---|---|---|\n| 1 | `f()` | [a](a.cpp) |\n| 2 | `g()` | [b](b.cpp) |\n",
    "tools/README.md": "# C\n",
    "tests/README.md": "# D `reset`\n",
    "replay/README.md": "# E\n",
    "replay/venue/fault_plan.hpp": "enum class FaultKind : uint8_t {\n  reset,\n};\n",
    "engine/a.cpp": "void f() { g(); }\n",
    "engine/b.cpp": "void g();\n",
    "tools/test": "#!/bin/sh\n# --all\n",
    "tools/havklo/run.cpp": '"--for"',
    TEST: '// README one\nint x;\n// README end\nEXPECT_EQ(printed, "found\\n");\n',
}


def findings_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if text.startswith("#!"):
                path.chmod(0o755)
        return check_tree(root)


def self_test():
    failed = 0
    for files, words in PLANTED:
        findings = findings_of(files)
        if not any(words in finding for finding in findings):
            failed += 1
            print(f"pages: a planted mistake was not found: {words!r} in {files}: {findings}")
    for finding in findings_of(GOOD):
        failed += 1
        print(f"pages: no mistake, and yet: {finding}")
    print(f"pages: {len(PLANTED)} mistakes planted, {failed} failures")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    findings = check_tree(pathlib.Path(__file__).resolve().parent.parent.parent)
    for finding in findings:
        print(finding)
    print(f"pages: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
