#!/usr/bin/env python3
"""What a soak looks at, tried on what it must see: no program runs here. Each test first shows that the good case is said to be good."""
import itertools
import json
import pathlib
import selectors
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import faults  # noqa: E402
import figures  # noqa: E402
import relay  # noqa: E402
import report  # noqa: E402
from stream import Stream  # noqa: E402

SYMBOL = "BTC/USD"


class Told:
    """Lines of an engine, numbered as it numbers them."""

    def __init__(self):
        self.stream = Stream([SYMBOL])
        self.number = 0
        self.ns = 0
        self.epoch = 0

    def say(self, kind, skip=0, **fields):
        self.number += 1 + skip
        self.ns += 1_000_000
        self.epoch += kind == "Connected"
        line = {"seq": self.number, "time_ns": self.ns, "epoch": self.epoch, "event": kind, **fields}
        self.stream.take((json.dumps(line) + "\n").encode(), self.ns / 1e9)
        return self.ns

    def become_live(self, downtime_ns=0):
        at = self.say("Connected")
        self.say("BookSnapshot", symbol=SYMBOL)
        self.say("SubscriptionsRestored", rejected=0, downtime_ns=downtime_ns)
        return at

    def be_lost(self, connected_at):
        return self.say("Disconnected", reason="peer_reset", uptime_ns=self.ns + 1_000_000 - connected_at)


class StreamTest(unittest.TestCase):
    def setUp(self):
        self.told = Told()

    def expect(self, *words):
        findings = "; ".join(self.told.stream.findings)
        for each in words:
            self.assertIn(each, findings)
        self.assertEqual(bool(findings), bool(words), findings)

    def test_an_outage_is_good(self):
        lost = self.told.be_lost(self.told.become_live())
        self.told.become_live(downtime_ns=3_000_000)
        self.assertEqual(lost, 4_000_000)
        self.told.say("BookUpdate", symbol=SYMBOL)
        self.expect()
        self.assertTrue(self.told.stream.well(0))

    def test_an_overrun_that_fits_is_good(self):
        self.told.become_live()
        self.told.say("Overrun", skip=5, lost=5, first=4, last=8)
        self.expect()

    def test_a_hole(self):
        self.told.become_live()
        self.told.say("Heartbeat", skip=2)
        self.expect("the events 4 to 5 are missing")

    def test_an_overrun_that_does_not_fit(self):
        self.told.become_live()
        self.told.say("Overrun", skip=5, lost=4, first=5, last=8)
        self.expect("an Overrun that does not fit")

    def test_an_all_clear_that_is_never_said(self):
        self.told.be_lost(self.told.become_live())
        self.told.say("Connected")
        self.told.say("BookSnapshot", symbol=SYMBOL)
        self.assertFalse(self.told.stream.well(0))
        self.assertIn("no all clear", self.told.stream.what_is_wrong(0))

    def test_an_all_clear_without_a_book(self):
        self.told.say("Connected")
        self.told.say("SubscriptionsRestored", rejected=0, downtime_ns=0)
        self.expect("an all clear without the book")

    def test_a_stale_book_that_stays(self):
        self.told.become_live()
        self.told.say("BookStale", symbol=SYMBOL)
        self.assertFalse(self.told.stream.well(0))
        self.assertIn("has no book", self.told.stream.what_is_wrong(0))

    def test_a_stale_book_that_moves(self):
        self.told.become_live()
        self.told.say("BookStale", symbol=SYMBOL)
        self.told.say("BookUpdate", symbol=SYMBOL)
        self.expect("whose book is void")

    def test_a_book_that_is_frozen(self):
        self.told.become_live()
        self.told.stream.look_for_frozen(4.0, 0.0)
        self.expect()
        self.assertFalse(self.told.stream.well(1.0))
        self.told.stream.look_for_frozen(6.0, 0.0)
        self.expect("does not move")

    def test_an_event_of_a_dead_epoch(self):
        self.told.be_lost(self.told.become_live())
        self.told.say("BookSnapshot", symbol=SYMBOL)
        self.expect("dead epoch")

    def test_times_that_do_not_agree(self):
        at = self.told.become_live()
        self.told.say("Disconnected", reason="peer_reset", uptime_ns=self.told.ns - at + 500_000_000)
        self.told.become_live(downtime_ns=700_000_000)
        self.expect("uptime", "downtime")


