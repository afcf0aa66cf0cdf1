// A network that does what a script says, between an engine and a venue's model: when a stream
// opens or fails, how it is cut, what is held back, and bytes that no venue said.
//
// Owns:       the streams, what waits for the next poll().
// Not owned:  the venue, which answers at the other end; time (the script moves it).
// Threads:    one.
// Invariants: the contract of Transport, whatever the script says; and an engine that breaks it
//             is found out.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/connection_id.hpp"
#include "fuzz/target.hpp"
#include "replay/text/session_names.hpp"
#include "replay/venue/transport.hpp"

namespace havklo::fuzz {

// What becomes of streams from now on, until something else is said.
struct NetworkMood {
  bool holds_opens = false;
  bool holds_down = false;  // what the venue sends waits
  bool holds_up = false;    // what the engine sends waits, and is not `sent`
  uint32_t read_bytes = 0;  // a read has so many at most; 0: as they come
};

// One connection at a time.
struct Leg {
  uint32_t session = 0;
  uint32_t leg = 0;
  friend bool operator==(const Leg&, const Leg&) = default;
};

class ScriptedNetwork final : public replay::VenueNetwork {
 public:
  ScriptedNetwork(replay::Venue& venue, ManualClock& clock, std::span<const Settings> sessions)
      : venue_(venue), clock_(clock), names_(sessions) {}

  NetworkMood mood;

  // Of the engine.
  void open(ConnectionId id, const OpenRequest& request) override {
    require(find(id) == nullptr && static_cast<uint32_t>(id) > last_id_of(id), "an id used twice");
    require(!request.host.empty() && request.port != 0 && request.timeout > Duration{},
            "an attempt at nothing");
    lines_.push_back({.id = id});
  }
  void send(ConnectionId id, std::span<const std::byte> bytes) override {
    Line& line = line_of(id);
    require(line.state != State::opening, "bytes for a stream that is not open");
    if (line.state != State::open) return;
    line.up.emplace_back(bytes.begin(), bytes.end());
    line.unsent_bytes += bytes.size();
  }
  void close(ConnectionId id) override {
    Line& line = line_of(id);
    std::erase_if(ready_, [id](const Ready& each) { return each.completion.connection == id; });
    if (!mood.holds_up) send_up(line);
    leave(line);
  }
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override {
    uint32_t count = 0;
    while (count < completions_max && !ready_.empty()) {
      Ready ready = std::move(ready_.front());
      ready_.pop_front();
      const size_t size = ready.bytes.size();
      ready.bytes.resize(size + receive_padding);
      if (ready.completion.kind == Completion::Kind::received) {
        ready.completion.bytes = std::span<const std::byte>(ready.bytes).first(size);
      }
      sink.on_completion(ready.completion);
      ++count;
    }
    return count;
  }
  void flush() override {}

  // Takes from both ends what the mood lets pass; to be called before a turn.
  void hear_venue() {
    venue_.advance(clock_.now());
    for (Line& line : lines_) {
      if (line.state == State::opening && !mood.holds_opens && !line.is_swallowed) admit(line);
      if (line.state == State::open && !line.is_swallowed) pass(line);
    }
  }
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  [[nodiscard]] Instant next_deadline() const { return venue_.next_deadline(); }
  [[nodiscard]] size_t line_count() const { return lines_.size(); }
  [[nodiscard]] const replay::VenueConnection* venue_end(ConnectionId id) const override {
    const auto line = std::ranges::find(lines_, id, &Line::id);
    return line == lines_.end() || line->number == 0 ? nullptr : venue_.connection(line->number);
  }

  // Of the script; nothing happens where the leg has no such stream.
  void fail(Leg leg, uint8_t how) {
    Line* const line = of(leg);
    if (line == nullptr) return;
    if (line->state == State::ended) return;
    if (line->state == State::open) {
      const bool reset = (how & 1U) != 0;
      return end(*line, reset ? Reason::peer_reset : Reason::end_of_stream, reset ? ECONNRESET : 0);
    }
    switch (how % 4) {
      case 0:
        return end(*line, Reason::connect_refused, ECONNREFUSED);
      case 1:
        return end(*line, Reason::resolve_failed, 0);
      case 2:
        return end(*line, Reason::tls_failed, 0);
      default:
        return end(*line, Reason::certificate_refused, 0,
                   static_cast<CertificateFault>(1 + how / 4 % (certificate_fault_count - 1)));
    }
  }
  // Received as they are; false: there is no open stream.
  bool say(Leg leg, std::string_view bytes) {
    Line* const line = of(leg);
    if (line == nullptr || line->state != State::open || bytes.empty()) return false;
    receive(*line, std::as_bytes(std::span(bytes)));
    return true;
  }
  // In a frame of its own.
  bool say_text(Leg leg, std::string_view text) {
    std::string frame = "\x81";
    if (text.size() < 126) {
      frame += static_cast<char>(text.size());
    } else {
      frame += '\x7e';
      frame += static_cast<char>(text.size() >> 8U);
      frame += static_cast<char>(text.size());
    }
    return say(leg, frame += text);
  }
  // The next bytes of the venue to this leg come with a byte changed.
  void spoil(Leg leg, uint16_t at, uint8_t by) {
    if (Line* const line = of(leg)) line->spoiled = {at, by};
  }

