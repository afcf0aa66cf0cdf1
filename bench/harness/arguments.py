"""What a run is asked to do: everything that cannot be meant is refused here, before a build or a round costs its minutes."""
import argparse
import os
import pathlib
import re

import table

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS = {False: 5, True: 2}


def why_no_file(file):
    """Why `file` cannot be written; empty: it can."""
    if file.is_dir():
        return "is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return "" if os.access(file if file.exists() else file.parent, os.W_OK) else "may not be written"


def why_no_folder(folder):
    """Why nothing can be written into `folder`, which need not be there yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK) else f"{there} may not be written"


def positive(text):
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no positive number")
    return int(text)


class Parser(argparse.ArgumentParser):
    def error(self, message):  # one line, without the whole usage
        self.exit(2, f"bench: {message.removeprefix('argument ')}\n")


def given(arguments):
    parser = Parser(prog="bench", description="Every question of bench/questions/questions.toml, ours and the peers in turn.")
    parser.add_argument("--short", action="store_true", help="fewer rounds and sizes, under three minutes; writes no RESULTS.md")
    parser.add_argument("--only", metavar="PATTERN", default="", help="questions whose id matches; writes no RESULTS.md")
    parser.add_argument("--results", metavar="DIR", type=pathlib.Path,
                        help="the folder for RESULTS.md and the pictures (bench/; a short run's or one of a few questions: none)")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="one row a question and peer")
    parser.add_argument("--rounds", type=positive, metavar="N", help="how often each contender runs at least (5; 2 in a short run)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--refuse", action="store_true", help=argparse.SUPPRESS)  # only looks whether this could be run
    asked = parser.parse_args(arguments)
    try:
        asked.questions = questions(asked)
    except re.error as mistake:
        parser.error(f"--only: '{asked.only}' is no pattern: {mistake}")
    if not asked.questions:
        parser.error(f"--only: no question{' of a short run' if asked.short else ''} matches '{asked.only}'")
    if asked.json and (why := why_no_file(asked.json)):
        parser.error(f"--json: {asked.json}: {why}")
    if asked.results and (why := why_no_folder(asked.results)):
        parser.error(f"--results: {asked.results}: {why}")
    asked.rounds = asked.rounds or ROUNDS[asked.short]
    asked.results = asked.results or (None if asked.short or asked.only else ROOT / "bench")
    return asked


def questions(asked):
    all_of_them = [each for question in table.load()["question"] for each in table.expand(question, asked.short)]
    return [each for each in all_of_them if re.search(asked.only, each["id"])]


def command(asked):
    """What gives these figures again; where they were written to is nobody's business."""
    words = ["--short"] * asked.short + (["--only", asked.only] if asked.only else [])
    if asked.rounds != ROUNDS[asked.short]:
        words += ["--rounds", str(asked.rounds)]
    return " ".join(["tools/bench", *words])
