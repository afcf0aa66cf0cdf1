// One client: what it says, what it is told, and the faults that strike it.
#include "replay/venue/connection.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <havklo/limits.hpp>

#include "kraken/channels.hpp"
#include "replay/venue/messages.hpp"
#include "replay/venue/model.hpp"

namespace havklo::replay {
namespace {

// A client that leaves more than this unread is cut off.
constexpr size_t unread_bytes_max = 64 * 1024 * 1024;
constexpr int64_t request_credit_one = 1'000'000'000;
constexpr std::string_view accept_field = "Sec-WebSocket-Accept: ";

// IMF-fixdate, RFC 9110 §5.6.7.
std::string http_date(int64_t utc_s) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(static_cast<std::time_t>(utc_s)));
}

// The headers of a refusal by fault.
std::string refusal_headers(const Fault& fault, int64_t utc_us) {
  std::string headers;
  if (fault.retry_after) {
    const int64_t seconds = fault.retry_after->ns / 1'000'000'000;
    if (fault.retry_after_date) {
      const int64_t now_s = utc_us / 1'000'000;
      headers += "Date: " + http_date(now_s) + "\r\n";
      headers += "Retry-After: " + http_date(now_s + seconds) + "\r\n";
    } else {
      headers += "Retry-After: " + std::to_string(seconds) + "\r\n";
    }
  }
  if (!fault.location.empty()) headers += "Location: " + fault.location + "\r\n";
  return headers;
}

// Frames that RFC 6455 forbids a server.
std::string violation_bytes(const Fault& fault) {
  const auto of = [](std::initializer_list<uint8_t> bytes) {
    return std::string(bytes.begin(), bytes.end());
  };
  switch (fault.violation) {
    case Violation::masked:
      return of({0x81, 0x81, 0, 0, 0, 0, 'x'});
    case Violation::bad_opcode:
      return of({0x83, 0});
    case Violation::reserved_bits:
      return of({0xC1, 0});
    case Violation::invalid_utf8:
      return of({0x81, 2, 0xC3, 0x28});
    case Violation::oversized: {
      const uint64_t length = fault.bytes > 1 ? fault.bytes : uint64_t{2} * message_bytes_max;
      std::string bytes = of({0x81, 127});
      for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
      return bytes;
    }
    case Violation::fragmented_control:
      return of({0x09, 0});
    case Violation::long_control:
      return of({0x89, 126, 0, 126}) + std::string(126, 'x');
    case Violation::stray_continuation:
      return of({0x80, 0});
    case Violation::one_byte_close:
      return of({0x88, 1, 3});
    case Violation::long_length:
      return of({0x81, 126, 0, 5}) + "hello";
  }
  return {};
}

}  // namespace

// What the codec tells of the client.
struct VenueConnection::Handler {
  VenueConnection& self;
  Instant now;
  bool closed = false;

  bool on_open(const websocket::UpgradeResult& result) {
    if (self.refuse_upgrade(result.path, now)) return true;
    self.age_.upgraded = now;
    self.note("upgraded", result.path);
    if (!self.swallowed(now)) self.greet(now);
    return true;
  }
  bool on_text(std::string_view text) {
    self.active_ = now;
    self.note("request", text);
    self.schedule({.due = now + self.venue_.settings_.ack_delay,
                   .kind = Pending::Kind::request,
                   .request = std::string(text)});
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) {
    self.active_ = now;
    return true;
  }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t code, std::string_view) {
    std::array<char, 8> text{};
    const auto end = std::to_chars(text.begin(), text.end(), code).ptr;
    self.note("close", {text.begin(), end});
    closed = true;
    return true;
  }
};

VenueConnection::VenueConnection(Venue& venue, uint32_t number, Instant accepted, bool banned,
                                 std::unique_ptr<websocket::Connection> codec)
    : venue_(venue), codec_(std::move(codec)), banned_(banned), active_(accepted) {
  age_.number = number;
  age_.accepted = accepted;
  struck_.assign(venue.faults_.size(), 0);
  request_credit_ = int64_t{venue.settings_.requests_burst} * request_credit_one;
  request_credit_at_ = accepted;
  codec_->start_server();
}

void VenueConnection::on_opened(Instant now) {
  opened_ = true;
  active_ = now;
}

