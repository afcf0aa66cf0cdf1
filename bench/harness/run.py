#!/usr/bin/env python3
"""Runs the table of questions, ours and the peers in turn, and writes what came out. Called by tools/bench."""
import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import report
import table
from programs import Program, interleaved

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS = {False: 5, True: 2}
# A question whose rounds are quick has more of them, so that a change of the machine's speed between two contenders weighs less.
ROUNDS_MAX = {False: 25, True: 5}
SECONDS = {False: 15, True: 0.3}


def find_programs(build):
    """The programs that are there; and what is not, with the reason."""
    candidates = [("the C and C++ peers", [str(build / "cpp_peers")], "their libraries are not installed"),
                  ("the Rust peers", [str(build.parent / "peers/release/havklo-peers")], "cargo is not here, or cannot build them"),
                  ("Node ws", ["node", str(ROOT / "bench/peers/node/wire.js")], "node, or its package ws, is not here")]
    programs, left_out = [Program([str(build / "contenders")])], {}
    for name, command, reason in candidates:
        program = Program(command)
        try:
            program.contenders()
            programs.append(program)
        except (OSError, subprocess.SubprocessError, ValueError):
            left_out[name] = reason
    return programs, left_out


def run_question(question, programs, options, given, done):
    held = {name: (program, version) for program in programs
            for (asked, name), version in program.contenders().items() if asked == question["id"]}
    # Ours first: pictures and tables follow this order.
    held = dict(sorted(held.items(), key=lambda item: item[0] != question["ours"]))
    runs = {name: (lambda program=program, name=name: program.run(question["id"], name, options))
            for name, (program, _) in held.items()}
    print(f"{question['id']}: {', '.join(runs)}", file=sys.stderr, flush=True)
    least = max(1, min(given.rounds, question.get("rounds_max", given.rounds)))
    if not given.short:
        least = max(least, question.get("rounds_least", 0))
    most = question.get("rounds_max", ROUNDS_MAX[given.short])
    figures, failed = interleaved(runs, least, most, SECONDS[given.short])
    done["figures"][question["id"]] = figures
    done["rows"] += table.rows_of(question, figures, {name: version for name, (_, version) in held.items()})
    for name, reason in failed.items():
        done["left_out"][f"{name}, {question['id']}"] = reason
    for name in question["target"]:
        if name != "*" and name not in held:
            done["missing"].add(name)


def arguments():
    parser = argparse.ArgumentParser(description="Every question of bench/questions.toml, ours and the peers in turn.")
    parser.add_argument("--short", action="store_true", help="fewer rounds and sizes, under three minutes; writes no RESULTS.md")
    parser.add_argument("--json", metavar="FILE", help="one row a question and peer")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each contender runs at least (5; 2 in a short run)")
    parser.add_argument("--only", metavar="PATTERN", default="", help="questions whose id matches; writes no RESULTS.md")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--results", type=pathlib.Path, help="the folder for RESULTS.md and the pictures (bench/)")
    given = parser.parse_args()
    given.rounds = given.rounds or ROUNDS[given.short]
    return given


def main():
    given = arguments()
    questions = [each for question in table.load()["question"] for each in table.expand(question, given.short)]
    questions = [each for each in questions if re.search(given.only, each["id"])]
    if not questions:
        sys.exit(f"bench: no question matches {given.only}")
    programs, left_out = find_programs(given.build)
    stamp = programs[0].stamp()
    last = (os.cpu_count() or 1) - 1
    options = ["--cpu", "0", "--peer-cpu", str(last)]
    frames = given.build / "bench_frames.jsonl"
    subprocess.run([*programs[0].command, "frames", str(frames)], check=True)
    options += ["--frames", str(frames), "--server", str(given.build / "contenders")]
    done = {"rows": [], "figures": {}, "left_out": left_out | table.load()["left_out"], "missing": set()}
    began, load_before = datetime.datetime.now(datetime.timezone.utc), os.getloadavg()
    for question in questions:
        run_question(question, programs, options, given, done)
    stamp |= {"cores": os.cpu_count(), "rounds": given.rounds, "rounds_max": max(given.rounds, ROUNDS_MAX[given.short]),
              "seconds": SECONDS[given.short], "began": f"{began:%Y-%m-%d %H:%M} UTC",
              "load": f"{load_before[0]:.1f} before, {os.getloadavg()[0]:.1f} after",
              "command": " ".join(["tools/bench", *sys.argv[1:]])}
    if given.json:
        rows = [{key: value for key, value in row.items() if not key.startswith("_")} for row in done["rows"]]
        pathlib.Path(given.json).write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(report.as_text(done["rows"]))
    folder = given.results or (None if given.short or given.only else ROOT / "bench")
    if folder:
        report.write(folder, stamp, questions, done)
    for name, reason in done["left_out"].items():
        print(f"left out: {name}: {reason}")


main()
