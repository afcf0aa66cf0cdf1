// What is on the way, ordered by the instant at which it arrives.
#include "replay/venue/transport.hpp"

#include <algorithm>
#include <cerrno>
#include <havklo/limits.hpp>
#include <utility>

#include "core/connection_id.hpp"

namespace havklo::replay {

VenueTransport::VenueTransport(Venue& venue, NetworkSettings settings, Instant now,
                               std::vector<uint32_t> legs)
    : venue_(venue),
      settings_(std::move(settings)),
      legs_(std::move(legs)),
      random_(settings_.seed),
      now_(now),
      began_(now) {
  std::vector<Endpoint> answer;
  for (const VenueAddress& each : settings_.addresses) answer.push_back(each.endpoint);
  addresses_.learn(answer);
}

void VenueTransport::open(ConnectionId id, const OpenRequest& request) {
  const uint32_t session = core::session_of(id);
  const uint32_t leg = core::leg_of(id, session < legs_.size() && legs_[session] > 1);
  streams_.push_back({.id = id,
                      .leg = leg,
                      .latency = latency_of(settings_, leg),
                      .tls = request.tls,
                      .last_down = now_,
                      .last_up = now_});
  Stream& stream = streams_.back();
  stream.race.begin(now_, request.timeout);
  stream.race.offer(addresses_.order());
  run_race(stream);
}

void VenueTransport::run_race(Stream& stream) {
  if (stream.closed_by_us || stream.ended || stream.peer.family != 0) return;
  while (const auto start = stream.race.next(now_)) {
    if (start->instead_of) {
      addresses_.failed(*start->instead_of);
      std::erase(stream.running, *start->instead_of);
    }
    stream.running.push_back(start->endpoint);
    Happening arrives{.kind = Happening::Kind::arrive, .id = stream.id};
    arrives.peer = start->endpoint;
    schedule(now_ + stream.latency, std::move(arrives));
  }
  const Instant next = stream.race.wakes_at();
  if (next != Instant::never()) schedule(next, {.kind = Happening::Kind::race, .id = stream.id});
}

void VenueTransport::greeted(ConnectionId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->greeted) return;
  stream->greeted = true;
  addresses_.greeted(stream->peer);
}

void VenueTransport::settle(Stream& stream) {
  if (stream.greeted) return;
  if (stream.peer.family != 0) return addresses_.failed(stream.peer);
  for (const Endpoint& each : stream.running) addresses_.failed(each);
}

AddressFault VenueTransport::fault_at(const Endpoint& peer) const {
  const auto found = std::ranges::find(settings_.addresses, peer, &VenueAddress::endpoint);
  if (found->lasting && now_ >= began_ + *found->lasting) return AddressFault::none;
  return found->fault;
}

void VenueTransport::heal() {
  for (VenueAddress& each : settings_.addresses) each.fault = AddressFault::none;
  settings_.leg_latency.clear();
  for (Stream& stream : streams_) stream.latency = settings_.latency;
}

void VenueTransport::send(ConnectionId id, std::span<const std::byte> bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->closed_by_us || stream->ended) return;
  stream->unsent_bytes += bytes.size();
  if (stream->unsent_bytes > send_buffer_bytes) {
    return deliver_closed(*stream, Reason::peer_reset, ENOBUFS, now_);
  }
  Instant left = now_;
  while (!bytes.empty()) {
    size_t piece = bytes.size();
    if (settings_.write_bytes_max != 0) {
      piece = std::min<size_t>(piece, 1 + random_.below(settings_.write_bytes_max));
    }
    left = left + settings_.send_time;
    Happening sent{.kind = Happening::Kind::sent, .id = id};
    sent.completion = {.connection = id,
                       .kind = Completion::Kind::sent,
                       .sent_bytes = static_cast<uint32_t>(piece)};
    schedule(left, std::move(sent));
    stream->last_up = std::max(stream->last_up, left + stream->latency);
    const auto part = bytes.first(piece);
    schedule(stream->last_up, {.kind = Happening::Kind::up,
                               .id = id,
                               .completion = {},
                               .bytes = {part.begin(), part.end()}});
    bytes = bytes.subspan(piece);
  }
}

void VenueTransport::close(ConnectionId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->closed_by_us) return;
  if (!stream->ended) settle(*stream);
  stream->closed_by_us = true;
  std::erase_if(ready_, [id](const Happening& each) { return each.id == id; });
  stream->last_up = std::max(stream->last_up, now_ + stream->latency);
  schedule(stream->last_up, {.kind = Happening::Kind::up_end, .id = id});
}

uint32_t VenueTransport::poll(CompletionSink& sink, uint32_t completions_max) {
  if (settings_.reorder) reorder_ready(completions_max);
  uint32_t delivered = 0;
  while (delivered < completions_max && !ready_.empty()) {
    Happening happening = std::move(ready_.front());
    ready_.pop_front();
    const size_t size = happening.bytes.size();
    happening.bytes.resize(size + receive_padding);
    if (happening.completion.kind == Completion::Kind::received) {
      happening.completion.bytes = {happening.bytes.data(), size};
    }
    ++delivered;
    sink.on_completion(happening.completion);
  }
  return delivered;
}

