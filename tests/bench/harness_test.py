#!/usr/bin/env python3
"""The measuring side against contenders whose truth is known: figures with seeded noise.

An identical pair must come out as no difference, a planted slowdown as slower; a contender that fails is left out by name;
rows, targets and pictures say what the figures say.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/harness"))
import comparison  # noqa: E402
import plot  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import statistics_of_ratios as ratios  # noqa: E402
import table  # noqa: E402


class Fake:
    """A contender of known cost, ± 20 % of noise that the two of a pair share, ± 2 % of its own."""

    def __init__(self, name, cost, fails=False):
        self.name, self.cost, self.fails, self.runs = name, cost, fails, 0

    def contenders(self):
        return {("q", "havklo"): "1"}

    def run(self, question, contender, options):
        self.runs += 1
        if self.fails and self.runs > 2:
            raise RuntimeError("broke")
        shared, own = random.Random(self.runs), random.Random(f"{self.name} {self.runs}")
        return {"value": self.cost * (1 + 0.2 * shared.random()) * (1 + 0.02 * own.random())}


class Compare(unittest.TestCase):
    def compare(self, old, new):
        lines = []
        slower = comparison.compare(old, new, "", 15, 0.01, lines.append)
        return slower, "\n".join(lines)

    def test_an_identical_pair_is_no_difference(self):
        slower, text = self.compare(Fake("old", 100), Fake("new", 100))
        self.assertIn("no difference", text)
        self.assertEqual(slower, 0)

    def test_a_planted_slowdown_of_five_percent_is_slower(self):
        slower, text = self.compare(Fake("old", 100), Fake("new", 105))
        self.assertIn("slower", text)
        self.assertEqual(slower, 1)

    def test_a_gain_is_faster(self):
        slower, text = self.compare(Fake("old", 100), Fake("new", 90))
        self.assertIn("faster", text)
        self.assertEqual(slower, 0)

    def test_a_contender_that_breaks_is_named_with_its_reason(self):
        broken, text = self.compare(Fake("old", 100), Fake("new", 100, fails=True))
        self.assertIn("broken: broke", text)
        self.assertEqual(broken, 1)

    def test_what_broke_before_is_left_out(self):
        bad, text = self.compare(Fake("old", 100, fails=True), Fake("new", 100))
        self.assertIn("left out: broke", text)
        self.assertEqual(bad, 0)

    def test_what_is_no_build_and_no_revision_is_refused(self):
        done = subprocess.run([ROOT / "bench/compare", "no-such-thing", "HEAD"], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("neither", done.stderr)


FAKE_PROGRAM = '''#!/usr/bin/env python3
"""A program of contenders that runs where it may, or breaks if told so."""
import json, os, pathlib, sys
here = pathlib.Path(__file__).resolve().parent
verb, rest = sys.argv[1], sys.argv[2:]
if verb == "list":
    print(json.dumps({"question": "timer_empty_hour", "contender": "havklo", "version": "1"}))
elif verb == "stamp":
    print(json.dumps(dict.fromkeys(("cpu", "kernel", "compiler", "flags", "tls", "simdjson", "io_uring", "messages"), "?")))
elif verb == "frames":
    pathlib.Path(rest[0]).write_text("")
else:
    (here / "ran").write_text(os.environ.get("HAVKLO_SHARED_DIR", ""))
    given = dict(zip(rest[2::2], rest[3::2]))
    may = os.sched_getaffinity(0)
    if (here / "broken").exists() or not {int(given["--cpu"]), int(given["--peer-cpu"])} <= may:
        sys.exit("no such core")
    print(json.dumps({"question": rest[0], "contender": rest[1], "version": "1", "value": 1.5}))
'''


class WholeRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.build = self.folder / "build/release"
        self.build.mkdir(parents=True)
        program = self.build / "contenders"
        program.write_text(FAKE_PROGRAM)
        program.chmod(0o755)
        self.results = self.folder / "results"
        self.results.mkdir()
        (self.results / "RESULTS.md").write_text("an earlier run")

    def run_with(self, *arguments, cores=None):
        limit = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        return subprocess.run([sys.executable, ROOT / "bench/harness/run.py", "--build", self.build, "--only", "timer_empty_hour",
                               *arguments], capture_output=True, text=True, timeout=60, preexec_fn=limit, cwd=self.folder)

    def written(self):
        return (self.results / "RESULTS.md").read_text()

    def test_results_and_rows_are_written(self):
        done = self.run_with("--results", self.results, "--json", "rows.json", "--rounds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("an hour passes", self.written())
        self.assertEqual(json.loads((self.folder / "rows.json").read_text())[0]["ours_value"], 1.5)
        self.assertNotIn("rows.json", self.written())

    def test_only_cores_that_it_may_use_are_measured_on(self):
        for core in sorted(os.sched_getaffinity(0)):
            done = self.run_with("--results", self.results, cores={core})
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_question_without_ours_is_an_error_and_the_earlier_results_stay(self):
        (self.build / "broken").touch()
        done = self.run_with("--results", self.results)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bench: timer_empty_hour: havklo: no such core", done.stderr)
        self.assertEqual(self.written(), "an earlier run")

    def test_what_cannot_be_meant_is_refused_before_anything_runs(self):
        for arguments in (("--rounds", "0"), ("--rounds", "-3"), ("--rounds", "x"), ("--only", "no such question"), ("--only", "("),
                          ("--json", "no/such/folder/rows.json"), ("--json", "."),
                          ("--results", self.results / "RESULTS.md"), ("--results", self.results / "RESULTS.md/in/it")):
            done = self.run_with(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(arguments[0], done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertFalse((self.build / "ran").exists(), arguments)

    def test_builds_that_are_compared_take_the_same_messages(self):
        # Each would look beside its own sources; the captures are not beside a revision's.
        environment = {name: value for name, value in os.environ.items() if name != "HAVKLO_SHARED_DIR"}
        done = subprocess.run([ROOT / "bench/compare", self.build, self.build, "--rounds", "5", "--tolerance", "9"],
                              capture_output=True, text=True, timeout=60, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertEqual((self.build / "ran").read_text(), str(ROOT.parent / "shared"))

    def test_a_comparison_with_a_broken_new_build_fails(self):
        (self.build / "broken").touch()
        done = subprocess.run([ROOT / "bench/compare", self.build, self.build, "--rounds", "5"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("broken: no such core", done.stdout)

    def test_tools_bench_refuses_before_it_builds(self):
        for arguments in (("--rounds", "0"), ("--json", "no/such/folder/rows.json"), ("--only", "no such question")):
            done = subprocess.run([ROOT / "tools/bench", *arguments], capture_output=True, text=True, timeout=60, cwd=self.folder)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(arguments[0], done.stderr)


class Figures(unittest.TestCase):
    QUESTION = {"id": "q", "text": "what", "unit": "ns", "group": "G", "ours": "havklo", "target": {"a": 0.45, "b": {"plus_ns": 5}}}
    FIGURES = {"havklo": [{"value": 10}, {"value": 12}, {"value": 11}], "a": [{"value": 20}, {"value": 20}, {"value": 20}],
               "b": [{"value": 6}, {"value": 7}, {"value": 6}]}
    FIGURES = {name: [*rounds, *rounds] for name, rounds in FIGURES.items()}

    def test_a_row_has_the_fields_and_judges_the_target(self):
        a, b = table.rows_of(self.QUESTION, self.FIGURES, {"a": "1.0", "b": "2.0"})
        self.assertEqual((a["ours_value"], a["peer_value"], a["ratio"]), (11, 20, 0.55))
        self.assertIs(a["met"], False)
        self.assertIs(b["met"], True)
        for field in ("question", "ours", "peer", "peer_version", "unit", "spread", "target", "decided"):
            self.assertIn(field, a)
        self.assertTrue(json.dumps(a))

    def test_percentiles_become_rows(self):
        curve = [{"value": 1, "percentiles": [[50, 1], [99, 5], [99.9, 9]]}]
        rows = table.rows_of({**self.QUESTION, "target": {}}, {"havklo": curve, "a": curve}, {})
        self.assertEqual([row["question"] for row in rows], ["q_p50", "q_p99", "q_p99.9"])
        self.assertEqual([row["ours_value"] for row in rows], [1, 5, 9])

    def test_an_allowance_at_one_percentile_judges_no_other(self):
        curve = [{"value": 1, "percentiles": [[50, 1000], [99, 5000], [99.9, 9000]]}]
        question = {**self.QUESTION, "target": {"floor": {"plus_ns": 1200, "at": 50}}}
        floor = [{"value": 1, "percentiles": [[50, 100], [99, 100], [99.9, 100]]}]
        rows = table.rows_of(question, {"havklo": curve, "floor": floor}, {})
        self.assertEqual([row["met"] for row in rows], [True, None, None])

    def test_rounds_that_lie_on_both_sides_of_a_target_cannot_tell(self):
        peer = [100.0] * 9
        for ours, met, told in (([80, 81, 82, 83, 84, 85, 86, 87, 88], True, True),
                                ([90, 130, 92, 125, 94, 110, 95, 99, 98], True, False),
                                ([90, 130, 104, 125, 94, 110, 103, 99, 108], False, False),
                                ([120, 121, 122, 123, 124, 125, 126, 127, 128], False, True)):
            self.assertEqual(table.judge(1.0, None, ours, peer)[1:], (met, told))
            self.assertEqual(table.judge({"plus_ns": 0}, None, ours, peer)[1:], (met, told))
        self.assertEqual(table.judge(1.0, None, peer, peer)[1:], (True, True))
        self.assertEqual(report.met({"met": False, "decided": False}), "undecided")

    def test_fewer_than_five_rounds_decide_nothing(self):
        # However far from the target: with two rounds the interval holds the median half of the time.
        for rounds, decided in ((1, False), (2, False), (4, False), (5, True)):
            self.assertEqual(table.judge(1.0, None, [50.0] * rounds, [100.0] * rounds)[1:], (True, decided))
            self.assertEqual(table.judge({"plus_ns": 5}, None, [200.0] * rounds, [100.0] * rounds)[1:], (False, decided))

    def test_a_row_says_whether_its_verdict_is_decided(self):
        def row(rounds, target):
            figures = {"havklo": [{"value": 10}] * rounds, "a": [{"value": 20}] * rounds}
            return table.rows_of({**self.QUESTION, "target": target}, figures, {})[0]

        said = [(row(*asked)["met"], row(*asked)["decided"], report.met(row(*asked)))
                for asked in ((5, {"a": 0.6}), (5, {"a": 0.4}), (3, {"a": 0.6}), (5, {}))]
        self.assertEqual(said, [(True, True, "yes"), (False, True, "**no**"), (True, False, "undecided"), (None, None, "")])

    def test_a_short_run_asks_the_short_sizes(self):
        question = {"id": "q", "text": "{size} of them", "sizes": ["1k", "1m"], "short_sizes": ["1k"]}
        self.assertEqual([each["id"] for each in table.expand(question)], ["q_1k", "q_1m"])
        self.assertEqual([each["text"] for each in table.expand(question, short=True)], ["1k of them"])
        self.assertEqual(table.expand({**question, "short": False}, short=True), [])
        self.assertEqual(len(table.expand({**question, "short": False})), 2)

    def test_rounds_turn_about(self):
        seen = []
        programs.interleaved({name: (lambda name=name: seen.append(name)) for name in "ab"}, 3)
        self.assertEqual("".join(seen), "abbaab")

    def test_quick_questions_have_more_rounds_and_slow_ones_the_least(self):
        def rounds_run(least, most, seconds):
            seen = []
            programs.interleaved({"a": lambda: seen.append(1)}, least, most, seconds)
            return len(seen)

        self.assertEqual(rounds_run(2, 7, 3600), 7)
        self.assertEqual(rounds_run(2, 7, 0), 2)
        self.assertEqual(rounds_run(9, 7, 3600), 9)

    def test_the_interval_covers_the_median_and_narrows(self):
        wide = ratios.confidence_of_median([0.8, 0.9, 1.0, 1.1, 1.2])
        narrow = ratios.confidence_of_median([0.99, 1.0, 1.0, 1.0, 1.01])
        self.assertTrue(wide[0] <= 1.0 <= wide[1])
        self.assertLess(narrow[1] - narrow[0], wide[1] - wide[0])

    def test_the_table_of_questions_is_whole(self):
        for question in table.load()["question"]:
            for each in table.expand(question):
                self.assertTrue({"id", "text", "unit", "group"} <= each.keys(), each)
                self.assertNotIn("{size}", each["text"])

    def test_a_report_names_who_was_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            done = {"rows": table.rows_of(self.QUESTION, self.FIGURES, {}), "figures": {"q": self.FIGURES},
                    "left_out": {"x": "not here"}, "missing": {"y"}}
            stamp = dict.fromkeys(("command", "began", "rounds", "rounds_max", "seconds", "cpu", "cores", "kernel", "load",
                                   "compiler", "flags", "tls", "simdjson", "io_uring"), "?") | {"messages": "seeded market, 7 book messages"}
            report.write(pathlib.Path(folder), stamp, [self.QUESTION], done)
            text = (pathlib.Path(folder) / "RESULTS.md").read_text()
        self.assertIn("x: not here", text)
        self.assertIn("seeded market, 7 book messages", text)
        self.assertIn("- y: ", text)
        self.assertIn("**no**", text)

    def test_a_question_with_an_axis_becomes_one_curve(self):
        question = {**self.QUESTION, "id": "grow", "axis": "symbols", "title": "books", "ours": "1k", "target": {}}
        figures = {"1k": [{"value": 12}], "1": [{"value": 10}]}
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual([file for file, _ in report.pictures(pathlib.Path(folder), [question], {"grow": figures})], ["pictures/grow.svg"])
            self.assertIn("symbols", (pathlib.Path(folder) / "pictures/grow.svg").read_text())

    def test_pictures_are_svg(self):
        curve = plot.percentile_curve("a & b", {"ours": [(50, 900), (99, 2000), (99.9, 9000)]})
        growth = plot.lines("t", "x", "y", {"one": [(1, 5), (1000, 6)], "two": [(1, 7)]})
        for picture in (curve, growth):
            self.assertEqual(xml.dom.minidom.parseString(picture).documentElement.tagName, "svg")


if __name__ == "__main__":
    unittest.main()
