#!/usr/bin/env python3
"""Runs the commands of the pages with the program that was built, and compares what they print with what the page says.

    tests/docs/run_commands.py build/release/havklo [PAGE…]    the doors of the house, or these of them
    tests/docs/run_commands.py --self-test                     pages with planted mistakes

A page has a folder of its own, in which the top-level folders of the tree stand as links, `build/<preset>` is where the program lies, and
what an earlier block wrote is there for a later one. A block must end with 0, a line that says `# exits N` with N. What follows as text is
all that it prints; `…` on a line of its own stands for any lines. A line that ends with `&` goes on behind the page: it listens at a port
that is free, which stands in place of the page's own. Of a range of seeds the first twenty run.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import page  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK_SECONDS_MAX = 200
SEEDS = 20


def make_room(folder, root, build):
    """The tree as links, so that nothing is written into it but by a path through them."""
    for entry in root.iterdir():
        if entry.name not in ("build", ".git"):
            (folder / entry.name).symlink_to(entry)
    (folder / "build").mkdir()
    for preset in ("release", "debug", "asan", "tsan"):
        (folder / "build" / preset).symlink_to(build)
    (folder / "havklo").symlink_to(root)  # as a clone beside a project that uses it


def fewer_seeds(command):
    def cut(match):
        first, last = int(match.group(1)), int(match.group(2))
        return f"--seeds {first}..{min(last, first + SEEDS - 1)}"
    return re.sub(r"--seeds (\d+)\.\.(\d+)", cut, command)


def script_of(text):
    lines = ["set -e"]
    for line in text.split("\n"):
        exits = re.search(r"#.*\bexits (\d+)", line)
        lines.append(f"set +e; {line[:exits.start()]}; [ $? -eq {exits.group(1)} ] || exit 99; set -e" if exits else line)
    return "\n".join(lines)


class Page:
    def __init__(self, name, text, root, build):
        self.name, self.text, self.root, self.build = name, text, root, build
        self.findings = []
        self.ports = {}  # as the page says -> as it is
        self.servers = contextlib.ExitStack()

    def run(self):
        with tempfile.TemporaryDirectory() as folder, self.servers:
            self.folder = pathlib.Path(folder)
            make_room(self.folder, self.root, self.build)
            blocks = page.blocks(self.text)
            for number, block in enumerate(blocks):
                if block.kind == "file":
                    path = self.folder / block.value
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(self.here(block.text) + "\n")
                elif block.language == "sh" and block.kind != "not run":
                    behind = blocks[number + 1] if number + 1 < len(blocks) and blocks[number + 1].follows == number else None
                    self.run_block(block, behind if behind and behind.language in ("text", "json") else None)
        return self.findings

    def wrong(self, block, what):
        self.findings.append(f"{self.name}:{block.line}: {what}")

    def here(self, text):
        for said, real in self.ports.items():
            text = text.replace(said, real)
        return text

    def run_block(self, block, expected):
        text = block.value if block.kind == "run as" else block.text
        lines = []
        for line in text.split("\n"):
            if line.endswith(" &"):
                self.serve(block, line.removesuffix(" &"))
            else:
                lines.append(line)
        script = fewer_seeds(self.here(script_of("\n".join(lines))))
        environment = dict(os.environ, PATH=f"{self.build}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
        try:
            ended = subprocess.run(["bash", "-c", script], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BLOCK_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return self.wrong(block, f"not over after {BLOCK_SECONDS_MAX} s")
        if ended.returncode != 0:
            last = ended.stdout.strip().split("\n")[-3:]
            return self.wrong(block, f"a command ends with {ended.returncode}, not as the page says: " + " / ".join(last))
        if expected is not None:
            difference = difference_of(self.here(expected.text), ended.stdout, expected.kind == "numbers vary")
            if difference:
                self.wrong(expected, difference)
        return None

    def serve(self, block, command):
        asked = re.search(r"--listen (127\.0\.0\.1):(\d+)", command)
        words = command.replace(asked.group(0), "--listen 127.0.0.1:0") if asked else command
        server = subprocess.Popen(["bash", "-c", f"exec {words}"], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=dict(os.environ, PATH=f"{self.build}:{os.environ['PATH']}"))
        self.servers.callback(stop, server)
        said = server.stdout.readline()
        threading.Thread(target=server.stdout.read, daemon=True).start()  # or it would wait for a reader
        port = re.search(r":(\d+)(/|$)", said)
        if not asked or not port:
            return self.wrong(block, f"it does not say where it listens: {said.strip()}")
        self.ports[f":{asked.group(2)}"] = f":{port.group(1)}"
        return None


def stop(server):
    server.terminate()
    server.wait()


def without_numbers(line):
    line = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", "#", line)
    line = re.sub(r"[+-]?\d[\d.,]*( ?(ns|µs|us|ms|s|min|h|B|kB|MB|GB)\b)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def difference_of(expected, printed, numbers_vary):
    """The first line that the command does not print where the page has it; None: it prints what the page says."""
    same = without_numbers if numbers_vary else str.rstrip
    wanted = [line if line == "…" else same(line) for line in expected.rstrip("\n").split("\n")]
    real = [same(line) for line in printed.rstrip("\n").split("\n")]
    chunks = [[]]
    for line in wanted:
        if line == "…":
            chunks.append([])
        else:
            chunks[-1].append(line)
    at = 0
    for number, chunk in enumerate(chunks):
        first, last = number == 0, number == len(chunks) - 1
        places = [at] if first else [len(real) - len(chunk)] if last else range(at, len(real) - len(chunk) + 1)
        place = next((p for p in places if p >= at and real[p:p + len(chunk)] == chunk), None)
        if place is None or (first and last and len(chunk) != len(real)):
            return first_difference(chunk, real, list(places))
        at = place + len(chunk)
    return None


def first_difference(chunk, real, places):
    """Told from the place at which most lines of the chunk agree."""
    def agreeing(place):
        return next((i for i, line in enumerate(chunk) if not 0 <= place + i < len(real) or real[place + i] != line), len(chunk))
    place = max(places, key=agreeing, default=0)
    i = agreeing(place)
    said = chunk[i] if i < len(chunk) else "nothing more"
    printed = real[place + i] if 0 <= place + i < len(real) else "nothing more"
    return f"the page says: {said!r}, the command prints: {printed!r}"


def check(root, build, names):
    texts = {name: (root / name).read_text() for name in names}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [finding for findings in pool.map(lambda name: Page(name, texts[name], root, build).run(), names) for finding in findings]


# Each planted mistake, and words of the finding that it must cause.
PLANTED = [
    ("```sh\nfalse\n```\n", "ends with 1"),
    ("```sh\nfalse\ntrue\n```\n", "ends with 1"),
    ("```sh\ntrue  # exits 2\n```\n", "ends with 99"),
    ("```sh\necho one\n```\n\n```text\ntwo\n```\n", "'two', the command prints: 'one'"),
    ("```sh\necho one; echo two\n```\n\n```text\none\n```\n", "'nothing more', the command prints: 'two'"),
    ("```sh\necho one\n```\n\n```text\none\ntwo\n```\n", "'two', the command prints: 'nothing more'"),
    ("```sh\nseq 9\n```\n\n```text\n1\n…\n5\n7\n…\n9\n```\n", "'7', the command prints: '6'"),
    ("```sh\nseq 9\n```\n\n```text\n1\n…\n8\n```\n", "'8', the command prints: '9'"),
    ("```sh\necho 12 s, live\n```\n\n<!-- numbers vary -->\n```text\n3 ms, lost\n```\n", "lost"),
    ("<!-- file a.txt -->\n```toml\none\n```\n\n```sh\ncat a.txt\n```\n\n```text\ntwo\n```\n", "'two', the command prints: 'one'"),
    ("```sh\necho deaf &\n```\n", "does not say where it listens"),
]
GOOD = """```sh
seq 9
false  # exits 1
```