// Any order that keeps the order of each stream, of those that come now.
void VenueTransport::reorder_ready(uint32_t count) {
  for (size_t i = 0; i < count && i + 1 < ready_.size(); ++i) {
    const size_t drawn = i + random_.below(ready_.size() - i);
    const auto from = ready_.begin() + static_cast<ptrdiff_t>(i);
    // The first of the drawn stream comes now; those before it move back by one.
    const auto first = std::find_if(
        from, ready_.end(), [&](const Happening& each) { return each.id == ready_[drawn].id; });
    std::rotate(from, first, first + 1);
  }
}

void VenueTransport::advance_to(Instant now) {
  while (next_event() <= now) {
    now_ = std::max(now_, next_event());
    venue_.advance(now_);
    while (!happenings_.empty() && happenings_.begin()->first.first <= now_) {
      auto node = happenings_.extract(happenings_.begin());
      happen(node.mapped());
    }
    hear_venue();
  }
  now_ = std::max(now_, now);
  venue_.advance(now_);
  hear_venue();
  forget_finished();
}

// On the way or at the venue.
Instant VenueTransport::next_event() const {
  const Instant own = happenings_.empty() ? Instant::never() : happenings_.begin()->first.first;
  return std::min(own, venue_.next_deadline());
}

Instant VenueTransport::next_deadline() const { return ready_.empty() ? next_event() : now_; }

void VenueTransport::reset_all() {
  for (Stream& stream : streams_) {
    if (stream.closed_by_us || stream.ended) continue;
    deliver_closed(stream, Reason::peer_reset, ECONNRESET, now_);
    if (stream.number != 0) venue_.remove(stream.number);
    stream.number = 0;
  }
}

uint32_t VenueTransport::open_count() const {
  return static_cast<uint32_t>(std::ranges::count_if(streams_, [](const Stream& stream) {
    return stream.opened && !stream.ended && !stream.closed_by_us;
  }));
}

const VenueConnection* VenueTransport::venue_end(ConnectionId id) const {
  const auto found = std::ranges::find(streams_, id, &Stream::id);
  return found == streams_.end() ? nullptr : venue_.connection(found->number);
}

VenueTransport::Stream* VenueTransport::find(ConnectionId id) {
  const auto found = std::ranges::find(streams_, id, &Stream::id);
  return found == streams_.end() ? nullptr : &*found;
}

void VenueTransport::schedule(Instant due, Happening happening) {
  happenings_.emplace(std::pair(due, ++order_), std::move(happening));
}

void VenueTransport::happen(Happening& happening) {
  Stream* stream = find(happening.id);
  if (stream == nullptr) return;
  VenueConnection* connection = venue_.connection(stream->number);
  switch (happening.kind) {
    case Happening::Kind::arrive:
      return arrive(*stream, happening.peer);
    case Happening::Kind::refused:
      stream->race.fell(happening.peer);
      std::erase(stream->running, happening.peer);
      addresses_.failed(happening.peer);
      if (!stream->race.over()) return run_race(*stream);
      if (stream->closed_by_us || stream->peer.family != 0) return;
      return deliver_closed(*stream, Reason::connect_refused, ECONNREFUSED, now_);
    case Happening::Kind::race:
      return run_race(*stream);
    case Happening::Kind::up:
      if (connection == nullptr) return;
      if (connection->reads(now_)) return connection->on_bytes(happening.bytes, now_);
      stream->unread.push_back(std::move(happening.bytes));
      return;
    case Happening::Kind::up_end:
      if (connection != nullptr) venue_.remove(stream->number);
      stream->number = 0;
      stream->ended = true;
      return;
    case Happening::Kind::sent:
      stream->unsent_bytes -=
          std::min<size_t>(stream->unsent_bytes, happening.completion.sent_bytes);
      [[fallthrough]];
    case Happening::Kind::opened:
    case Happening::Kind::down:
    case Happening::Kind::closed:
      if (!stream->closed_by_us) ready_.push_back(std::move(happening));
      return;
  }
}

void VenueTransport::refuse(Stream& stream, const Endpoint& peer, Instant back) {
  if (stream.race.is_last(peer)) {
    return deliver_closed(stream, Reason::connect_refused, ECONNREFUSED, back);
  }
  Happening refused{.kind = Happening::Kind::refused, .id = stream.id};
  refused.peer = peer;
  schedule(back, std::move(refused));
}

// One of the attempt's runners reaches the venue.
void VenueTransport::arrive(Stream& stream, const Endpoint& peer) {
  if (stream.closed_by_us || stream.ended || stream.peer.family != 0) return;
  if (std::ranges::find(stream.running, peer) == stream.running.end()) return;
  switch (fault_at(peer)) {
    case AddressFault::silent_tcp:
      return;
    case AddressFault::refuse:
      return refuse(stream, peer, now_ + stream.latency);
    case AddressFault::silent_tls:
      stream.peer = peer;
      return;
    case AddressFault::silent_open:
      stream.peer = peer;
      return open_stream(stream);
    case AddressFault::none:
      return arrive_well(stream, peer);
  }
}

