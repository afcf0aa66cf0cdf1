"""What a page of Markdown holds: its blocks with their markers, its links, its anchors, its code spans.

A marker is a comment of its own line right above a block; it says how the block is kept true:

    <!-- example NAME -->             C++: the region `// README NAME` of a test, to the letter
    <!-- printed by NAME -->          text: what that example prints; its test expects these lines
    <!-- file NAME -->                a file that the page's commands use
    <!-- run as: COMMAND -->          commands: what the test runs in their place
    <!-- not run: REASON -->          commands: only looked at; page.NOT_RUN lists the reasons
    <!-- numbers vary -->             text behind commands: compared with its numbers left out
    <!-- printed elsewhere: WHY -->   text that no command here can print

Commands (`sh`) without a marker run, and the `text` or `json` block that follows them is what they print.
"""
import dataclasses
import pathlib
import re
import subprocess

NOT_RUN = {
    "needs the venue on the internet",
    "installs and builds",
    "takes minutes",
    "measures, on a quiet machine",
    "needs a cluster",
    "needs a debugger",
    "needs two terminals",
    "changes the tree",
}
LANGUAGES = {"sh", "cpp", "cmake", "toml", "text", "json"}
MARKER = re.compile(r"<!-- (example|printed by|file|run as:|not run:|numbers vary|printed elsewhere:) ?(.*?) ?-->")


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int  # of its fence
    kind: str = ""  # of its marker
    value: str = ""
    follows: int | None = None  # the number of the block that stands right above it


def is_covered(name):
    """Whether every block of this page must be kept true: the doors of the house."""
    path = pathlib.PurePosixPath(name)
    return path.name == "README.md" or (path.parts[0] == ".github" and path.suffix == ".md")


def pages(root):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in sorted(set(listed.stdout.split("\n"))) if name and (root / name).is_file()]


def blocks(text):
    found = []
    lines = text.split("\n")
    number = 0
    last_end = None
    while number < len(lines):
        fence = re.match(r"```(\w*)$", lines[number])
        if not fence:
            if lines[number].strip() and not MARKER.fullmatch(lines[number]):
                last_end = None
            number += 1
            continue
        end = next((i for i in range(number + 1, len(lines)) if lines[i] == "```"), len(lines))
        block = Block(fence.group(1), "\n".join(lines[number + 1:end]), number + 1)
        marker = MARKER.fullmatch(lines[number - 1]) if number else None
        if marker:
            block.kind, block.value = marker.group(1).rstrip(":"), marker.group(2)
        block.follows = last_end
        last_end = len(found)
        found.append(block)
        number = end + 1
    return found


def prose(text):
    """The lines outside blocks, as (number, line)."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def links(text):
    for number, line in prose(text):
        for match in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            yield number, match.group(1)


def spans(text):
    for number, line in prose(text):
        for match in re.finditer(r"`([^`]+)`", line):
            yield number, match.group(1)


def anchors(text):
    """As GitHub makes them of headings."""
    made = set()
    for _, line in prose(text):
        heading = re.match(r"#+ (.*)", line)
        if heading:
            bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
            made.add(re.sub(r"[^\w\- ]", "", bare).replace(" ", "-"))
    return made
