// One WebSocket connection as a state machine: bytes in, messages and bytes out.
//
// Owns:       the place in the stream, the message being put together, the bytes to be sent.
// Not owned:  the byte stream, time (deadlines are the session's), the keys that mask.
// Threads:    one. Callbacks come from inside receive(); they may call send_*, fail() and
//             refuse_upgrade(), but not start_*, receive() or consume_output().
// Invariants: the callbacks do not depend on how the stream was cut into reads; errors are sticky;
//             after our close frame only pongs are sent, after the peer's nothing; of pongs at most
//             pong_bytes_waiting_max wait.
// Cost:       memory is allocated in the constructor and for the handshake only. A text frame that
//             lies whole in one read, with no message under way, is delivered where it lies: no
//             copy. What a read cut, or a mask covers, or came in fragments, is copied once.
// Source:     RFC 6455.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "websocket/close_code.hpp"
#include "websocket/error.hpp"
#include "websocket/frame.hpp"
#include "websocket/handshake.hpp"
#include "websocket/mask_keys.hpp"
#include "websocket/output_buffer.hpp"
#include "websocket/utf8.hpp"

namespace havklo {
class Random;
}

namespace havklo::websocket {

class Connection {
 public:
  enum class State : uint8_t {
    handshaking,
    open,
    closing_sent,      // our close frame is queued or sent, the peer's has not come: still reading
    closing_received,  // the peer closed; our answer waits in output()
    closed,            // both, or failed, stopped, refused, not started: nothing more is read
  };

  Connection(Role role, uint32_t message_bytes_max, uint32_t output_bytes_max = send_buffer_bytes);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Forgets the last connection and puts the upgrade request into output(). `host` is a name or an
  // address (an IPv6 one gets its brackets), `path` begins with "/" and may carry a query; neither
  // holds white space or control characters (the settings were checked). `default_port`: leave the
  // port out of the Host header. `random` gives Sec-WebSocket-Key, `masks` mask; both must outlive
  // the connection. For each frame sent while open `random` takes a step for nothing: once the
  // masks came of it, and recordings of that time count on where it stands.
  void start_client(std::string_view host, uint16_t port, bool default_port, std::string_view path,
                    Random& random, MaskKeys& masks);

  // Forgets the last connection and waits for an upgrade request.
  void start_server();

  // Takes what the network gave. `bytes` must be followed by receive_padding readable bytes. Calls
  //   - bool on_open(const UpgradeResult&): a server's 101 is already queued, so sending is fine
  //   - bool on_text(std::string_view): valid UTF-8, receive_padding readable bytes behind it
  //   - bool on_binary(std::span<const std::byte>)
  //   - bool on_ping(std::span<const std::byte>): the pong is already queued
  //   - bool on_pong(std::span<const std::byte>)
  //   - bool on_close(uint16_t code, std::string_view reason): 1005: no code; the answer is queued
  //
  // in the order of the stream. A callback that returns false stops everything: the rest is
  // dropped, the state is closed. Views are valid during the call. On an error the caller sends
  // fail(error) and drops the stream; a server that refuses an upgrade has its answer in output()
  // already.
  template <class Handler>
  [[nodiscard]] Error receive(std::span<const std::byte> bytes, Handler& handler);

  // Queue a message; false when it does not fit, or when nothing may be sent now (not open, or
  // closing).
  bool send_text(std::string_view text);  // false also for what is not UTF-8 (8.1)
  bool send_binary(std::span<const std::byte> payload);
  // At most 125 bytes.
  bool send_ping(std::span<const std::byte> payload);
  // Queues our close frame, once; it always fits. close_none sends none of both; a reason longer
  // than 123 bytes is cut at a character. Not open: nothing is queued, the connection is closed.
  // False, and nothing happens: the code must not be on the wire (7.4), or the reason is not UTF-8.
  bool send_close(uint16_t code, std::string_view reason);
  // Ends the connection for an error: queues close(close_code_for(error)) if it was open, and reads
  // nothing more.
  void fail(Error error);
  // Ends the connection without a word: what is queued may still leave, nothing more is read or
  // queued. For a stream that ended; the next one has begun only with start_client().
  void stop();
  // A server, from on_open: answers with this status instead of 101, and closes. `extra_header` is
  // "" or whole lines, as "Retry-After: 5\r\n".
  void refuse_upgrade(uint16_t status, std::string_view extra_header);

  [[nodiscard]] std::span<const std::byte> output() const { return output_.pending(); }
  void consume_output(size_t bytes);

  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Error error() const { return error_; }
  // Of the last answer to an upgrade request; 0 while there is none.
  [[nodiscard]] uint16_t http_status() const { return http_status_; }
  // Of an answer other than 101; none when absent or not understood.
  [[nodiscard]] std::optional<Duration> retry_after() const { return retry_after_; }

 private:
  struct Input {
    const std::byte* next;
    const std::byte* end;
    [[nodiscard]] size_t left() const { return static_cast<size_t>(end - next); }
  };
  struct Delivery {
    enum class Kind : uint8_t { nothing, failed, opened, text, binary, ping, pong, close };
    Kind kind = Kind::nothing;
    uint16_t close_code = 0;
    std::span<const std::byte> payload;
  };