```text
1
…
5
…
9
```

```sh
echo 12.5 ms in 0123456789abcdef, seeds 1..20
```

<!-- numbers vary -->
```text
3 s in abcdef0123456789, seeds 1..20000
```

<!-- run as: echo ran -->
```sh
false
```

```text
ran
```

<!-- not run: takes minutes -->
```sh
false
```

```sh
sh -c 'echo "listening on ws://localhost:4711/v2"' --listen 127.0.0.1:8443 &
```

```sh
echo ws://127.0.0.1:8443/v2
```

```text
ws://127.0.0.1:4711/v2
```
"""


def self_test():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for number, (text, words) in enumerate(PLANTED + [(GOOD, "")]):
            name = f"{number}.md"
            (root / name).write_text(text)
            findings = check(root, root, [name])
            if not any(words in finding for finding in findings) if words else findings:
                failed += 1
                print(f"commands: wanted {words!r} of {text!r}: {findings}")
    print(f"commands: {len(PLANTED)} mistakes planted, {failed} failures")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        print("run_commands: say which program was built: tests/docs/run_commands.py build/release/havklo", file=sys.stderr)
        return 2
    build = pathlib.Path(sys.argv[1]).resolve().parent
    names = sys.argv[2:] or [name for name in page.pages(ROOT) if page.is_covered(name)]
    findings = check(ROOT, build, names)
    for finding in findings:
        print(finding)
    print(f"commands: {len(findings)} findings in {len(names)} pages")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
