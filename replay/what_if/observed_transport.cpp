// Phase by phase, as the recorded attempt went.
#include "replay/what_if/observed_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <havklo/limits.hpp>
#include <optional>

#include "replay/venue/messages.hpp"

namespace havklo::replay {
namespace {

constexpr uint32_t output_bytes_max = 4 * 1024 * 1024;
constexpr Duration heartbeat_interval = Duration::seconds(1);
// After a close frame, until the venue ends the stream.
constexpr Duration close_linger = Duration::seconds(2);
// What ends a stream comes behind what was said to it at the same instant.
constexpr Duration behind_the_feed = Duration{1};

}  // namespace

struct ObservedTransport::Handler {
  ObservedTransport& self;
  Stream& stream;
  bool on_open(const websocket::UpgradeResult&) {
    self.on_upgrade_request(stream);
    return true;
  }
  bool on_text(std::string_view text) {
    self.on_request(stream, text);
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }  // the codec answers
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
};

ObservedTransport::ObservedTransport(const ObservedNetwork& network, Assume assume)
    : network_(network), assume_(assume), feed_(network), now_(network.first_turn) {
  for (const ObservedAttempt& each : network.attempts) {
    if (each.silent && each.greeted) blows_.push_back({.at = each.heard});
    if (each.live && each.end) blows_.push_back({.at = each.end->at, .end = &*each.end});
  }
  std::ranges::stable_sort(blows_, {}, &Blow::at);
  opened_after_.resize(network.attempts.size());
  const ObservedAttempt* opened = nullptr;
  for (size_t i = network.attempts.size(); i-- > 0;) {
    opened_after_[i] = opened;
    if (network.attempts[i].opened) opened = &network.attempts[i];
  }
}

// The engine's side.

void ObservedTransport::open(ConnectionId id, const OpenRequest&) {
  const Outlook outlook = network_.outlook(now_, assume_);
  if (!outlook.observed) assumptions_.attempts.push_back(now_);
  if (outlook.disputed) assumptions_.disputed.push_back(now_);
  Stream& stream = streams_.emplace_back();
  stream.id = id;
  stream.like = outlook.like;
  stream.is_recorded = outlook.observed;
  stream.spoke = now_;
  stream.codec = std::make_unique<websocket::Connection>(websocket::Role::server, request_bytes_max,
                                                         output_bytes_max);
  stream.codec->start_server();
  if (stream.like == nullptr) return;
  const ObservedAttempt& like = *stream.like;
  // One that stands for a recorded attempt keeps its instants: a loop's lateness does not add up.
  const Instant then = outlook.observed ? like.began : outlook.held_until.value_or(now_);
  const Instant from = std::max(now_, then);
  if (like.opened) {
    return schedule(from + (*like.opened - like.began), stream,
                    [this](Stream& each) { on_opened(each); });
  }
  if (like.end) {
    return schedule(from + (like.end->at - like.began), stream,
                    [this, &like](Stream& each) { end(each, *like.end); });
  }
  // Unanswered then: until the recording saw the venue answer.
  const ObservedAttempt* later =
      opened_after_[static_cast<size_t>(&like - network_.attempts.data())];
  if (later == nullptr) return;
  stream.like = later;
  stream.is_recorded = false;
  schedule(std::max(from, later->began) + (*later->opened - later->began), stream,
           [this](Stream& each) { on_opened(each); });
}

void ObservedTransport::send(ConnectionId id, std::span<const std::byte> bytes) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->ended) return;
  Completion sent{.connection = id, .kind = Completion::Kind::sent};
  sent.sent_bytes = static_cast<uint32_t>(bytes.size());
  ready_.push_back({.completion = sent, .bytes = {}});
  if (stream->silent) return;
  std::vector<std::byte> padded(bytes.begin(), bytes.end());
  padded.resize(bytes.size() + receive_padding);
  Handler handler{*this, *stream};
  static_cast<void>(stream->codec->receive({padded.data(), bytes.size()}, handler));
  // What the codec answers by itself (pong, close) comes back at once; the 101 in its time.
  if (stream->greeted) deliver_output(*stream);
}

void ObservedTransport::close(ConnectionId id) {
  if (Stream* stream = find(id); stream != nullptr) stream->ended = true;
  std::erase_if(ready_, [id](const Ready& each) { return each.completion.connection == id; });
}

