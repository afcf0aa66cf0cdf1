#!/usr/bin/env python3
"""House rules: what no compiler checks. `tools/tidy.py` checks the tree, `--self-test` checks the checks.

Each rule names a file, a line and what to change. The design (section 3) is the source of the include directions,
section 2 of what may not be called where.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

COLUMNS = 100
FUNCTION_LINES = 70
FILE_LINES = 450
# Files from before that bound, with the lines they had then; each leaves this list when it is split.
LONGER_FILES = {
    "tests/core/session_test.cpp": 457,
    "tests/io/tls/record_opener_test.cpp": 586,
}
# How many concepts one folder holds: a .hpp, its .cpp and its other parts (book.hpp, book.cpp) are one. More than one can
# keep in mind is two rooms.
FOLDER_CONCEPTS = 16
FOLDER_CONCEPTS_OF = {
    "include/havklo/": 40,  # what a user includes by one short name: a header a concept, and no layers among them
    "tools/havklo/": 32,    # one program: a file a subcommand, and a file for each thing that several of them need
}
CODE = (".cpp", ".hpp", ".py", ".rs", ".js", "")

CORE = ("engine/core/", "engine/addresses/", "engine/websocket/", "engine/kraken/", "include/havklo/")
MODEL = CORE + ("replay/",)

# What must not be called, where, and what to do instead.
BANNED = [
    (r"\b(steady_clock|system_clock|high_resolution_clock)::now|\bclock_gettime\b|\bgettimeofday\b|\btime\(nullptr\)",
     MODEL, "time is passed in: take `Instant now`"),
    (r"\bstd::random_device\b|\bgetrandom\b|\b(s?rand|mt19937\w*)\(", MODEL, "use havklo::Random with the session's seed"),
    (r"\bunordered_(map|set|multimap|multiset)\b", MODEL, "hash order must not matter: use a sorted or indexed container"),
    (r"\bstd::(thread|mutex|jthread|condition_variable|async)\b|\bthis_thread\b", MODEL, "one thread: no locks, no sleeping"),
    (r"\bstd::(cout|cerr|clog)\b|\bprintf\(", CORE, "the core prints nothing: publish an event"),
    (r"\bstd::regex\b|\bstd::stringstream\b", CORE, "too slow for the core"),
    (r"\bthrow\b", CORE, "no exceptions: return std::expected"),
    (r"\bassert\(", ("engine/", "include/", "replay/", "tools/"), "use HAVKLO_ASSERT, which is always on"),
    (r"\busing namespace std;", ("",), "name what you use"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", ("",), "finish it, or write it into an issue"),
]
# Which third-party headers belong to one folder alone.
OWNED_HEADERS = [
    (r"<(liburing\.h|wolfssl/.*|ares\.h|intel-ipsec-mb\.h)>", ("engine/io/", "tests/", "bench/")),
    (r"<simdjson\.h>", ("engine/kraken/", "tools/", "bench/")),
    (r"<libdeflate\.h>", ("engine/kraken/", "bench/")),
    (r"<(toml\+\+/.*|fmt/.*)>", ("replay/", "tools/", "tests/", "bench/")),
    (r"<CLI/.*>", ("tools/", "tests/")),
    (r"<openssl/.*>", ("tests/", "bench/")),
]
# Folder of a file -> what it may include (by prefix of the quoted path).
MAY_INCLUDE = {
    "include/havklo/": (),
    "engine/addresses/": ("addresses/",),
    "engine/websocket/": ("websocket/",),
    "engine/kraken/": ("kraken/",),
    "engine/core/": ("core/", "websocket/", "kraken/"),
    "engine/io/": ("io/", "addresses/"),
    "engine/client/": ("client/", "core/", "io/"),
}
# The rooms of replay/ on their floors, from the ground up: a room includes itself and what lies on a floor below it.
REPLAY_FLOORS = (("venue", "text"), ("recording", "observer"), ("playback",), ("what_if", "world"))
REPLAY_ENGINE = ("core/", "addresses/", "websocket/", "kraken/")
for floor, rooms in enumerate(REPLAY_FLOORS):
    below = [f"replay/{room}/" for lower in REPLAY_FLOORS[:floor] for room in lower]
    for room in rooms:
        MAY_INCLUDE[f"replay/{room}/"] = (f"replay/{room}/", *below, *REPLAY_ENGINE)
# What the top level holds (dot files apart), so that nothing which a program left there is ever added.
TOP = ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "bench", "engine", "include", "replay", "tests", "tools")
BAD_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|misc|common|stuff)(_|\.|$)")
# The loop reads its clock in one place.
ONE_CLOCK_READ = ("engine/core/", r"clock\.now\(\)", 1)


def sources(root):
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True, check=True)
    names = listed.stdout.decode(errors="surrogateescape").split("\0")
    return [root / name for name in sorted(set(names)) if name and (root / name).is_file()]


def code_of(text):
    """The text with comments and string literals blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    pattern = r'R"\((?:.|\n)*?\)"|//[^\n]*|/\*(?:.|\n)*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, blank, text)


