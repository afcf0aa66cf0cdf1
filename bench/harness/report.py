"""RESULTS.md, its pictures, and the same rows for a terminal."""
import plot
import table
from statistics_of_ratios import PAIRS_TO_TELL, median

PICTURES = "pictures"  # the folder beside RESULTS.md


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def figure(value, spread):
    return f"{number(value)} ± {spread / 2:.0%}" if value is not None else ""


def met(row):
    if row["met"] is None:
        return ""
    if not row["decided"]:
        return "undecided"
    return "yes" if row["met"] else "**no**"


def as_text(rows):
    lines = [f"{'question':<24} {'peer':<30} {'ours':>12} {'peer':>12} {'ratio':>7}  target"]
    for row in rows:
        ratio = number(row["ratio"])
        lines.append(f"{row['question']:<24} {row['peer'] or '':<30} {number(row['ours_value']):>12} "
                     f"{number(row['peer_value']):>12} {ratio:>7}  {row['target']} {met(row).strip('*')}")
    return "\n".join(lines)


def tables(rows):
    out = []
    for group in dict.fromkeys(row["_group"] for row in rows):
        out += [f"## {group}", "", "| question | unit | ours | peer | theirs | ours / theirs | spread | target | met |",
                "|---|---|--:|---|--:|--:|--:|---|---|"]
        asked = None
        for row in (row for row in rows if row["_group"] == group):
            text = "" if row["_text"] == asked else row["_text"]
            ours = figure(row["ours_value"], row["_ours_spread"]) if text else ""
            asked = row["_text"]
            ratio = number(row["ratio"])
            peer = f"{row['peer']} {row['peer_version']}".replace(" None", "") if row["peer"] else ""
            out.append(f"| {text} | {row['unit']} | {ours} | {peer} | {figure(row['peer_value'], row['_peer_spread'])} "
                       f"| {ratio} | {row['spread']:.0%} | {row['target']} | {met(row)} |")
        out.append("")
    return out


def pictures(folder, questions, figures):
    """Writes them; gives [(file, title)]."""
    made = []

    def write(name, title, text):
        (folder / PICTURES).mkdir(exist_ok=True)
        (folder / PICTURES / f"{name}.svg").write_text(text)
        made.append((f"{PICTURES}/{name}.svg", title))

    families = {}
    for question in questions:
        results = figures.get(question["id"], {})
        if not results:
            continue
        if "percentiles" in next(iter(results.values()))[0]:
            curves = {name: [(p, median([dict(map(tuple, run["percentiles"]))[p] for run in runs]))
                             for p, _ in runs[0]["percentiles"]] for name, runs in results.items()}
            write(question["id"], question["text"], plot.percentile_curve(question["text"], curves))
        elif "axis" in question:
            points = [(table.size_of(name), median([run["value"] for run in runs])) for name, runs in results.items()]
            write(question["id"], question["id"], plot.lines(question["title"], question["axis"], question["unit"],
                                                             {"havklo": points}))
        elif "family" in question:
            axis = question.get("axis_of_sizes", "pending")
            series = families.setdefault((question["family"], axis, question["unit"]), {})
            for name, runs in results.items():
                point = (table.size_of(question["size"]), median([run["value"] for run in runs]))
                series.setdefault(name, []).append(point)
    for (family, axis, unit), series in families.items():
        if max(len(points) for points in series.values()) > 1:
            title = family.replace("_", " ")
            write(family, title, plot.lines(title, axis, unit, series))
    return made


def write(folder, stamp, questions, done):
    folder.mkdir(parents=True, exist_ok=True)
    left_out = dict(done["left_out"]) | {name: "not in any program that ran" for name in sorted(done["missing"])}
    lines = ["# Results", "",
             f"One run of `{stamp['command']}`, {stamp['began']}: at least {stamp['rounds']} rounds, in each of which every contender"
             f" ran once, in turn; up to {stamp['rounds_max']} of a question whose rounds together take no more than"
             f" {stamp['seconds']} s. Less is better. Each figure is the median over the rounds, ± half the interquartile range; the"
             " ratio is the median of the rounds' own ratios, the spread its interquartile range. Undecided is where the target lies"
             f" within the interval of 95 % of that median (bootstrap), or where there were fewer than {PAIRS_TO_TELL} rounds: they"
             " cannot tell. How each question is asked: [README.md](README.md).", "",
             f"- machine: {stamp['cpu']}, {stamp['cores']} cores, kernel {stamp['kernel']}; load average {stamp['load']}",
             f"- build: {stamp['compiler']}, `{stamp['flags']}`",
             f"- {stamp['tls']}; simdjson {stamp['simdjson']}; {stamp['io_uring']}",
             f"- messages of the questions about books: {stamp['messages']}",
             "- threads pinned, and seen to run where they were pinned", "", *tables(done["rows"])]
    if left_out:
        lines += ["## Left out", "", *[f"- {name}: {reason}" for name, reason in left_out.items()], ""]
    made = pictures(folder, questions, done["figures"])
    if made:
        lines += ["## Pictures", "", *[f"![{title}]({file})" for file, title in made], ""]
    (folder / "RESULTS.md").write_text("\n".join(lines))