uint32_t ObservedTransport::poll(CompletionSink& sink, uint32_t completions_max) {
  uint32_t delivered = 0;
  while (delivered < completions_max && !ready_.empty()) {
    Ready next = std::move(ready_.front());
    ready_.pop_front();
    const size_t size = next.bytes.size();
    next.bytes.resize(size + receive_padding);
    if (next.completion.kind == Completion::Kind::received) {
      next.completion.bytes = {next.bytes.data(), size};
    }
    ++delivered;
    sink.on_completion(next.completion);
  }
  return delivered;
}

// Time.

Instant ObservedTransport::next_deadline() const {
  if (!ready_.empty()) return now_;
  Instant next =
      std::min(feed_.next_deadline(), due_.empty() ? Instant::never() : due_.begin()->first.first);
  if (next_blow_ < blows_.size()) next = std::min(next, blows_[next_blow_].at);
  for (const Stream& stream : streams_) next = std::min(next, next_beat(stream));
  return next;
}

void ObservedTransport::advance_to(Instant now) {
  for (;;) {
    Instant next = std::min(feed_.next_deadline(),
                            due_.empty() ? Instant::never() : due_.begin()->first.first);
    if (next_blow_ < blows_.size()) next = std::min(next, blows_[next_blow_].at);
    for (const Stream& stream : streams_) next = std::min(next, next_beat(stream));
    if (next > now) break;
    now_ = std::max(now_, next);
    run_due(now_);
  }
  now_ = std::max(now_, now);
  std::erase_if(streams_, [](const Stream& stream) { return stream.ended; });
}

// At one instant: what was due for each, for a book's snapshot comes behind its ack; what was said
// to everyone; and then what broke.
void ObservedTransport::run_due(Instant now) {
  while (!due_.empty() && due_.begin()->first.first <= now) {
    const auto node = due_.extract(due_.begin());
    Stream* stream = find(node.mapped().first);
    if (stream != nullptr && !stream->ended && !stream->silent) node.mapped().second(*stream);
  }
  while (feed_.next_deadline() <= now) run_feed();
  while (next_blow_ < blows_.size() && blows_[next_blow_].at <= now) strike();
  for (Stream& stream : streams_) {
    if (next_beat(stream) <= now) beat(stream);
  }
}

void ObservedTransport::run_feed() {
  const FeedItem& item = feed_.peek();
  const std::string_view text = feed_.next();
  for (Stream& stream : streams_) {
    if (!stream.greeted || stream.silent || stream.ended) continue;
    if (stream.is_recorded && stream.like == &network_.attempts[item.attempt]) {
      hear_again(stream, item);
    } else if (!text.empty()) {
      hear(stream, item, text);
    }
  }
}

void ObservedTransport::hear(Stream& stream, const FeedItem& item, std::string_view text) {
  const bool for_all = item.kind == FeedItem::Kind::status;
  const bool for_subscribers =
      item.kind == FeedItem::Kind::heartbeat && !stream.subscriptions.empty();
  const bool wanted = item.kind == FeedItem::Kind::market &&
                      std::ranges::any_of(stream.subscriptions, [&](const Subscription& each) {
                        return each.live && each.channel == item.channel &&
                               each.symbol == network_.symbols[item.symbol];
                      });
  if (for_all || for_subscribers || wanted) say(stream, text);
}

void ObservedTransport::hear_again(Stream& stream, const FeedItem& item) {
  if (item.kind != FeedItem::Kind::market) return say(stream, item.text);
  for (Subscription& each : stream.subscriptions) {
    if (each.channel != item.channel || each.symbol != network_.symbols[item.symbol]) continue;
    each.live = each.live || item.snapshot;
    if (each.live) return say(stream, item.text);
  }
}

void ObservedTransport::strike() {
  const Blow& blow = blows_[next_blow_++];
  for (Stream& stream : streams_) {
    if (stream.ended || stream.opened > blow.at) continue;
    if (blow.end == nullptr) {
      stream.silent = true;
    } else if (!stream.silent) {
      end(stream, *blow.end);
    }
  }
}

// Where the recording heard nothing, a subscribed connection still has its heartbeat.
Instant ObservedTransport::next_beat(const Stream& stream) const {
  if (!stream.greeted || stream.silent || stream.ended || stream.subscriptions.empty()) {
    return Instant::never();
  }
  // Of those that come while the process stands still, the last is as good as all.
  return network_.awake_from(network_.unheard_from(stream.spoke + heartbeat_interval));
}

void ObservedTransport::beat(Stream& stream) { say(stream, heartbeat_text); }