def samples(a_connect=0.0, step_at=None, files=0.0, threads=0):
    """Thirty, every third after a storm of twenty connects; memory by pages, as the kernel counts it."""
    made, connects = [], 1
    for number in range(30):
        after = "storm" if number % 3 == 0 else "reset"
        connects += 20 if after == "storm" else 1
        memory = 27000 + a_connect * connects + (600 if step_at is not None and number >= step_at else 0)
        made.append(figures.Sample(after, number * 4.0, connects, int(memory) // 4 * 4, int(memory) // 132 * 132,
                                   9 + int(files * connects), 3 + threads * number, 0.1 * number))
    return made


class FiguresTest(unittest.TestCase):
    def test_nothing_grows(self):
        self.assertEqual(figures.what_grows(samples()), [])

    def test_what_is_taken_once_is_no_growth(self):
        self.assertEqual(figures.what_grows(samples(step_at=12)), [])

    def test_a_kilobyte_a_connect(self):
        self.assertIn("KB a connect", figures.what_grows(samples(a_connect=1.0))[0])

    def test_a_descriptor_a_connect(self):
        self.assertIn("descriptors grew", figures.what_grows(samples(files=1.0))[0])

    def test_a_thread_now_and_then(self):
        self.assertIn("threads grew", figures.what_grows(samples(threads=1))[0])

    def test_too_short_a_run_is_no_proof(self):
        self.assertIn("run it longer", figures.what_grows(samples()[:6])[0])

    def test_a_clock_that_drifts(self):
        still = [(float(i), 5.0 + i % 7 / 1e3) for i in range(100)]
        self.assertLess(abs(report.drift(still)), 0.001)
        self.assertGreater(report.drift([(at, offset + at / 1e3) for at, offset in still]), report.DRIFT_MAX_S)


class FaultsTest(unittest.TestCase):
    def test_a_seed_repeats_itself_and_reaches_every_fault(self):
        def first(seed):
            return [f"{fault} {fault.toml}" for fault in itertools.islice(faults.drawn(seed), 1000)]
        self.assertEqual(first(7), first(7))
        self.assertNotEqual(first(7), first(8))
        for kind in list(faults.WEIGHTS) + list(faults.SCENARIOS):
            self.assertTrue(any(kind in line for line in first(7)), kind)


class RelayTest(unittest.TestCase):
    def setUp(self):
        self.selector = selectors.DefaultSelector()
        self.relay = relay.Relay(self.selector)
        self.venue = socket.create_server(("127.0.0.1", 0))
        self.relay.venue_port = self.venue.getsockname()[1]
        self.client = socket.create_connection(("127.0.0.1", self.relay.port), timeout=5)
        self.turn()
        self.there = self.venue.accept()[0]
        self.there.settimeout(5)

    def tearDown(self):
        for each in (self.client, self.there, self.venue):
            each.close()
        self.relay.close()
        self.selector.close()

    def turn(self):
        for _ in range(20):
            for key, mask in self.selector.select(0.005):
                key.data(mask)

    def test_what_is_said_arrives(self):
        self.client.send(b"up")
        self.there.send(b"\x17\x03\x03\x00\x02hi")
        self.turn()
        self.assertEqual(self.there.recv(99), b"up")
        self.assertEqual(self.client.recv(99), b"\x17\x03\x03\x00\x02hi")

    def test_what_is_lost_on_one_way_comes_when_that_is_over(self):
        self.relay.lose("up")
        self.client.send(b"up")
        self.there.send(b"\x17\x03\x03\x00\x02hi")
        self.turn()
        self.assertEqual(self.client.recv(99), b"\x17\x03\x03\x00\x02hi")
        self.there.setblocking(False)
        self.assertRaises(BlockingIOError, self.there.recv, 99)
        self.relay.lose()
        self.turn()
        self.assertEqual(self.there.recv(99), b"up")

    def test_half_a_record_and_a_reset(self):
        self.relay.tear()
        self.there.send(b"\x17\x03\x03\x00\x05hello")
        self.turn()
        self.assertRaises(ConnectionResetError, lambda: [self.client.recv(99) for _ in range(3)])

    def test_it_refuses_and_listens_again(self):
        self.relay.refuse()
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", self.relay.port), 5)
        self.relay.listen()
        socket.create_connection(("127.0.0.1", self.relay.port), 5).close()


if __name__ == "__main__":
    unittest.main()
