"""Two builds of the same contenders, in turn: what became slower."""
import re

from programs import interleaved
from statistics_of_ratios import median, ratios, verdict


def compare(old, new, pattern, rounds, tolerance, say=print):
    """Says a line a question; how many are slower."""
    shared = [key for key in old.contenders() if key in new.contenders() and re.search(pattern, key[0])]
    slower = 0
    for question, contender in shared:
        asked = f"{question}, {contender}"  # "inline", "the venue's part": a question may have several of ours
        runs = {name: (lambda program=program: program.run(question, contender, ["--cpu", "0", "--peer-cpu", "1"])["value"])
                for name, program in (("old", old), ("new", new))}
        figures, failed = interleaved(runs, rounds)
        if failed:
            say(f"{asked:<44} left out: {'; '.join(failed.values())}")
            continue
        pairs = ratios(figures["new"], figures["old"])
        said, low, high = verdict(pairs, tolerance)
        slower += said == "slower"
        say(f"{asked:<44} {median(figures['old']):>10.4g} -> {median(figures['new']):>10.4g}  "
            f"x{median(pairs):.3f} [{low:.3f}, {high:.3f}]  {said}")
    return slower
