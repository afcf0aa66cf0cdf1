"""Two builds of the same contenders, in turn: what became slower."""
import re

from programs import cores, interleaved
from statistics_of_ratios import median, ratios, verdict


def compare(old, new, pattern, rounds, tolerance, say=print):
    """Says a line a question; how many are slower, or are broken in the new build."""
    before, now = ({key for key in program.contenders() if re.search(pattern, key[0])} for program in (old, new))
    bad = 0
    for question, contender in [*(key for key in old.contenders() if key in before), *sorted(now - before)]:
        asked = f"{question}, {contender}"  # "inline", "the venue's part": a question may have several of ours
        if (question, contender) not in before & now:
            say(f"{asked:<44} left out: only in the {'old' if (question, contender) in before else 'new'} build")
            continue
        runs = {name: (lambda program=program: program.run(question, contender, cores())["value"])
                for name, program in (("old", old), ("new", new))}
        figures, failed = interleaved(runs, rounds)
        if failed:
            bad += "new" in failed
            say(f"{asked:<44} {'broken' if 'new' in failed else 'left out'}: {'; '.join(failed.values())}")
            continue
        pairs = ratios(figures["new"], figures["old"])
        said, low, high = verdict(pairs, tolerance)
        bad += said == "slower"
        say(f"{asked:<44} {median(figures['old']):>10.4g} -> {median(figures['new']):>10.4g}  "
            f"x{median(pairs):.3f} [{low:.3f}, {high:.3f}]  {said}")
    return bad
