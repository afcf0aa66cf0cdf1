"""The programs that hold the contenders: what they have, and one run of one of them."""
import itertools
import json
import os
import pathlib
import subprocess
import time

RUN_SECONDS_MAX = 120


def cores():
    """The two that a contender and its other side are pinned to: the first and the last that we may use."""
    ours = sorted(os.sched_getaffinity(0))
    return ["--cpu", str(ours[0]), "--peer-cpu", str(ours[-1])]


class Program:
    def __init__(self, command):
        self.command = command
        self._contenders = None

    def contenders(self):
        """(question, contender) -> version."""
        if self._contenders is not None:
            return self._contenders
        done = subprocess.run([*self.command, "list"], capture_output=True, text=True, check=True, timeout=60)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self._contenders = {(row["question"], row["contender"]): row["version"] for row in rows}
        return self._contenders

    def run(self, question, contender, options):
        """One figure, or a RuntimeError that says in a line why not."""
        try:
            done = subprocess.run([*self.command, "run", question, contender, *options], capture_output=True, text=True,
                                  timeout=RUN_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{question}, {contender}: did not end in {RUN_SECONDS_MAX} s") from None
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RuntimeError(f"{last} (exit {done.returncode})")
        return json.loads(done.stdout.splitlines()[-1])

    def stamp(self):
        return json.loads(subprocess.run([*self.command, "stamp"], capture_output=True, text=True, check=True).stdout)


def find_programs(build):
    """The programs that are there, ours first; and what is not, with the reason."""
    node = pathlib.Path(__file__).resolve().parent.parent / "peers/node/wire.js"
    candidates = [("the C and C++ peers", [str(build / "cpp_peers")], "they are not built, or cannot be here"),
                  ("the Rust peers", [str(build.parent / "peers/release/havklo-peers")], "cargo is not here, or cannot build them"),
                  ("Node ws", ["node", str(node)], "node, or its package ws, is not here")]
    programs, left_out = [Program([str(build / "contenders")])], {}
    for name, command, reason in candidates:
        program = Program(command)
        try:
            program.contenders()
            programs.append(program)
        except (OSError, subprocess.SubprocessError, ValueError):
            left_out[name] = reason
    return programs, left_out


def write_frames(ours, build):
    """The options of the peers in other languages: the messages that ours takes, and the program that serves."""
    frames = build / "bench_frames.jsonl"
    subprocess.run([*ours.command, "frames", str(frames)], check=True)
    return ["--frames", str(frames), "--server", ours.command[0]]


def interleaved(runs, rounds, rounds_max=0, seconds=0.0):
    """`runs`: name -> a call that gives a figure. Every round runs each once, and every second round the other way about, so
    that what drifts does so for all. Up to `rounds_max` rounds while they take no more than `seconds`, but `rounds` in any
    case. A contender that fails once is out: name -> reason."""
    figures = {name: [] for name in runs}
    failed = {}
    began = time.monotonic()
    for number in itertools.count():
        if number >= rounds and (number >= rounds_max or time.monotonic() - began >= seconds):
            break
        order = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in order:
            if name in failed:
                continue
            try:
                figures[name].append(runs[name]())
            except RuntimeError as reason:
                failed[name] = str(reason)
    return {name: rows for name, rows in figures.items() if name not in failed}, failed