def check_lines(name, text, code, report):
    for number, (line, bare) in enumerate(zip(text.split("\n"), code.split("\n")), 1):
        if len(line) > COLUMNS and "R\"(" not in line and '"' not in line:
            report(name, number, f"{len(line)} columns, at most {COLUMNS}")
        if line != line.rstrip():
            report(name, number, "space at the end of the line")
        if "\t" in line:
            report(name, number, "a tab: use spaces")
        for pattern, folders, instead in BANNED:
            where = line if "TODO" in pattern else bare
            if name.startswith(folders) and name != "tools/tidy.py" and re.search(pattern, where):
                report(name, number, f"{re.search(pattern, where).group(0)}: {instead}")


def check_includes(name, text, report):
    for number, line in enumerate(text.split("\n"), 1):
        include = re.match(r'\s*#include\s+([<"][^>"]+[>"])', line)
        if not include:
            continue
        target = include.group(1)
        for pattern, folders in OWNED_HEADERS:
            if re.fullmatch(pattern, target) and not name.startswith(folders):
                report(name, number, f"{target} belongs to {folders[0]}")
        for prefix, allowed in MAY_INCLUDE.items():
            if name.startswith(prefix) and target.startswith('"') and not target[1:].startswith(allowed):
                report(name, number, f"{prefix} must not include {target}")


def check_functions(name, code, report):
    """Counts the lines of each brace block that follows a parameter list at namespace or class level."""
    depth, start, head = 0, 0, ""
    stack = []
    for number, line in enumerate(code.split("\n"), 1):
        for c in line:
            if c == "{":
                opens_function = bool(re.search(r"\)\s*(const|noexcept|override|final|\s|->[\w:<>,&*\s]+|:[^;{]*)*$", head))
                is_scope = bool(re.search(r"\b(namespace|class|struct|union|enum)\b[^;()]*$", head))
                stack.append((number, opens_function and not is_scope))
                head = ""
            elif c == "}":
                if stack:
                    start, is_function = stack.pop()
                    if is_function and not any(f for _, f in stack) and number - start + 1 > FUNCTION_LINES:
                        report(name, start, f"a function of {number - start + 1} lines, at most {FUNCTION_LINES}")
                head = ""
            elif c == ";":
                head = ""
            else:
                head += c
        head += " "


def check_file(name, text, report):
    path = pathlib.PurePosixPath(name)
    if BAD_NAMES.search(path.name):
        report(name, 1, "the name says nothing: name the concept")
    if path.suffix not in (".hpp", ".cpp"):
        return
    if name.startswith("replay/") and not name.startswith(tuple(prefix for prefix in MAY_INCLUDE if prefix.startswith("replay/"))):
        report(name, 1, "belongs into one of its rooms: " + ", ".join(room for rooms in REPLAY_FLOORS for room in rooms))
    lines = text.count("\n")
    lines_max = LONGER_FILES.get(name, FILE_LINES)
    if lines > lines_max:
        report(name, 1, f"{lines} lines, at most {lines_max}: split it by concept")
    elif name in LONGER_FILES and lines <= FILE_LINES:
        report(name, 1, "is no longer too long: take it off LONGER_FILES")
    if not text.startswith("// "):
        report(name, 1, "begin with a comment that says what the file holds")
    if path.suffix == ".hpp" and "#pragma once" not in text:
        report(name, 1, "#pragma once is missing")
    code = code_of(text)
    check_lines(name, text, code, report)
    check_includes(name, text, report)
    check_functions(name, code, report)


def check_folders(names, report):
    """No folder holds more concepts than one can keep in mind."""
    concepts = {}
    for name in map(pathlib.PurePosixPath, names):
        if name.suffix in CODE and not name.name.startswith("."):
            concepts.setdefault(f"{name.parent}/", set()).add(name.stem)
    for folder, stems in sorted(concepts.items()):
        most = FOLDER_CONCEPTS_OF.get(folder, FOLDER_CONCEPTS)
        if len(stems) > most:
            report(folder, 1, f"holds {len(stems)} concepts, at most {most}: make a room of some of them")
        elif folder in FOLDER_CONCEPTS_OF and len(stems) <= FOLDER_CONCEPTS:
            report(folder, 1, "holds no more than others: take it off FOLDER_CONCEPTS_OF")


def check_top(names, report):
    for name in sorted({name.split("/")[0] for name in names}):
        if name not in TOP and not name.startswith("."):
            report(ascii(name), 1, "has no place at the top: " + ", ".join(TOP))