 private:
  struct Spoil {
    uint16_t at = 0;
    uint8_t by = 0;
  };
  enum class State : uint8_t { opening, open, ended };
  struct Line {
    ConnectionId id{};
    uint32_t number = 0;  // of the venue's end; 0: none
    State state = State::opening;
    bool is_swallowed = false;  // nothing ever answers
    std::deque<std::vector<std::byte>> up = {};
    size_t unsent_bytes = 0;
    Spoil spoiled = {};
  };
  struct Ready {
    Completion completion;
    std::vector<std::byte> bytes = {};
  };

  Line* find(ConnectionId id) {
    const auto found = std::ranges::find(lines_, id, &Line::id);
    return found == lines_.end() ? nullptr : &*found;
  }
  Line& line_of(ConnectionId id) {
    Line* const line = find(id);
    require(line != nullptr, "a call for a stream that is none, or has ended");
    return *line;
  }
  [[nodiscard]] Leg leg_of(ConnectionId id) const {
    return {core::session_of(id), names_.leg_of(id)};
  }
  Line* of(Leg leg) {
    const auto found = std::ranges::find_if(
        lines_.rbegin(), lines_.rend(), [&](const Line& each) { return leg_of(each.id) == leg; });
    return found == lines_.rend() ? nullptr : &*found;
  }
  uint32_t last_id_of(ConnectionId id) {
    const Leg leg = leg_of(id);
    return std::exchange(last_ids_[leg.session][leg.leg], static_cast<uint32_t>(id));
  }

  void admit(Line& line) {
    const replay::Admission admission = venue_.admit(clock_.now(), true);
    using Kind = replay::Admission::Kind;
    switch (admission.kind) {
      case Kind::resolve_failed:
        return end(line, Reason::resolve_failed, 0);
      case Kind::refuse:
        return end(line, Reason::connect_refused, ECONNREFUSED);
      case Kind::silent_tcp:
      case Kind::silent_tls:
        line.is_swallowed = true;
        return;
      case Kind::tls_garbage:
      case Kind::tls_abort:
        return end(line, Reason::tls_failed, 0);
      case Kind::tls_expired:
      case Kind::tls_wrong_name:
        venue_.remove(admission.number);
        return end(line, Reason::certificate_refused, 0,
                   admission.kind == Kind::tls_expired ? CertificateFault::expired
                                                       : CertificateFault::wrong_name);
      case Kind::accept:
        break;
    }
    line.number = admission.number;
    line.state = State::open;
    venue_.connection(line.number)->on_opened(clock_.now());
    Completion opened{.connection = line.id, .kind = Completion::Kind::opened};
    opened.peer = {.address = {203, 0, 113, 7}, .port = 443, .family = 4};
    ready_.push_back({opened});
  }

  void pass(Line& line) {
    if (!mood.holds_up) send_up(line);
    replay::VenueConnection* const far = venue_.connection(line.number);
    if (far == nullptr || mood.holds_down) return;
    const Instant now = clock_.now();
    for (auto bytes = far->output(now); !bytes.empty(); bytes = far->output(now)) {
      const size_t most = mood.read_bytes == 0 ? bytes.size() : mood.read_bytes;
      const auto piece = bytes.first(std::min(bytes.size(), most));
      receive(line, piece);
      far->consume(piece.size(), now);
    }
    const auto ending = far->ending(now);
    if (ending == replay::VenueConnection::Ending::none) return;
    const bool reset = ending == replay::VenueConnection::Ending::reset;
    end(line, reset ? Reason::peer_reset : Reason::end_of_stream, reset ? ECONNRESET : 0);
  }

  void send_up(Line& line) {
    replay::VenueConnection* const far = venue_.connection(line.number);
    const Instant now = clock_.now();
    while (far != nullptr && !line.up.empty() && far->reads(now)) {
      const auto size = static_cast<uint32_t>(line.up.front().size());
      far->on_bytes(line.up.front(), now);
      line.up.pop_front();
      line.unsent_bytes -= size;
      ready_.push_back(
          {{.connection = line.id, .kind = Completion::Kind::sent, .sent_bytes = size}});
    }
    if (line.unsent_bytes > send_buffer_bytes) line.is_swallowed = true;
  }

  void receive(Line& line, std::span<const std::byte> bytes) {
    Ready ready{{.connection = line.id, .kind = Completion::Kind::received},
                {bytes.begin(), bytes.end()}};
    const Spoil spoiled = std::exchange(line.spoiled, {});
    if (spoiled.by != 0) ready.bytes[spoiled.at % bytes.size()] ^= std::byte{spoiled.by};
    ready_.push_back(std::move(ready));
  }

  void end(Line& line, Reason reason, int32_t os_error,
           CertificateFault certificate = CertificateFault::none) {
    ready_.push_back({{.connection = line.id,
                       .kind = Completion::Kind::closed,
                       .reason = reason,
                       .certificate = certificate,
                       .os_error = os_error}});
    if (line.number != 0) venue_.remove(line.number);
    line.number = 0;
    line.state = State::ended;
  }

  void leave(Line& line) {
    if (line.number != 0) venue_.remove(line.number);
    lines_.erase(lines_.begin() + (&line - lines_.data()));
  }

  replay::Venue& venue_;
  ManualClock& clock_;
  std::vector<Line> lines_;
  std::deque<Ready> ready_;
  replay::SessionNames names_;
  std::array<std::array<uint32_t, legs_max>, sessions_max> last_ids_{};
};

}  // namespace havklo::fuzz