void VenueConnection::on_bytes(std::span<const std::byte> bytes, Instant now) {
  venue_.advance(now);
  if (ending_ != Ending::none || swallowed(now)) return;
  padded_.assign(bytes.begin(), bytes.end());
  padded_.resize(bytes.size() + receive_padding);
  Handler handler{*this, now};
  const bool was_upgraded = upgraded();
  const websocket::Error error = codec_->receive({padded_.data(), bytes.size()}, handler);
  if (error != websocket::Error::none) {
    codec_->fail(error);
    end(Ending::fin, now, "protocol error of the client");
  }
  if (!was_upgraded && upgraded() && swallowed(now)) {
    codec_->consume_output(codec_->output().size());
    deafened_ = true;
    return;
  }
  const size_t before = wire_.size();
  drain_codec();
  if (!was_upgraded && upgraded() &&
      venue_.faults_.take(FaultKind::bad_accept, age_, now) != nullptr) {
    const size_t at = wire_.find(accept_field, before);
    if (at != std::string::npos) {
      char& c = wire_[at + accept_field.size()];
      c = c == 'A' ? 'B' : 'A';
    }
  }
  const bool refused = codec_->state() == websocket::Connection::State::closed;
  if (handler.closed || refused) end(Ending::fin, now, "");
}

void VenueConnection::on_end(Instant now) {
  if (ending_ == Ending::none) end(Ending::fin, now, "the client ended the stream");
}

// True: the answer is no. The codec has it in its output.
bool VenueConnection::refuse_upgrade(std::string_view path, Instant now) {
  uint16_t status = 0;
  std::string headers;
  if (const Fault* fault = venue_.faults_.take(FaultKind::http, age_, now); fault != nullptr) {
    status = fault->code;
    headers = refusal_headers(*fault, venue_.utc_us(now));
  } else if (banned_) {
    status = 429;
  }
  if (status == 0) return false;
  note("refused", path);
  codec_->refuse_upgrade(status, headers);
  return true;
}

void VenueConnection::greet(Instant now) {
  if (venue_.faults_.take(FaultKind::silent_greeting, age_, now) != nullptr) return;
  std::string text;
  append_status(text, venue_.system_, venue_.random_.next_u64());
  codec_->send_text(text);
}

bool VenueConnection::can_send() const {
  return opened_ && upgraded() && !deafened_ && ending_ == Ending::none &&
         codec_->state() == websocket::Connection::State::open;
}

void VenueConnection::send(std::string_view text, Instant now) {
  if (!can_send() || swallowed(now)) return;
  codec_->send_text(text);
  drain_codec();
  active_ = now;
  if (output_bytes() > unread_bytes_max) end(Ending::reset, now, "the client does not read");
}

void VenueConnection::send_raw(std::string_view bytes) {
  drain_codec();
  wire_ += bytes;
}

void VenueConnection::drain_codec() {
  const auto bytes = codec_->output();
  wire_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  codec_->consume_output(bytes.size());
}

// Requests.

void VenueConnection::answer(std::string_view text, Instant now) {
  if (venue_.faults_.take(FaultKind::silent_acks, age_, now) != nullptr) return;
  const bool exceeded = venue_.faults_.take(FaultKind::rate_exceeded, age_, now) != nullptr;
  if (!within_rate(now) || exceeded) return send(rate_exceeded_text, now);
  const VenueRequest request = parse_request(text);
  if (!request.well_formed) return send_error(request, "Malformed request", {}, now);
  if (request.method == "ping") {
    if (request.has_params) {
      return send_error(request, "Unsupported field: 'params' for the given msg type: ping", {},
                        now);
    }
    std::string pong;
    append_pong(pong, request.req_id, venue_.utc_us(now));
    return send(pong, now);
  }
  if (request.method == "subscribe") return answer_subscribe(request, now);
  if (request.method == "unsubscribe") return answer_unsubscribe(request, now);
  send_error(request, "Unsupported event", {}, now);
}

bool VenueConnection::within_rate(Instant now) {
  const VenueSettings& settings = venue_.settings_;
  if (settings.requests_per_second == 0) return true;
  const int64_t most = int64_t{settings.requests_burst} * request_credit_one;
  // An hour refills any bucket, and keeps the product in range.
  const int64_t idle_ns = std::min((now - request_credit_at_).ns, Duration::seconds(3600).ns);
  request_credit_ = std::min(most, request_credit_ + idle_ns * settings.requests_per_second);
  request_credit_at_ = now;
  if (request_credit_ < request_credit_one) return false;
  request_credit_ -= request_credit_one;
  return true;
}

void VenueConnection::answer_subscribe(const VenueRequest& request, Instant now) {
  const auto channel = channel_named(request.channel);
  const std::vector<std::string> symbols = symbols_asked(request);
  if (symbols.empty()) return send_error(request, "Unsupported event", {}, now);
  const kraken::Parameter& parameter = kraken::facts_of(*channel).parameter;
  const auto value = static_cast<uint32_t>(parameter_in(request, *channel));
  if (!kraken::serves(parameter, value)) {
    const std::string error = fmt::format("Subscription {} not supported", parameter.name);
    return send_error(request, error, {}, now);
  }
  for (const std::string& symbol : symbols) subscribe_one(request, *channel, symbol, now);
}

