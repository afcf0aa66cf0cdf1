"""What a process holds, by /proc, and whether that grows: at rest, once all is well after a fault, beside how often it connected."""
import collections
import os
import statistics

Sample = collections.namedtuple("Sample", "after at connects anonymous_kb data_kb files threads cpu_s")

# A library keeps what it needs once, and a reader that stalls makes buffers as large as they get: that is over soon.
WARM_UP_PART = 0.25
# In a storm only connections come and go: what it adds is theirs. The kernel counts memory by pages, so one storm says little; of
# several the middle one does.
STORMS_LEAST = 3
GROWTH_KB_A_CONNECT = 0.4
GROWTH_KB_MAX = 2048  # … between the first quarter and the last, whatever for


def look(process, after, at, connects):
    status = {}
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            status[name] = value.split()
    threads = 0
    for task in os.listdir(f"/proc/{process}/task"):
        try:
            with open(f"/proc/{process}/task/{task}/comm", encoding="ascii") as file:
                threads += not file.read().startswith("iou-")  # the kernel's own for io_uring, which it ends when it likes
        except OSError:
            pass
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        ticks = file.read().rpartition(")")[2].split()
    return Sample(after, at, connects, int(status["RssAnon"][0]), int(status["VmData"][0]), len(os.listdir(f"/proc/{process}/fd")), threads,
                  (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"))


def slope(pairs):
    """Of y over x, the median of all slopes (Theil and Sen): some odd samples do not move it."""
    step = max(1, len(pairs) // 200)
    chosen = pairs[::step]
    slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(chosen) for x2, y2 in chosen[i + 1:] if x2 != x1]
    return statistics.median(slopes) if slopes else 0.0


class Growth:
    """Of one figure: at the start (after the warm-up), at the end, the most, and its trend."""

    def __init__(self, samples, figure):
        warm = samples[int(len(samples) * WARM_UP_PART):]
        values = [getattr(sample, figure) for sample in warm]
        part = max(1, len(values) // 4)
        self.start, self.end = statistics.median(values[:part]), statistics.median(values[-part:])
        self.least_start, self.least_end = min(values[:part]), min(values[-part:])
        self.most = max(getattr(sample, figure) for sample in samples)
        self.storms = [(getattr(sample, figure) - getattr(before, figure)) / (sample.connects - before.connects)
                       for before, sample in zip(samples[1:], samples[2:]) if sample.after == "storm" and sample.connects > before.connects]
        self.a_connect = statistics.median(self.storms) if self.storms else 0.0
        self.an_hour = slope([(sample.at, value) for sample, value in zip(warm, values)]) * 3600


def what_grows(samples):
    """A line for each figure that does; an empty list: nothing."""
    wrong = []
    for figure, name in (("anonymous_kb", "memory (RssAnon)"), ("data_kb", "memory (VmData)")):
        growth = Growth(samples, figure)
        if len(growth.storms) < STORMS_LEAST:
            return [f"only {len(growth.storms)} storms to judge by: run it longer"]
        if growth.a_connect > GROWTH_KB_A_CONNECT:
            wrong.append(f"{name} grows by {growth.a_connect:.2f} KB a connect, by {len(growth.storms)} storms")
        if growth.end - growth.start > GROWTH_KB_MAX:
            wrong.append(f"{name} grew from {growth.start:.0f} KB to {growth.end:.0f} KB")
    for figure, name in (("files", "descriptors"), ("threads", "threads")):
        growth = Growth(samples, figure)
        if growth.least_end > growth.least_start:
            wrong.append(f"{name} grew from {growth.least_start} to {growth.least_end}")
    return wrong
