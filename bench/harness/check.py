#!/usr/bin/env python3
"""Every answer of ours and of the peers, tiny, without a figure: exit 1 if one is wrong. Called by tools/bench --check."""
import pathlib
import sys

import arguments
import table
from programs import cores, find_programs, write_frames


def check(programs, options, say):
    """Which contenders answered; how many gave a wrong answer or broke."""
    answered, wrong = set(), 0
    for program in programs:
        for question, contender in program.contenders():
            try:
                program.run(question, contender, ["--tiny", *options])
                answered.add((question, contender))
            except RuntimeError as reason:
                say(f"wrong: {question}, {contender}: {reason}")
                wrong += 1
    return answered, wrong


def main():
    build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else arguments.ROOT / "build/release"
    programs, left_out = find_programs(build)
    options = [*cores(), *write_frames(programs[0], build)]
    answered, wrong = check(programs, options, print)
    held = {name for program in programs for _, name in program.contenders()}
    asked = table.load()
    left_out |= asked["left_out"]
    for name in sorted({name for question in asked["question"] for name in question["target"]} - held - {"*"}):
        left_out[name] = "not in any program that is here"
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"bench: {len(answered)} answers of {len({name for _, name in answered})} contenders are right, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