void VenueTransport::arrive_well(Stream& stream, const Endpoint& peer) {
  const Admission admission = venue_.admit(now_, stream.tls, stream.leg);
  const Instant back = now_ + stream.latency;
  switch (admission.kind) {
    case Admission::Kind::resolve_failed:
      return deliver_closed(stream, Reason::resolve_failed, 0, back);
    case Admission::Kind::refuse:
      return refuse(stream, peer, back);
    case Admission::Kind::silent_tcp:
      return;  // the engine's connect_timeout ends it
    case Admission::Kind::silent_tls:
      stream.peer = peer;
      return;
    case Admission::Kind::tls_garbage:
    case Admission::Kind::tls_abort:
      stream.peer = peer;
      return deliver_closed(stream, Reason::tls_failed, 0, back);
    case Admission::Kind::tls_expired:
    case Admission::Kind::tls_wrong_name:
      venue_.remove(admission.number);
      stream.peer = peer;
      return deliver_closed(stream, Reason::certificate_refused, 0, back,
                            admission.kind == Admission::Kind::tls_expired
                                ? CertificateFault::expired
                                : CertificateFault::wrong_name);
    case Admission::Kind::accept:
      break;
  }
  stream.peer = peer;
  stream.number = admission.number;
  venue_.connection(admission.number)->on_opened(now_);
  open_stream(stream);
}

// TCP and TLS are open at stream.peer.
void VenueTransport::open_stream(Stream& stream) {
  for (const Endpoint& each : stream.race.overdue(now_)) {
    if (each != stream.peer) addresses_.failed(each);
  }
  stream.opened = true;
  Happening opened{.kind = Happening::Kind::opened, .id = stream.id};
  opened.completion.connection = stream.id;
  opened.completion.kind = Completion::Kind::opened;
  opened.completion.tls_resumed = stream.tls && settings_.resume_tls && connected_before_;
  opened.completion.peer = stream.peer;
  connected_before_ = true;
  stream.last_down = std::max(stream.last_down, now_ + stream.latency);
  schedule(stream.last_down, std::move(opened));
}

// Takes from the venue what may leave it now.
void VenueTransport::hear_venue() {
  for (Stream& stream : streams_) {
    if (stream.number == 0) continue;
    feed_unread(stream);
    collect_output(stream);
  }
}

void VenueTransport::feed_unread(Stream& stream) {
  VenueConnection* connection = venue_.connection(stream.number);
  while (connection != nullptr && !stream.unread.empty() && connection->reads(now_)) {
    connection->on_bytes(stream.unread.front(), now_);
    stream.unread.pop_front();
  }
}

void VenueTransport::collect_output(Stream& stream) {
  VenueConnection* connection = venue_.connection(stream.number);
  if (connection == nullptr) return;
  for (auto bytes = connection->output(now_); !bytes.empty(); bytes = connection->output(now_)) {
    size_t piece = bytes.size();
    if (settings_.read_bytes_max != 0) {
      piece = std::min<size_t>(piece, 1 + random_.below(settings_.read_bytes_max));
    }
    Happening down{.kind = Happening::Kind::down, .id = stream.id};
    down.bytes.assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(piece));
    down.completion.connection = stream.id;
    down.completion.kind = Completion::Kind::received;
    schedule(down_time(stream), std::move(down));
    connection->consume(piece, now_);
  }
  const VenueConnection::Ending ending = connection->ending(now_);
  if (ending == VenueConnection::Ending::none) return;
  const bool reset = ending == VenueConnection::Ending::reset;
  deliver_closed(stream, reset ? Reason::peer_reset : Reason::end_of_stream, reset ? ECONNRESET : 0,
                 down_time(stream));
  venue_.remove(stream.number);
  stream.number = 0;
}

void VenueTransport::deliver_closed(Stream& stream, Reason reason, int32_t os_error, Instant due,
                                    CertificateFault certificate) {
  if (stream.ended) return;
  settle(stream);
  stream.ended = true;
  Happening closed{.kind = Happening::Kind::closed, .id = stream.id};
  closed.completion.connection = stream.id;
  closed.completion.kind = Completion::Kind::closed;
  closed.completion.reason = reason;
  closed.completion.os_error = os_error;
  closed.completion.certificate = certificate;
  stream.last_down = std::max(stream.last_down, due);
  schedule(stream.last_down, std::move(closed));
}

void VenueTransport::forget_finished() {
  std::erase_if(streams_, [this](const Stream& stream) {
    const bool on_the_way = std::ranges::any_of(
        happenings_, [&](const auto& entry) { return entry.second.id == stream.id; });
    return stream.ended && stream.number == 0 && !on_the_way;
  });
}

Instant VenueTransport::down_time(Stream& stream) {
  Instant due = now_ + stream.latency;
  if (settings_.jitter > Duration{}) {
    due = due + Duration{static_cast<int64_t>(
                    random_.below(static_cast<uint64_t>(settings_.jitter.ns) + 1))};
  }
  stream.last_down = std::max(stream.last_down, due);
  return stream.last_down;
}

}  // namespace havklo::replay
