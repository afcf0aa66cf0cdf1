// One client: its stream, its time, and the faults that strike it.
#include "replay/venue/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "replay/venue/fault_bytes.hpp"
#include "replay/venue/messages.hpp"
#include "replay/venue/model.hpp"

namespace havklo::replay {
namespace {

// A client that leaves more than this unread is cut off.
constexpr size_t unread_bytes_max = 64 * 1024 * 1024;
constexpr std::string_view accept_field = "Sec-WebSocket-Accept: ";

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
    self.take_request(text, now);
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

VenueConnection::VenueConnection(Venue& venue, const ConnectionAge& age, bool banned,
                                 std::unique_ptr<websocket::Connection> codec)
    : venue_(venue), age_(age), codec_(std::move(codec)), banned_(banned), active_(age.accepted) {
  struck_.assign(venue.faults_.size(), 0);
  if (venue.settings_.cut == MessageCut::own) {
    cut_.emplace(venue.settings_.seed ^ (uint64_t{age.number} << 32U) ^ 0xC0'7,
                 venue.settings_.cut_hold);
  }
  request_credit_ = int64_t{venue.settings_.requests_burst} * request_credit_one;
  request_credit_at_ = age.accepted;
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

// Time.

// Requests are answered in order, the late ones too.
void VenueConnection::take_request(std::string_view text, Instant now) {
  const Fault* late = venue_.faults_.take(FaultKind::late_acks, age_, now);
  Instant due = now + venue_.settings_.ack_delay + (late != nullptr ? late->interval : Duration{});
  for (const Pending& each : pending_) {
    if (each.kind == Pending::Kind::request) due = std::max(due, each.due);
  }
  schedule({.due = due, .kind = Pending::Kind::request, .request = std::string(text)});
}

void VenueConnection::schedule(Pending pending) {
  const auto later = std::ranges::find_if(
      pending_, [&pending](const Pending& each) { return each.due > pending.due; });
  pending_.insert(later, std::move(pending));
}

void VenueConnection::run_due(Instant now) {
  if (ending_ != Ending::none) return;
  struck_.resize(venue_.faults_.size(), 0);
  send_held(now);
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
    if (is_venues_own(fault)) continue;
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
      if (!codec_->send_close(fault.code, fault.text)) send_raw(forbidden_close_bytes(fault));
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
  if (cut_) next = std::min(next, cut_->next_deadline());
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
      if (is_venues_own(fault)) continue;
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
  cut_.reset();
  pending_.clear();
  heartbeat_ = Instant::never();
  note(ending == Ending::reset ? "reset" : "fin", why);
}

void VenueConnection::note(std::string_view what, std::string_view detail) {
  venue_.note(age_.number, what, detail);
}

}  // namespace havklo::replay
