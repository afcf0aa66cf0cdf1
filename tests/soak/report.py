"""What a soak has seen, on one screen, and its verdict."""
import collections

import figures

DRIFT_MAX_S = 0.05
PHASES = ("phase", "decrypt", "frame", "decode", "publish", "read")  # of --counters: where a message's time goes is not asked here
ROWS = (("anonymous_kb", "memory, RssAnon", "KB"), ("data_kb", "memory, VmData", "KB"), ("files", "descriptors", ""),
        ("threads", "threads", ""))


def drift(offsets):
    """How far the engine's clock has gone from ours between the first and the last tenth; an event may come late, never early."""
    if len(offsets) < 20:
        return 0.0
    part = len(offsets) // 10
    return min(offset for _, offset in offsets[-part:]) - min(offset for _, offset in offsets[:part])


class Report:
    def __init__(self, options):
        self.options = options
        self.took = collections.defaultdict(list)
        self.replayed = ""
        self.last = ""
        words = f"tools/soak --for {options.duration:.0f}s --seed {options.seed} --network {options.network}"
        print(f"soak: {words}", flush=True)
        self.again = words

    def recovered(self, fault, took, at):
        self.took[f"{fault.kind} {fault.name}".strip()].append(took)
        self.last = str(fault)
        if self.options.verbose:
            print(f"  +{at:8.2f} s  {str(fault):<40} well {took:.3f} s after it", flush=True)

    def looked(self, sample):
        if self.options.verbose:
            print(f"{'':>14}{sample.connects} connects: {sample.anonymous_kb} KB, {sample.data_kb} KB, {sample.files} descriptors, "
                  f"{sample.threads} threads", flush=True)

    def print(self, stream, samples, failure, errors, folder):
        self._faults()
        wrong = [failure] if failure else []
        wrong += stream.findings
        if samples:
            self._figures(samples)
        if samples and not failure:
            wrong += figures.what_grows(samples)
        gone = drift(stream.offsets)
        if abs(gone) > DRIFT_MAX_S:
            wrong.append(f"the engine's clock and ours have gone {gone * 1e3:.1f} ms apart")
        print(f"events: {sum(stream.counts.values())} read, {stream.lost} lost and told by {stream.counts['Overrun']} Overruns; "
              f"{stream.connects} connects, {stream.counts['SubscriptionsRestored']} all clears, "
              f"{stream.counts['CircuitBreakerOpen']} trips of the breaker; clock drift {gone * 1e3:+.2f} ms")
        print("ends: " + ", ".join(f"{reason} {count}" for reason, count in stream.reasons.most_common()))
        for line in errors.split("\n"):
            if not line.startswith(PHASES):
                print(f"engine: {line}")
        if self.replayed:
            print(f"recording: {self.replayed}")
        if wrong:
            print("the last it said:")
            print("\n".join(f"  {line}" for line in list(stream.recent)[-12:]))
            print(f"recording and settings: {folder}")
        for each in wrong:
            print(f"soak: {each}")
        print(f"soak: {'FAILED' if wrong else 'good'}; again: {self.again}")
        return 1 if wrong else 0

    def _faults(self):
        count = sum(len(took) for took in self.took.values())
        print(f"{count} faults; seconds until all was well after each:")
        for kind, took in sorted(self.took.items()):
            ordered = sorted(took)
            print(f"  {kind:<28}{len(took):>5}   p50 {ordered[len(took) // 2]:6.3f}   max {ordered[-1]:6.3f}")

    @staticmethod
    def _figures(samples):
        print(f"{'at rest, once warm':<20}{'start':>10}{'end':>10}{'most':>10}{'a connect':>12}{'an hour':>12}")
        for figure, name, unit in ROWS:
            growth = figures.Growth(samples, figure)
            print(f"{name:<20}{growth.start:>10.0f}{growth.end:>10.0f}{growth.most:>10.0f}{growth.a_connect:>+12.3f}"
                  f"{growth.an_hour:>+12.1f} {unit}")
        first, last = samples[0], samples[-1]
        print(f"CPU of the engine: {(last.cpu_s - first.cpu_s) / max(last.at - first.at, 1e-9) * 100:.1f} % of a core")