void VenueConnection::subscribe_one(const VenueRequest& request, Channel channel,
                                    const std::string& symbol, Instant now) {
  if (const Fault* fault =
          venue_.faults_.take(FaultKind::reject_symbol, age_, now, symbol, channel);
      fault != nullptr) {
    const std::string text =
        fault->text.empty() ? "Currency pair not supported " + symbol : fault->text;
    return send_error(request, text, fault->text.empty() ? symbol : std::string(), now);
  }
  const bool names_symbols = kraken::facts_of(channel).names_symbols;
  if (names_symbols && symbol.find('/') == std::string::npos) {
    return send_error(request, "Currency pair not in ISO 4217-A3 format", symbol, now);
  }
  const auto parameter = static_cast<uint32_t>(parameter_in(request, channel));
  const auto index = index_of(channel, symbol);
  if (!index || !venue_.feed_->serves(channel, *index, parameter)) {
    return send_error(request, "Currency pair not supported " + symbol, symbol, now);
  }
  if (find(channel, *index) != nullptr) {
    return send_error(request, "Already subscribed", {}, now);
  }
  const bool snapshot = request.snapshot.value_or(kraken::facts_of(channel).snapshot);
  Subscription subscription{.channel = channel, .symbol = *index, .parameter = parameter};
  subscription.dead =
      venue_.faults_.take(FaultKind::dead_subscription, age_, now, symbol, channel) != nullptr;
  subscription.on_best = request.event_trigger == "bbo";
  subscription.live = !snapshot;
  subscriptions_.push_back(subscription);
  if (age_.subscribed == Instant::never()) age_.subscribed = now;
  if (heartbeat_ == Instant::never()) heartbeat_ = now + venue_.settings_.heartbeat_interval;
  std::string text;
  const bool is_ticker = channel == Channel::ticker;
  append_ack(text, {.method = "subscribe",
                    .channel = channel,
                    .symbol = symbol,
                    .parameter = parameter,
                    .snapshot = snapshot,
                    .event_trigger = is_ticker ? (subscription.on_best ? "bbo" : "trades") : "",
                    .req_id = request.req_id,
                    .utc_us = venue_.utc_us(now)});
  send(text, now);
  if (!snapshot) return;
  schedule({.due = now + venue_.settings_.snapshot_delay,
            .kind = Pending::Kind::snapshot,
            .request = {},
            .channel = channel,
            .symbol = *index});
}

void VenueConnection::answer_unsubscribe(const VenueRequest& request, Instant now) {
  const auto channel = channel_named(request.channel);
  const std::vector<std::string> symbols = symbols_asked(request);
  if (symbols.empty()) return send_error(request, "Unsupported event", {}, now);
  for (const std::string& symbol : symbols) {
    const auto index = index_of(*channel, symbol);
    Subscription* subscription = index ? find(*channel, *index) : nullptr;
    if (subscription == nullptr) {
      send_error(request, "Subscription Not Found", {}, now);
      continue;
    }
    const uint32_t parameter = subscription->parameter;
    subscriptions_.erase(subscriptions_.begin() + (subscription - subscriptions_.data()));
    std::string text;
    append_ack(text, {.method = "unsubscribe",
                      .channel = *channel,
                      .symbol = symbol,
                      .parameter = parameter,
                      .snapshot = std::nullopt,
                      .event_trigger = {},
                      .req_id = request.req_id,
                      .utc_us = venue_.utc_us(now)});
    send(text, now);
  }
  if (subscriptions_.empty()) heartbeat_ = Instant::never();
}

std::optional<uint32_t> VenueConnection::index_of(Channel channel, std::string_view symbol) const {
  if (!kraken::facts_of(channel).names_symbols) return every_symbol;
  return venue_.feed_->find(symbol);
}

void VenueConnection::send_error(const VenueRequest& request, std::string_view error,
                                 std::string_view symbol, Instant now) {
  std::string text;
  append_error(text, {.error = error,
                      .method = request.method,
                      .symbol = symbol,
                      .req_id = request.req_id,
                      .utc_us = venue_.utc_us(now)});
  note("error", error);
  send(text, now);
}

VenueConnection::Subscription* VenueConnection::find(Channel channel, uint32_t symbol) {
  for (Subscription& each : subscriptions_) {
    if (each.channel == channel && each.symbol == symbol) return &each;
  }
  return nullptr;
}