// The phases.

void ObservedTransport::on_opened(Stream& stream) {
  stream.opened = now_;
  Completion opened{.connection = stream.id, .kind = Completion::Kind::opened};
  opened.tls_resumed = stream.like->tls_resumed;
  opened.peer = stream.like->peer;
  deliver(stream, opened);
  // An end that came before we had asked for anything.
  if (!stream.like->asked && stream.like->end) schedule_end(stream, *stream.like->opened);
}

void ObservedTransport::on_upgrade_request(Stream& stream) {
  const ObservedAttempt& like = *stream.like;
  if (!like.asked) return;
  if (like.answered) {
    return schedule(now_ + (*like.answered - *like.asked), stream,
                    [this](Stream& each) { on_answered(each); });
  }
  schedule_end(stream, *like.asked);
}

void ObservedTransport::on_answered(Stream& stream) {
  const ObservedAttempt& like = *stream.like;
  // A 101 that the engine refused then (a wrong accept key) is given as it was.
  const bool was_refused =
      like.http_status != http_switching_protocols ||
      (!like.greeted && !like.end && like.given_up && !like.silent && !like.cut_short);
  if (was_refused) return deliver_bytes(stream, like.answer);
  deliver_output(stream);
  if (like.greeted) {
    return schedule(now_ + (*like.greeted - *like.answered), stream,
                    [this](Stream& each) { on_greeted(each); });
  }
  schedule_end(stream, *like.answered);
}

void ObservedTransport::on_greeted(Stream& stream) {
  stream.greeted = true;
  say(stream, stream.like->greeting);
  const ObservedAttempt& like = *stream.like;
  if (like.live) return;
  schedule_end(stream, *like.greeted);
  if (!like.silent) return;
  schedule(now_ + (like.heard - *like.greeted) + behind_the_feed, stream,
           [](Stream& each) { each.silent = true; });
}

void ObservedTransport::schedule_end(Stream& stream, Instant phase) {
  if (!stream.like->end) return;
  const ObservedEnd& how = *stream.like->end;
  schedule(now_ + (how.at - phase) + behind_the_feed, stream,
           [this, &how](Stream& each) { end(each, how); });
}

void ObservedTransport::end(Stream& stream, const ObservedEnd& how) {
  switch (how.kind) {
    case ObservedEnd::Kind::bytes:
      return deliver_bytes(stream, how.text);
    case ObservedEnd::Kind::close_frame:
      stream.codec->send_close(how.code, how.text);
      deliver_output(stream);
      return schedule(now_ + close_linger, stream, [this](Stream& each) {
        static const ObservedEnd finished{.reason = Reason::end_of_stream};
        end(each, finished);
      });
    case ObservedEnd::Kind::closed:
      break;
  }
  Completion closed{.connection = stream.id, .kind = Completion::Kind::closed};
  closed.reason = how.reason;
  closed.certificate = how.certificate;
  closed.os_error = how.os_error;
  deliver(stream, closed);
  stream.ended = true;
}

// Bytes.

void ObservedTransport::say(Stream& stream, std::string_view text) {
  if (stream.ended || stream.silent) return;
  stream.codec->send_text(text);
  stream.spoke = now_;
  deliver_output(stream);
}

void ObservedTransport::deliver_output(Stream& stream) {
  const auto output = stream.codec->output();
  if (output.empty()) return;
  deliver_bytes(stream, {reinterpret_cast<const char*>(output.data()), output.size()});
  stream.codec->consume_output(output.size());
}

void ObservedTransport::deliver_bytes(Stream& stream, std::string_view bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  ready_.push_back({.completion = {.connection = stream.id, .kind = Completion::Kind::received},
                    .bytes = {begin, begin + bytes.size()}});
}

void ObservedTransport::deliver(Stream& stream, Completion completion) {
  completion.connection = stream.id;
  ready_.push_back({.completion = completion, .bytes = {}});
}

int64_t ObservedTransport::utc_us() const {
  return (now_.ns + network_.header.utc_offset.ns) / 1000;
}

ObservedTransport::Stream* ObservedTransport::find(ConnectionId id) {
  const auto found = std::ranges::find(streams_, id, &Stream::id);
  return found == streams_.end() ? nullptr : &*found;
}

void ObservedTransport::schedule(Instant due, const Stream& stream, Action action) {
  due_.emplace(std::pair(due, ++order_), std::pair(stream.id, std::move(action)));
}

}  // namespace havklo::replay
