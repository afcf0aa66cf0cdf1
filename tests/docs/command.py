"""A command of a page, looked at without running it: programs, options and tests that it names must exist."""
import fnmatch
import os
import re
import shlex

# Programs that are not ours.
FOREIGN = {"cat", "cd", "clang-format", "cmake", "cp", "ctest", "diff", "export", "gdb", "git", "grep", "head", "ls", "mkdir", "parallel",
           "python3", "sbatch", "sed", "sleep", "sudo", "tail", "taskset", "wc"}

# Of these, what begin a program of ours.
LAUNCHERS = {"gdb", "parallel", "python3", "sbatch", "taskset"}


def options_of(words):
    return [re.match(r"--?[\w-]+", word).group(0) for word in words if re.match(r"--?[a-zA-Z]", word)]


def wrong_with(command, tree):
    """What is wrong with a command, as far as that can be seen without running it; None: nothing."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError as error:
        return str(error)
    if "|" in words:
        words = words[:words.index("|")]
    while words and (re.fullmatch(r"[A-Z_]+=.*", words[0]) or words[0] in ("sudo", "nice", "time")):
        words = words[1:]
    if not words:
        return None
    program, rest = words[0], [word for word in words[1:] if word not in ("&", ">", "<")]
    if program in FOREIGN:
        inner = [i for i, word in enumerate(rest) if word in tree.files or word == "havklo" or word.startswith("build/")]
        return wrong_with(shlex.join(rest[inner[0]:]), tree) if inner and program in LAUNCHERS else None
    if program == "havklo" or re.fullmatch(r"build/\w+/havklo", program):
        return wrong_with_havklo(rest, tree)
    built = re.fullmatch(r"build/\w+/(\w+)", program)
    if built:
        return wrong_with_built(built.group(1), rest, tree)
    if program not in tree.files:
        return f"there is no program {program}"
    if not os.access(tree.root / program, os.X_OK):
        return f"{program} cannot be run"
    text = tree.texts[program]
    for option in options_of(rest):
        if option not in text and not any(fnmatch.fnmatch(option, known.replace("…", "*")) for known in re.findall(r"--[\w…*]+", text)):
            return f"{program} has no {option}"
    return None


def wrong_with_havklo(words, tree):
    if not words or words[0].startswith("-"):
        return None
    source = tree.texts.get(f"tools/havklo/{words[0]}.cpp")
    if source is None:
        return f"there is no subcommand {words[0]}"
    # What several subcommands have is said once, in a file that is no subcommand's.
    source += "".join(text for name, text in tree.texts.items()
                      if re.fullmatch(r"tools/havklo/\w+\.cpp", name) and "add_subcommand" not in text)
    for option in options_of(words[1:]):
        if option not in ("--help", "-h") and not re.search(rf'["!,]{option}["!,:{{]', source):
            return f"havklo {words[0]} has no {option}"
    return None


def wrong_with_built(program, words, tree):
    room = re.fullmatch(r"(\w+)_tests", program)
    if not room:
        known = program in tree.words or any(name.endswith(f"/{program}.cpp") for name in tree.files)
        return None if known else f"nothing builds {program}"
    if room.group(1) not in tree.tests:
        return f"there is no room tests/{room.group(1)}"
    for word in words:
        chosen = word.removeprefix("--gtest_filter=")
        if chosen == word:
            continue
        for pattern in re.split(r"[:-]", chosen):
            # A test with parameters is called INSTANCE/Suite.Name/PARAMETER.
            if pattern and not any(fnmatch.fnmatchcase(test, pattern) or fnmatch.fnmatchcase(f"All/{test}/0", pattern)
                                   for test in tree.tests[room.group(1)]):
                return f"no test of {room.group(1)} is called {pattern}"
    return None
