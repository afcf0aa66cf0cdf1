"""What is broken in a soak, in which order: drawn from a seed, so that the same one repeats it."""
import random

# As a scenario file has them: for the venue that is started with it, whose first connection is the engine's next. What lasts is
# over within SCENARIO_S.
SCENARIO_S = 3.0
SCENARIOS = {
    "bad_checksum": 'kind = "bad_checksum"\ntimes = {n}\nat = "{at}s"',
    "crossed_book": 'kind = "crossed_book"\ntimes = {n}\nat = "{at}s"',
    "http_503": 'kind = "http"\ncode = 503\ntimes = {n}',
    "http_429": 'kind = "http"\ncode = 429\nretry_after = "1s"\ntimes = 1',
    "bad_accept": 'kind = "bad_accept"\ntimes = {n}',
    "tls_garbage": 'kind = "tls"\ntls = "garbage"\ntimes = {n}',
    "tls_abort": 'kind = "tls"\ntls = "abort"\ntimes = {n}',
    "silent_greeting": 'kind = "silent_greeting"\ntimes = 1',
    "silent_acks": 'kind = "silent_acks"\ntimes = 1',
    "dead_subscription": 'kind = "dead_subscription"\ntimes = {n}',
    "rate_exceeded": 'kind = "rate_exceeded"\ntimes = {n}',
    "close_1012": 'kind = "close"\ncode = 1012\nafter = "{at}s"\ntimes = 1',
    "close_1001": 'kind = "close"\ncode = 1001\nafter = "{at}s"\ntimes = 1',
    "malformed": 'kind = "message"\nafter = "{at}s"\ntimes = 1',
    "violation": 'kind = "violation"\nviolation = "{violation}"\nafter = "{at}s"\ntimes = 1',
    "ping": 'kind = "ping"\nevery = "10ms"\nat = "{at}s"\nfor = "1s"',
    "maintenance": 'kind = "maintenance"\nat = "{at}s"\nlead = "200ms"\nfor = "1s"\nretry_after = "1s"',
    "stall": 'kind = "stall"\nat = "{at}s"\nfor = "2s"',
    "deaf": 'kind = "deaf"\nat = "{at}s"\nfor = "2s"',
    "chunk": 'kind = "chunk"\nbytes = {n}\nat = "0s"\nfor = "2s"',
    "silent_heartbeat": 'kind = "silent_heartbeat"\nat = "0s"\nfor = "2s"',
    "reset": 'kind = "reset"\nafter = "{at}s"\nsince = "subscribed"\ntimes = {n}',
}
VIOLATIONS = ("masked", "bad_opcode", "reserved_bits", "invalid_utf8", "fragmented_control", "long_control", "stray_continuation",
              "one_byte_close", "long_length")
# Fault -> how often it is drawn.
WEIGHTS = {
    "reset": 2, "end": 1, "tear": 2, "lose_down": 2, "lose_up": 1, "lose_both": 1, "refuse": 2, "kill_venue": 2, "stop_venue": 2,
    "stop_engine": 1, "stall_reader": 2, "scenario": 8,
}


class Fault:
    def __init__(self, kind, seconds=0.0, times=1, name="", toml=""):
        self.kind, self.seconds, self.times, self.name, self.toml = kind, seconds, times, name, toml

    def __str__(self):
        return self.kind + (f" {self.name}" if self.name else "") + (f" × {self.times}" if self.times > 1 else "") + (
            f" for {self.seconds:.2f} s" if self.seconds else "")


def drawn(seed):
    """Without an end; every third is a storm of resets, so that what leaks with a connection is seen soon."""
    random_numbers = random.Random(seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    number = 0
    while True:
        if number % 3 == 0:
            # Of lives that are forgotten as failures (stable_after is 100 ms), or that open the breaker.
            yield Fault("storm", times=random_numbers.randint(15, 30), seconds=random_numbers.choice((0.12, 0.12, 0.12, 0.01)))
        else:
            yield one(random_numbers, random_numbers.choices(kinds, weights)[0])
        number += 1


def one(random_numbers, kind):
    if kind == "scenario":
        name = random_numbers.choice(list(SCENARIOS))
        toml = SCENARIOS[name].format(n=random_numbers.randint(1, 3), at=f"{random_numbers.uniform(0.1, 0.8):.3f}",
                                      violation=random_numbers.choice(VIOLATIONS))
        return Fault(kind, name=name, seconds=SCENARIO_S, toml=f"[[fault]]\n{toml}\n")
    if kind in ("reset", "end", "tear"):
        return Fault(kind)
    if kind == "stall_reader":
        return Fault(kind, seconds=random_numbers.uniform(2.0, 4.0))
    return Fault(kind, seconds=random_numbers.choice((random_numbers.uniform(0.05, 0.6), random_numbers.uniform(1.0, 4.0))))
