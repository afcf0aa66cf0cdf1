// What an eavesdropper above TLS learns of one connection: both directions, read on its own.
//
// Written apart from engine/websocket and engine/kraken on purpose: it judges them.
// Owns:    what it has seen so far, and the bytes of a frame that is not whole yet.
// Threads: one.
// Cost:    a pass over the bytes; nothing is copied while frames come whole.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

// A request as the client wrote it.
struct SeenRequest {
  Instant at;
  bool subscribe = true;
  Channel channel = Channel::book;
  std::vector<std::string> symbols;
};

class WireView {
 public:
  // A new connection: what was seen of the last one is forgotten.
  void begin(ConnectionId id, Instant now);

  void on_sent(std::span<const std::byte> bytes, Instant now);
  void on_delivered(const Completion& completion, Instant now);

  ConnectionId id{};
  Instant began;
  Instant upgraded_at = Instant::never();
  Instant last_message_at = Instant::never();  // of the application, a pong left out
  uint16_t http_status = 0;
  std::optional<Duration> retry_after;  // in seconds, of a 429 or 503
  bool has_retry_date = false;
  Reason ended = Reason::none;  // by the transport
  uint16_t close_code = 0;      // the venue's close frame; 0: none
  bool malformed = false;       // frames or text that no venue may send
  std::vector<SeenRequest> requests;
  uint64_t acks = 0;  // "success":true

  // Whether the venue's last status was maintenance when something ended at `now`. What was said in
  // that instant may stand before the end or behind it, where nobody reads on: it may have counted,
  // and it need not.
  [[nodiscard]] bool may_say_maintenance(Instant now) const;
  [[nodiscard]] bool surely_says_maintenance(Instant now) const;

 private:
  // What the statuses of one instant were.
  struct Statuses {
    Instant at = Instant::never();
    bool maintenance = false;
    bool other = false;
  };

  void read_head();
  void read_frames(std::string_view& bytes, Instant now);
  void read_text(std::string_view text, Instant now);
  void read_request(std::string_view text, Instant now);
  void note_status(bool maintenance, Instant now);

  bool maintenance_before_ = false;  // said last, before the instant of statuses_
  bool maintenance_now_ = false;     // said last
  Statuses statuses_;
  std::string down_;  // not yet whole
  std::string up_;
  bool head_sent_ = false;
};

}  // namespace havklo::replay
