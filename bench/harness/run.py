#!/usr/bin/env python3
"""Runs the table of questions, ours and the peers in turn, and writes what came out. Called by tools/bench."""
import datetime
import json
import os
import sys

import arguments
import report
import table
from programs import cores, find_programs, interleaved, write_frames

# A question whose rounds are quick has more of them, so that a change of the machine's speed between two contenders weighs less.
ROUNDS_MAX = {False: 25, True: 5}
SECONDS = {False: 15, True: 0.3}


def run_question(question, programs, options, given, done):
    held = {name: (program, version) for program in programs
            for (asked, name), version in program.contenders().items() if asked == question["id"]}
    # Ours first: pictures and tables follow this order.
    held = dict(sorted(held.items(), key=lambda item: item[0] != question["ours"]))
    runs = {name: (lambda program=program, name=name: program.run(question["id"], name, options))
            for name, (program, _) in held.items()}
    print(f"{question['id']}: {', '.join(runs)}", file=sys.stderr, flush=True)
    least = min(given.rounds, question.get("rounds_max", given.rounds))
    if not given.short:
        least = max(least, question.get("rounds_least", 0))
    most = question.get("rounds_max", ROUNDS_MAX[given.short])
    figures, failed = interleaved(runs, least, most, SECONDS[given.short])
    done["figures"][question["id"]] = figures
    done["rows"] += table.rows_of(question, figures, {name: version for name, (_, version) in held.items()})
    for name, reason in failed.items():
        done["left_out"][f"{name}, {question['id']}"] = reason
    if question["ours"] not in figures:
        done["without_ours"].append(f"{question['id']}: {question['ours']}: {failed.get(question['ours'], 'is in no program')}")
    for name in question["target"]:
        if name != "*" and name not in held:
            done["missing"].add(name)


def write_rows(file, rows):
    told = [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]
    file.write_text("[\n" + ",\n".join(json.dumps(row) for row in told) + "\n]\n")


def main():
    given = arguments.given(sys.argv[1:])
    if given.refuse:
        return
    programs, left_out = find_programs(given.build)
    stamp = programs[0].stamp()
    options = [*cores(), *write_frames(programs[0], given.build)]
    done = {"rows": [], "figures": {}, "left_out": left_out | table.load()["left_out"], "missing": set(), "without_ours": []}
    began, load_before = datetime.datetime.now(datetime.timezone.utc), os.getloadavg()
    for question in given.questions:
        run_question(question, programs, options, given, done)
    stamp |= {"cores": os.cpu_count(), "rounds": given.rounds, "rounds_max": max(given.rounds, ROUNDS_MAX[given.short]),
              "seconds": SECONDS[given.short], "began": f"{began:%Y-%m-%d %H:%M} UTC",
              "load": f"{load_before[0]:.1f} before, {os.getloadavg()[0]:.1f} after", "command": arguments.command(given)}
    print(report.as_text(done["rows"]))
    for name, reason in done["left_out"].items():
        print(f"left out: {name}: {reason}")
    sys.stdout.flush()
    try:
        if given.json:
            write_rows(given.json, done["rows"])
        # A question that ours did not answer must not look like one that was never asked.
        if given.results and not done["without_ours"]:
            report.write(given.results, stamp, given.questions, done)
    except OSError as reason:
        sys.exit(f"bench: {reason.filename}: {reason.strerror}")
    if done["without_ours"]:
        sys.exit("\n".join(f"bench: {line}" for line in done["without_ours"]) +
                 ("\nbench: RESULTS.md is left as it was" if given.results else ""))


main()