def check_tree(root):
    findings = []

    def report(name, line, what):
        findings.append(f"{name}:{line}: {what}")
    clock_reads = []
    names = [path.relative_to(root).as_posix() for path in sources(root)]
    check_top(names, report)
    check_folders(names, report)
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        check_file(name, text, report)
        folder, pattern, _ = ONE_CLOCK_READ
        if name.startswith(folder) and path.suffix in (".hpp", ".cpp"):
            clock_reads += [f"{name}:{code_of(text)[:m.start()].count(chr(10)) + 1}" for m in re.finditer(pattern, code_of(text))]
    if len(clock_reads) > ONE_CLOCK_READ[2]:
        findings.append(f"{clock_reads[1]}: the clock is read once a turn, in one place: {clock_reads[0]}")
    return findings


# Each planted mistake (a file, or several with the same text), and words of the finding that it must cause.
PLANTED = [
    ("engine/core/a.cpp", "// A.\nauto t = std::chrono::steady_clock::now();\n", "time is passed in"),
    ("replay/text/a.cpp", "// A.\nstd::random_device device;\n", "havklo::Random"),
    ("engine/kraken/a.cpp", "// A.\nstd::unordered_map<int, int> m;\n", "hash order"),
    ("engine/core/a.cpp", "// A.\nstd::mutex m;\n", "one thread"),
    ("engine/core/a.cpp", "// A.\nvoid f() { throw 1; }\n", "no exceptions"),
    ("engine/core/a.cpp", "// A.\n#include \"io/uring/uring.hpp\"\n", "must not include"),
    ("engine/websocket/a.cpp", "// A.\n#include \"kraken/book.hpp\"\n", "must not include"),
    ("engine/io/a.cpp", "// A.\n#include \"core/engine.hpp\"\n", "must not include"),
    ("engine/core/a.cpp", "// A.\n#include \"client/live_engine.hpp\"\n", "must not include"),
    ("engine/io/a.cpp", "// A.\n#include \"client/live_engine.hpp\"\n", "must not include"),
    ("engine/client/a.cpp", "// A.\n#include \"kraken/book.hpp\"\n", "must not include"),
    ("replay/venue/a.cpp", "// A.\n#include \"replay/recording/reader.hpp\"\n", "must not include"),
    ("replay/recording/a.cpp", "// A.\n#include \"replay/observer/verdict.hpp\"\n", "must not include"),
    ("replay/playback/a.cpp", "// A.\n#include \"replay/world/disk.hpp\"\n", "must not include"),
    ("replay/world/a.cpp", "// A.\n#include \"replay/what_if/case.hpp\"\n", "must not include"),
    ("replay/what_if/a.cpp", "// A.\n#include \"io/uring/uring.hpp\"\n", "must not include"),
    ("replay/a.cpp", "// A.\n", "one of its rooms"),
    ("include/havklo/a.hpp", "// A.\n#pragma once\n#include <simdjson.h>\n", "belongs to"),
    ("replay/text/a.cpp", "// A.\n#include <liburing.h>\n", "belongs to"),
    ("engine/core/a.cpp", "// A.\nint " + "x" * 120 + ";\n", "columns"),
    ("engine/core/a.cpp", "// A.\nint x; \n", "space at the end"),
    ("engine/core/a.cpp", "// A.\n\tint x;\n", "a tab"),
    ("engine/core/a.cpp", "int x;\n", "begin with a comment"),
    ("engine/core/a.hpp", "// A.\nint x;\n", "#pragma once"),
    ("engine/core/string_utils.hpp", "// A.\n#pragma once\n", "name the concept"),
    ("engine/core/a.cpp", "// A.\n// TO" + "DO: later\n", "finish it"),
    ("engine/core/a.cpp", "// A.\nvoid f(int x) {\n" + "  ++x;\n" * 80 + "}\n", "a function of"),
    ("engine/core/a.cpp", "// A.\n" + "int x;\n" * 450, "split it by concept"),
    ("engine/core/session.cpp", "// A.\n" + "int x;\n" * 530, "split it by concept"),
    ("tests/core/session_test.cpp", "// A.\n", "take it off LONGER_FILES"),
    ([f"replay/text/a{i}.{ending}" for i in range(17) for ending in ("hpp", "cpp")], "// A.\n#pragma once\n", "holds 17 concepts"),
    ([f"tools/havklo/a{i}.cpp" for i in range(33)], "// A.\n", "holds 33 concepts"),
    ("tools/havklo/a.cpp", "// A.\n", "take it off FOLDER_CONCEPTS_OF"),
    ("crash-eda01687", "", "no place at the top"),
    ("\udc85^z", "", "no place at the top"),
    ("engine/core/a.cpp", "// A.\nauto a = clock.now();\nauto b = clock.now();\n", "once a turn"),
]


def self_test():
    failed = 0
    for names, text, words in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            subprocess.run(["git", "init", "-q"], cwd=root, check=True)
            for name in [names] if isinstance(names, str) else names:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            findings = check_tree(root)
            if not any(words in finding for finding in findings):
                failed += 1
                print(f"tidy: a planted mistake was not found: {words!r} in {names}: {findings}")
    print(f"tidy: {len(PLANTED) - failed} of {len(PLANTED)} planted mistakes found")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    root = pathlib.Path(__file__).resolve().parent.parent
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
