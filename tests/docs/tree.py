"""The tree as the pages speak of it: its files, the words and functions in them, its tests."""
import fnmatch
import os
import re
import subprocess

SOURCES = (".hpp", ".cpp", ".py", ".txt", ".cmake", ".toml", ".sbatch")


class Tree:
    def __init__(self, root):
        self.root = root
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True)
        self.files = [name for name in sorted(set(listed.stdout.split("\n"))) if name and (root / name).is_file()]
        self.texts = {name: (root / name).read_text(errors="replace") for name in self.files if self.is_source(name)}
        self.words = set()
        for text in self.texts.values():
            self.words.update(re.findall(r"\w+", text))
        self.words.update(re.split(r"\W+", " ".join(self.files)))
        self.top = {name.split("/")[0] for name in self.files if "/" in name}
        self.tests = {}  # room -> the names of its tests, as googletest lists them
        for name, text in self.texts.items():
            room = re.fullmatch(r"tests/((?:\w+/)+)\w+_test\.cpp", name)
            if room:
                found = re.findall(r"^(TEST|TEST_F|TEST_P|TYPED_TEST)\((\w+),\s*(\w+)\)", text, re.M)
                self.tests.setdefault(room.group(1).rstrip("/").replace("/", "_"), []).extend(f"{suite}.{test}" for _, suite, test in found)

        self.words.update(f"{room}_tests" for room in self.tests)

    def is_source(self, name):
        return name.endswith(SOURCES) or (os.access(self.root / name, os.X_OK) and not name.startswith("tests/recordings/"))

    def has_path(self, path):
        return (self.root / path).exists() or any(fnmatch.fnmatch(name, path) for name in self.files)

    def has_function(self, name):
        """`f`, or `A::f`: its definition, or a class or namespace A in the file that has f."""
        *scopes, function = name.split("::")
        call = re.compile(rf"\b{re.escape(function)}\s*[(<]")
        if not scopes:
            return any(call.search(text) for text in self.texts.values())
        scope = re.compile(rf"\b{scopes[-1]}::{re.escape(function)}\b|\b(class|struct|namespace) (\w+::)*{scopes[-1]}\b")
        return any(call.search(text) and scope.search(text) for text in self.texts.values())
