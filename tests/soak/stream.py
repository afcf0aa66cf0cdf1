"""What `havklo run --format jsonl` says, checked line by line: numbers without a hole, epochs in order, the times that agree with
one another, and which books may be used."""
import collections
import json

# A loss is told with the time it lasted; both are instants of the same clock.
TIME_SLACK_S = 0.002
# The market moves each symbol many times a second: a book that is silent for so long while all is well is frozen.
SILENCE_MAX_S = 5.0


class Book:
    def __init__(self):
        self.usable = False
        self.moved_at = 0.0  # on our clock


class Stream:
    def __init__(self, symbols):
        self.books = {symbol: Book() for symbol in symbols}
        self.findings = []
        self.counts = collections.Counter()
        self.reasons = collections.Counter()
        self.lost = 0  # by Overrun
        self.connects = 0
        self.all_clear_at = None  # on our clock; None: not now
        self.closed = False
        self.offsets = []  # (our time, our clock - the engine's): the engine's clock has no drift where these stay
        self.recent = collections.deque(maxlen=60)  # lines that are no market data
        self._next = None
        self._epoch = 0
        self._connected_ns = None
        self._was_live = False
        self._live_lost_ns = None
        self._rest = b""

    def take(self, data, now):
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line, now)

    def well(self, since):
        """Whether since then all is clear, and every book can be used and has moved."""
        if self.all_clear_at is None:
            return False
        return all(book.usable and book.moved_at >= since for book in self.books.values())

    def what_is_wrong(self, since):
        wrong = [] if self.all_clear_at is not None else ["no all clear"]
        wrong += [f"{symbol} {'has not moved' if book.usable else 'has no book'}" for symbol, book in self.books.items()
                  if not book.usable or book.moved_at < since]
        return ", ".join(wrong)

    def look_for_frozen(self, now, quiet_since):
        """While nothing is broken since `quiet_since`."""
        for symbol, book in self.books.items():
            if self.all_clear_at is not None and now - max(book.moved_at, quiet_since) > SILENCE_MAX_S:
                self._wrong(f"{symbol} does not move, and nothing is broken")
                book.moved_at = now

    def _wrong(self, what):
        if len(self.findings) < 20:
            self.findings.append(what)

    def _line(self, line, now):
        try:
            event = json.loads(line)
        except ValueError:
            return self._wrong(f"no JSON: {line[:100]!r}")
        kind = event["event"]
        self.counts[kind] += 1
        self._check_number(event)
        if kind in ("BookSnapshot", "BookUpdate"):
            book = self.books[event["symbol"]]
            if kind == "BookSnapshot":
                book.usable = True
            elif not book.usable:
                self._wrong(f"a BookUpdate of {event['symbol']}, whose book is void")
            book.moved_at = now
            if event["epoch"] != self._epoch or self._connected_ns is None:
                self._wrong(f"a market event of a dead epoch: {line.decode()}")
            return None
        if kind not in ("Trade", "Heartbeat", "Ticker", "TickerLast"):
            self.recent.append(line.decode())
        handler = getattr(self, f"_on_{kind}", None)
        if handler:
            handler(event, now)
        return None

    def _check_number(self, event):
        number = event["seq"]
        if event["event"] == "Overrun":
            if self._next is not None and (event["first"] != self._next or event["last"] + 1 != number
                                           or event["last"] - event["first"] + 1 != event["lost"]):
                self._wrong(f"an Overrun that does not fit: {event}, {self._next} was next")
            self.lost += event["lost"]
        elif self._next is not None and number != self._next:
            self._wrong(f"the events {self._next} to {number - 1} are missing, and no Overrun says so")
        self._next = number + 1

    def _void_all(self):
        self.all_clear_at = None
        for book in self.books.values():
            book.usable = False

    def _on_Connected(self, event, now):
        if event["epoch"] != self._epoch + 1:
            self._wrong(f"epoch {event['epoch']} after {self._epoch}")
        self._epoch = event["epoch"]
        self._connected_ns = event["time_ns"]
        self.connects += 1
        self.offsets.append((now, now - event["time_ns"] / 1e9))

    def _on_Heartbeat(self, event, now):
        self.offsets.append((now, now - event["time_ns"] / 1e9))

    def _on_Disconnected(self, event, _):
        self.reasons[event["reason"]] += 1
        if self._connected_ns is None:
            self._wrong("Disconnected without Connected")
        else:
            self._agree("uptime", event["uptime_ns"], event["time_ns"] - self._connected_ns)
        if self._was_live:
            self._live_lost_ns = event["time_ns"]
        self._was_live = False
        self._connected_ns = None
        self._void_all()

    def _on_ConnectFailed(self, event, _):
        self.reasons[event["reason"]] += 1
        if self._connected_ns is not None:
            self._wrong("ConnectFailed while connected")

    def _on_SubscriptionsRestored(self, event, now):
        if self.all_clear_at is not None or self._connected_ns is None:
            self._wrong("an all clear that nobody waited for")
        void = [symbol for symbol, book in self.books.items() if not book.usable]
        if void and event["rejected"] == 0:
            self._wrong(f"an all clear without the book of {', '.join(void)}")
        lost_ns = self._live_lost_ns
        self._agree("downtime", event["downtime_ns"], event["time_ns"] - lost_ns if lost_ns is not None else 0)
        self.all_clear_at = now
        self._was_live = True

    def _void(self, event, _):
        self.books[event["symbol"]].usable = False

    _on_BookStale = _on_BookInvalid = _on_ChecksumMismatch = _void

    def _on_Closed(self, _event, _now):
        self.closed = True

    def _on_RecordingStopped(self, event, _):
        self._wrong(f"the recording stopped: {event['reason']}, errno {event['os_error']}")

    def _agree(self, what, told_ns, seen_ns):
        if abs(told_ns - seen_ns) > TIME_SLACK_S * 1e9:
            self._wrong(f"{what} {told_ns / 1e9:.6f} s, by the events' own times {seen_ns / 1e9:.6f} s")
