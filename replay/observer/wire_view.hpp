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
  uint32_t parameter = 0;
  int64_t req_id = 0;
};

// What the venue said to one, as far as it can be understood.
struct SeenAnswer {
  bool subscribe = true;
  bool success = false;
  std::string channel;
  std::string symbol;
  std::string error;
  std::optional<int64_t> req_id;
  std::optional<int64_t> parameter;  // depth or interval, of a success
};

// A trade that it sent.
struct SeenTrade {
  std::string symbol;
  uint64_t id = 0;
  uint64_t message = 0;  // the number of its message on this connection
  bool of_snapshot = false;
  bool readable = false;  // its price has no more digits than a number of ours
};

// A subscription that it acknowledged.
struct SeenAck {
  std::string symbol;
  int64_t req_id = 0;
};

// The venue means the wish itself: no later answer takes that back on the same connection.
[[nodiscard]] inline bool is_final_refusal(std::string_view refusal) {
  return refusal.starts_with("Currency pair") || refusal.starts_with("Pair(s) not found") ||
         refusal.starts_with("Subscription depth");
}

class WireView {
 public:
  // A new connection: what was seen of the last one is forgotten.
  void begin(ConnectionId id, Instant now);

  void on_sent(std::span<const std::byte> bytes, Instant now);
  void on_delivered(const Completion& completion, Instant now);

  ConnectionId id{};
  Instant began;
  Instant upgraded_at = Instant::never();
  Endpoint peer;  // of `opened`
  bool tls_resumed = false;
  Instant last_message_at = Instant::never();  // of the application, a pong left out
  Instant last_heard_at = Instant::never();    // … a pong too, of either kind
  uint16_t http_status = 0;
  std::optional<Duration> retry_after;  // a date against the answer's own
  bool has_retry_date = false;
  Reason ended = Reason::none;  // by the transport
  uint16_t close_code = 0;      // the venue's close frame; 0: none
  uint16_t goodbye_code = 0;    // of our first close frame; 0: none
  bool malformed = false;       // frames or text that no venue may send
  std::vector<SeenRequest> requests;
  uint64_t acks = 0;  // "success":true
  std::vector<SeenAck> subscribed;
  // Since the greeting, for who takes them out.
  std::vector<SeenAnswer> answers;
  std::vector<std::string> book_updates;  // of these symbols
  std::vector<SeenTrade> trades;
  std::vector<std::string> books;  // whole messages, if they are asked for
  bool keeps_books = false;
  uint32_t rate_errors = 0;  // since the greeting

  // Whether the venue's last status was maintenance when something ended at `now`. What was said in
  // that instant may stand before the end or behind it, where nobody reads on: it may have counted,
  // and it need not.
  [[nodiscard]] bool may_say_maintenance(Instant now) const;
  [[nodiscard]] bool surely_says_maintenance(Instant now) const;
  // It has said a status, and whether the last, wherever it stood, was maintenance.
  [[nodiscard]] bool greeted() const { return greeted_; }
  [[nodiscard]] bool last_said_maintenance() const { return maintenance_now_; }

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
  void read_answer(std::string_view text);
  void read_trades(std::string_view rows, bool of_snapshot);

  bool maintenance_before_ = false;  // said last, before the instant of statuses_
  bool maintenance_now_ = false;     // said last
  Statuses statuses_;
  bool greeted_ = false;
  uint64_t messages_ = 0;
  std::string down_;  // not yet whole
  std::string up_;
  bool head_sent_ = false;
};

}  // namespace havklo::replay