// The market.

void VenueConnection::send_snapshot(Channel channel, uint32_t symbol, Instant now) {
  Subscription* subscription = find(channel, symbol);
  if (subscription == nullptr || subscription->live || subscription->dead) return;
  subscription->live = true;
  std::string text;
  venue_.feed_->append_snapshot(channel, symbol, subscription->parameter, text);
  if (!text.empty()) send_market(*subscription, text, now);
}

bool VenueConnection::send_market(const Subscription& subscription, std::string_view text,
                                  Instant now) {
  const bool is_every = subscription.symbol == every_symbol;
  const std::string_view symbol = is_every ? "" : venue_.feed_->symbol(subscription.symbol);
  ActiveFaults& faults = venue_.faults_;
  if (faults.take(FaultKind::silent_data, age_, now, symbol, subscription.channel) != nullptr) {
    return false;
  }
  const bool sent = !swallowed(now);  // a connection that ends misses nothing
  if (subscription.channel != Channel::book) {
    send(text, now);
    return sent;
  }
  if (faults.take(FaultKind::bad_checksum, age_, now, symbol, Channel::book) != nullptr) {
    send(with_checksum(text, checksum_in(text).value_or(0) ^ 1U), now);
    return sent;
  }
  send(text, now);
  if (faults.take(FaultKind::crossed_book, age_, now, symbol, Channel::book) != nullptr) {
    send_crossed(subscription, now);
  }
  return sent;
}

// One bid more, above the best ask; the checksum is that of such a book.
void VenueConnection::send_crossed(const Subscription& subscription, Instant now) {
  const MarketBook& book = venue_.feed_->book(subscription.symbol);
  if (book.size(BookSide::ask) == 0) return;
  const MarketLevel best = book.at(BookSide::ask, 0);
  const MarketLevel bid{.price = best.price + 1, .qty = best.qty};
  std::string text;
  append_book(text, {.symbol = venue_.feed_->symbol(subscription.symbol),
                     .snapshot = false,
                     .bids = {&bid, 1},
                     .asks = {},
                     .price_decimals = book.price_decimals(),
                     .qty_decimals = book.qty_decimals(),
                     .checksum = book.checksum_with_bid(bid),
                     .utc_us = venue_.utc_us(now)});
  send(text, now);
}

// Time.

void VenueConnection::schedule(Pending pending) {
  const auto later = std::ranges::find_if(
      pending_, [&pending](const Pending& each) { return each.due > pending.due; });
  pending_.insert(later, std::move(pending));
}

void VenueConnection::run_due(Instant now) {
  if (ending_ != Ending::none) return;
  struck_.resize(venue_.faults_.size(), 0);
  run_pending(now);
  run_faults(now);
  if (ending_ != Ending::none) return;
  if (heartbeat_ <= now) {
    heartbeat_ = now + venue_.settings_.heartbeat_interval;
    if (venue_.faults_.take(FaultKind::silent_heartbeat, age_, now) == nullptr) {
      const Instant active = active_;
      send(heartbeat_text, now);
      active_ = active;  // our own clock is no activity
    }
  }
  if (close_deadline_ <= now) return end(Ending::fin, now, "no answer to our close");
  if (active_ + venue_.settings_.idle_timeout <= now && !subscribed()) {
    end(Ending::fin, now, "idle");
  }
}

void VenueConnection::run_pending(Instant now) {
  while (!pending_.empty() && pending_.front().due <= now && ending_ == Ending::none) {
    const Pending pending = std::move(pending_.front());
    pending_.pop_front();
    if (pending.kind == Pending::Kind::request) {
      answer(pending.request, now);
    } else {
      send_snapshot(pending.channel, pending.symbol, now);
    }
  }
}

void VenueConnection::run_faults(Instant now) {
  for (size_t i = 0; i < venue_.faults_.size() && ending_ == Ending::none; ++i) {
    const Fault& fault = venue_.faults_.fault(i);
    if (fault.kind == FaultKind::status && fault.at) continue;  // the venue's own
    if (venue_.faults_.strike_time(i, age_, struck_[i]) > now) continue;
    if (!venue_.faults_.strike(i)) continue;
    ++struck_[i];
    note("fault", to_string(fault.kind));
    strike(fault, now);
  }
}