  // Connection, byte by byte: consumes input up to the next delivery, or all of it.
  Delivery advance(Input& in);
  Delivery advance_handshake(Input& in);
  Delivery advance_frame(Input& in);
  bool take_frame_head(Input& in);  // true: a frame has begun
  bool begin_frame(const FrameHead& head);
  Delivery take_control(Input& in);
  Delivery take_data(Input& in);
  Delivery finish_control(std::span<const std::byte> payload);
  Delivery finish_close(std::span<const std::byte> payload);
  Delivery finish_data();
  Delivery finish_client_head(std::string_view head);
  Delivery finish_server_head(std::string_view head);
  Delivery failed(Error error);
  void reset();
  void update_plain();
  void queue_pong(std::span<const std::byte> payload);
  void queue_close(uint16_t code, std::string_view reason);
  size_t queue_frame(Opcode opcode, std::span<const std::byte> payload);
  bool send_message(Opcode opcode, std::span<const std::byte> payload);
  void queue_text(std::string_view text);
  template <class Handler>
  [[nodiscard]] bool deliver(const Delivery& delivery, Handler& handler);
  // The next frame is a whole text message in place, to the end of `text`. Cold cases answer false.
  [[nodiscard]] bool is_plain_text(Input in, std::string_view& text) const;
  // Any other piece of the stream; false: an error, or nothing more to read.
  template <class Handler>
  [[nodiscard, gnu::noinline]] bool receive_other(Input& in, Handler& handler, Error& error);

  // Hot: read for every message. `plain_` says that a frame may begin and be delivered in place: a
  // client, open, nothing half read.
  bool plain_ = false;
  Role role_;
  State state_ = State::closed;
  Error error_ = Error::none;
  uint32_t message_bytes_max_;

  // The frame being read.
  bool frame_open_ = false;
  bool message_open_ = false;
  Opcode message_opcode_ = Opcode::text;
  uint8_t head_bytes_ = 0;
  uint16_t http_status_ = 0;
  FrameHead frame_;
  uint64_t frame_taken_ = 0;
  size_t message_bytes_ = 0;
  Utf8Validator utf8_;
  std::unique_ptr<std::byte[]> message_;  // message_bytes_max + receive_padding
  std::array<std::byte, frame_head_bytes_max> head_{};
  std::array<std::byte, control_payload_bytes_max + receive_padding> control_{};

  OutputBuffer output_;
  // The newest pong, and all that wait: counted anew when that one has begun to leave.
  uint64_t pong_position_ = 0;
  size_t pong_bytes_ = 0;  // 0: none queued
  size_t pong_bytes_waiting_ = 0;
  Random* random_ = nullptr;
  MaskKeys* masks_ = nullptr;  // a client's

  // The handshake.
  std::unique_ptr<char[]> http_head_;  // http_head_bytes_max
  size_t http_bytes_ = 0;              // of the head being read
  size_t http_line_begin_ = 0;
  size_t http_budget_bytes_ =
      0;  // what further heads (1xx answers come before the real one) may take
  std::array<char, accept_chars> accept_{};
  UpgradeResult upgrade_;
  std::optional<Duration> retry_after_;
};

inline bool Connection::is_plain_text(Input in, std::string_view& text) const {
  const size_t have = in.left();
  if (have < 2 || in.next[0] != std::byte{0x81}) return false;  // FIN, text
  size_t length = static_cast<size_t>(in.next[1]);
  size_t head = 2;
  if (length > 125) {
    if (length != 126 || have < 4) return false;
    length = static_cast<size_t>(in.next[2]) << 8 | static_cast<size_t>(in.next[3]);
    if (length < 126) return false;
    head = 4;
  }
  if (have - head < length || length > message_bytes_max_) return false;
  text = {reinterpret_cast<const char*>(in.next) + head, length};
  return is_ascii(text) || is_utf8(text);
}

template <class Handler>
bool Connection::deliver(const Delivery& delivery, Handler& handler) {
  const std::string_view text{reinterpret_cast<const char*>(delivery.payload.data()),
                              delivery.payload.size()};
  switch (delivery.kind) {
    case Delivery::Kind::opened:
      return handler.on_open(std::as_const(upgrade_));
    case Delivery::Kind::text:
      return handler.on_text(text);
    case Delivery::Kind::binary:
      return handler.on_binary(delivery.payload);
    case Delivery::Kind::ping:
      return handler.on_ping(delivery.payload);
    case Delivery::Kind::pong:
      return handler.on_pong(delivery.payload);
    case Delivery::Kind::close:
      return handler.on_close(delivery.close_code, text);
    case Delivery::Kind::nothing:
    case Delivery::Kind::failed:
      break;
  }
  return true;
}

template <class Handler>
Error Connection::receive(std::span<const std::byte> bytes, Handler& handler) {
  const std::byte* next = bytes.data();
  const std::byte* const end = next + bytes.size();
  for (;;) {
    while (plain_ && next != end) {
      std::string_view text;
      if (!is_plain_text({next, end}, text)) break;
      next = reinterpret_cast<const std::byte*>(text.data() + text.size());
      if (!handler.on_text(text)) {
        stop();
        return Error::none;
      }
    }
    if (plain_ && next == end) return Error::none;  // the usual end of a read
    Input rest{next, end};
    Error error = Error::none;
    if (!receive_other(rest, handler, error)) return error;
    next = rest.next;
  }
}

template <class Handler>
bool Connection::receive_other(Input& in, Handler& handler, Error& error) {
  const Delivery delivery = advance(in);
  if (delivery.kind == Delivery::Kind::nothing) return false;
  if (delivery.kind == Delivery::Kind::failed) {
    error = error_;
    return false;
  }
  const bool goes_on = deliver(delivery, handler);
  if (!goes_on) stop();
  return goes_on;
}

}  // namespace havklo::websocket
