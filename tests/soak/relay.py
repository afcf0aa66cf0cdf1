"""A relay on 127.0.0.1 between engine and venue, whose way can be broken: refuse, lose what one side says, reset, end, tear."""
import selectors
import socket
import struct

BUFFER_MAX = 256 * 1024  # of what one side has not taken; more is not read
RECORD_HEAD = 5  # RFC 8446 5.1: type, version, length


class Pair:
    """One connection of the engine and the one to the venue behind it. `waiting[s]` is what s has still to be given."""

    def __init__(self, client, venue):
        self.client, self.venue = client, venue
        self.waiting = {client: b"", venue: b""}
        self.record = b""  # of the venue, not yet whole

    def other(self, end):
        return self.venue if end is self.client else self.client


class Relay:
    def __init__(self, selector):
        self.selector = selector
        self.venue_port = 0
        self.pairs = []
        self.lost = set()  # of "up" (what the engine says) and "down" (what the venue says)
        self.tears = False
        self.listener = None
        self.port = 0
        self.listen()

    def listen(self):
        if self.listener:
            return
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)

    def refuse(self):
        """From here on the kernel says so."""
        if self.listener:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None

    def lose(self, *ways):
        self.lost = set(ways)
        for pair in self.pairs:
            self._watch(pair)

    def reset(self):
        for pair in list(self.pairs):
            self._end(pair, reset=True)

    def end(self):
        for pair in list(self.pairs):
            self._end(pair)

    def tear(self):
        """Half of the venue's next record, then a reset."""
        self.tears = True

    def close(self):
        self.refuse()
        self.end()

    def _accept(self, _):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            venue = socket.create_connection(("127.0.0.1", self.venue_port), timeout=1)
        except OSError:
            self._reset_one(client)
            return
        venue.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(client, venue)
        for end in (client, venue):
            end.setblocking(False)
        self.pairs.append(pair)
        self._watch(pair)

    def _watch(self, pair):
        for end in (pair.client, pair.venue):
            lost = ("up" if end is pair.client else "down") in self.lost
            events = 0
            if not lost and len(pair.waiting[pair.other(end)]) < BUFFER_MAX:
                events |= selectors.EVENT_READ
            if pair.waiting[end]:
                events |= selectors.EVENT_WRITE
            known = end in self.selector.get_map()
            handler = (lambda mask, end=end: self._serve(pair, end, mask))
            if events and known:
                self.selector.modify(end, events, handler)
            elif events:
                self.selector.register(end, events, handler)
            elif known:
                self.selector.unregister(end)

    def _serve(self, pair, end, mask):
        if pair not in self.pairs:
            return
        try:
            if mask & selectors.EVENT_READ:
                data = end.recv(65536)
                if not data:
                    return self._end(pair)
                if end is pair.client:
                    pair.waiting[pair.venue] += data
                elif not self._take_records(pair, data):
                    return None
            for each in (pair.client, pair.venue):
                if pair.waiting[each]:
                    sent = each.send(pair.waiting[each])
                    pair.waiting[each] = pair.waiting[each][sent:]
        except BlockingIOError:
            pass
        except OSError:
            return self._end(pair, reset=True)
        return self._watch(pair)

    def _take_records(self, pair, data):
        """False: it was torn."""
        pair.record += data
        while len(pair.record) >= RECORD_HEAD:
            whole = RECORD_HEAD + struct.unpack(">H", pair.record[3:5])[0]
            if len(pair.record) < whole:
                break
            if self.tears:
                self.tears = False
                pair.client.send(pair.waiting[pair.client] + pair.record[:whole // 2])
                self._end(pair, reset=True)
                return False
            pair.waiting[pair.client] += pair.record[:whole]
            pair.record = pair.record[whole:]
        return True

    @staticmethod
    def _reset_one(end):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()

    def _end(self, pair, reset=False):
        if pair not in self.pairs:
            return
        self.pairs.remove(pair)
        for end in (pair.client, pair.venue):
            if end in self.selector.get_map():
                self.selector.unregister(end)
            if reset:
                self._reset_one(end)
            else:
                end.close()