void VenueConnection::strike(const Fault& fault, Instant now) {
  switch (fault.kind) {
    case FaultKind::reset:
      return end(Ending::reset, now, "");
    case FaultKind::end_of_stream:
      return end(Ending::fin, now, "");
    case FaultKind::close:
      if (!can_send()) return end(Ending::fin, now, "");
      codec_->send_close(fault.code, fault.text);
      drain_codec();
      close_deadline_ = now + venue_.settings_.close_linger;
      return;
    case FaultKind::message:
      return send(fault.text.empty() ? "{\"channel\":\"book\",\"type\":" : fault.text, now);
    case FaultKind::violation:
      if (can_send()) send_raw(violation_bytes(fault));
      return;
    case FaultKind::ping:
      if (can_send()) codec_->send_ping(std::as_bytes(std::span(fault.text)));
      return drain_codec();
    case FaultKind::status: {
      std::string text;
      append_status(text, fault.system, std::nullopt);
      return send(text, now);
    }
    default:
      return;  // conditions hold by themselves
  }
}

Instant VenueConnection::next_deadline(Instant now) const {
  if (ending_ != Ending::none) return Instant::never();
  Instant next = std::min(heartbeat_, close_deadline_);
  if (!pending_.empty()) next = std::min(next, pending_.front().due);
  if (!subscribed()) next = std::min(next, active_ + venue_.settings_.idle_timeout);
  if (output_bytes() != 0 && drip_until_ > now) next = std::min(next, drip_until_);
  return std::min(next, next_fault(now));
}

Instant VenueConnection::next_fault(Instant now) const {
  const ActiveFaults& faults = venue_.faults_;
  FaultDeadline& known = fault_deadline_;
  const bool holds = known.version == faults.version() && known.reckoned <= now &&
                     now < known.edge && known.age == age_;
  if (!holds) {
    known = {.version = faults.version(),
             .age = age_,
             .reckoned = now,
             .strike = Instant::never(),
             .edge = faults.next_edge(age_, now)};
    for (size_t i = 0; i < faults.size(); ++i) {
      const Fault& fault = faults.fault(i);
      if (fault.kind == FaultKind::status && fault.at) continue;  // the venue's own
      const uint32_t struck = i < struck_.size() ? struck_[i] : 0;
      known.strike = std::min(known.strike, faults.strike_time(i, age_, struck));
    }
  }
  return std::min(known.strike, known.edge);
}

// Output.

bool VenueConnection::swallowed(Instant now) const {
  if (deafened_) return true;
  const Fault* hole = venue_.faults_.find(FaultKind::blackhole, age_, now);
  if (hole == nullptr) return false;
  return hole->stage == BlackholeStage::upgrade ||
         (hole->stage == BlackholeStage::open && upgraded());
}

std::span<const std::byte> VenueConnection::output(Instant now) const {
  const std::string_view all = std::string_view(wire_).substr(wire_begin_);
  if (all.empty() || !opened_ || ending_ == Ending::reset || swallowed(now)) return {};
  if (venue_.faults_.find(FaultKind::stall, age_, now) != nullptr) return {};
  size_t bytes = all.size();
  if (const Fault* cut = venue_.faults_.find(FaultKind::chunk, age_, now); cut != nullptr) {
    bytes = std::min<size_t>(bytes, cut->bytes);
  }
  if (const Fault* drip = venue_.faults_.find(FaultKind::drip, age_, now); drip != nullptr) {
    const size_t used = now < drip_until_ ? drip_used_ : 0;
    bytes = std::min<size_t>(bytes, drip->bytes > used ? drip->bytes - used : 0);
  }
  return std::as_bytes(std::span(all.data(), bytes));
}

void VenueConnection::consume(size_t bytes, Instant now) {
  wire_begin_ += bytes;
  if (wire_begin_ == wire_.size() || wire_begin_ > 1024 * 1024) {
    wire_.erase(0, wire_begin_);
    wire_begin_ = 0;
  }
  if (const Fault* drip = venue_.faults_.find(FaultKind::drip, age_, now); drip != nullptr) {
    if (now >= drip_until_) {
      drip_until_ = now + drip->interval;
      drip_used_ = 0;
    }
    drip_used_ += bytes;
  }
}

VenueConnection::Ending VenueConnection::ending(Instant) const {
  return ending_ == Ending::fin && output_bytes() != 0 ? Ending::none : ending_;
}

bool VenueConnection::reads(Instant now) const {
  return venue_.faults_.find(FaultKind::deaf, age_, now) == nullptr;
}

void VenueConnection::end(Ending ending, Instant, std::string_view why) {
  if (ending_ != Ending::none) return;
  drain_codec();
  ending_ = ending;
  subscriptions_.clear();
  pending_.clear();
  heartbeat_ = Instant::never();
  note(ending == Ending::reset ? "reset" : "fin", why);
}

void VenueConnection::note(std::string_view what, std::string_view detail) {
  venue_.note(age_.number, what, detail);
}

}  // namespace havklo::replay
