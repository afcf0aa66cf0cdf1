"""The table of questions (bench/questions/questions.toml), and what came out of a question as rows."""
import pathlib
import re
import tomllib

from statistics_of_ratios import PAIRS_TO_TELL, confidence_of_median, median, ratios, spread

PERCENTILES = (50, 99, 99.9)


def load(path=pathlib.Path(__file__).parent.parent / "questions/questions.toml"):
    table = tomllib.loads(path.read_text())
    for question in table["question"]:
        question.setdefault("target", {})
        question.setdefault("ours", "havklo")
    return table


def expand(question, short=False):
    """One question for each of its sizes, in a short run of its `short_sizes`; `{size}` stands in the text. None in a short run of
    what has `short = false`."""
    if short and not question.get("short", True):
        return []
    sizes = question.get("short_sizes" if short and "short_sizes" in question else "sizes")
    if not sizes:
        return [question]
    return [{**question, "id": f"{question['id']}_{size}", "text": question["text"].replace("{size}", size), "size": size,
             "family": question["id"]} for size in sizes]


def size_of(text):
    number, unit = re.fullmatch(r"(\d+)(k|m|)", text).groups()
    return int(number) * {"": 1, "k": 1000, "m": 1000_000}[unit]


def values_of(figures, percent=None):
    if percent is None:
        return [figure["value"] for figure in figures]
    return [next(value for p, value in figure["percentiles"] if p == percent) for figure in figures]


def judge(target, percent, ours, theirs):
    """Of the rounds' figures: the target in words, whether their median meets it, and whether the rounds decide that (both None
    without a target). A target is the greatest ratio ours / theirs, or {plus_ns, at}: at most so much more at that percentile
    (without `at`: at all); None: published only."""
    if target is None or (isinstance(target, dict) and target.get("at", percent) != percent):
        return "", None, None
    if isinstance(target, dict):
        bound, text = target["plus_ns"], f"≤ +{target['plus_ns'] / 1000:g} µs"
        values = [a - b for a, b in zip(ours, theirs)]
    else:
        bound, text, values = target, f"≤ {target:g}×", ratios(ours, theirs)
    low, high = confidence_of_median(values)
    return text, median(values) <= bound, len(values) >= PAIRS_TO_TELL and not low <= bound < high


def rows_of(question, figures, versions):
    """One row a peer (and percentile): the fields that `tools/bench --json` writes."""
    ours_name = question["ours"]
    if ours_name not in figures:
        return []
    rows = []
    has_percentiles = "percentiles" in figures[ours_name][0]
    for percent in PERCENTILES if has_percentiles else (None,):
        ours = values_of(figures[ours_name], percent)
        peers = [name for name in figures if name != ours_name] or [None]
        for peer in peers:
            theirs = values_of(figures[peer], percent) if peer else ours
            pairs = ratios(ours, theirs)
            target = question["target"].get(peer, question["target"].get("*")) if peer else None
            text, met, decided = judge(target, percent, ours, theirs)
            rows.append({
                "question": question["id"] + (f"_p{percent:g}" if percent else ""),
                "ours": ours_name, "peer": peer, "peer_version": versions.get(peer),
                "unit": question["unit"], "ours_value": median(ours), "peer_value": median(theirs) if peer else None,
                "ratio": median(pairs) if peer else None, "spread": spread(pairs if peer else ours),
                "target": text, "met": met, "decided": decided,
                "_text": question["text"] + (f", p{percent:g}" if percent else ""),
                "_ours_spread": spread(ours), "_peer_spread": spread(theirs), "_group": question["group"]})
    return rows
