// What a venue says on one connection, cut into what it is made of: an HTTP head, then frames.
//
// Unlike websocket::Connection it has sent nothing itself, so it holds no answer against a request;
// what is no frame ends the reading.
// Owns:    the bytes that are not whole yet.
// Threads: one.
// Cost:    a copy of everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "websocket/frame.hpp"

namespace havklo::replay {

class DownStream {
 public:
  // `sink` has on_head(string), on_text(string&), on_close(code, reason).
  template <class Sink>
  void take(std::span<const std::byte> bytes, Sink& sink) {
    pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!head_done_) {
      const size_t end = pending_.find("\r\n\r\n");
      if (end == std::string::npos) return;
      head_done_ = true;
      sink.on_head(pending_.substr(0, end + 4));
      pending_.erase(0, end + 4);
    }
    while (!broken_ && take_frame(sink)) continue;
    pending_.erase(0, taken_);
    taken_ = 0;
  }

  // What came of a head or a frame that is not whole yet.
  [[nodiscard]] const std::string& unfinished() const { return pending_; }

 private:
  template <class Sink>
  bool take_frame(Sink& sink) {
    const std::string_view rest = std::string_view(pending_).substr(taken_);
    const auto parsed = websocket::parse_frame_head(std::as_bytes(std::span(rest)),
                                                    websocket::Role::client, message_open_);
    broken_ = parsed.error != websocket::Error::none;
    if (broken_ || parsed.bytes == 0) return false;
    if (rest.size() - parsed.bytes < parsed.head.payload_bytes) return false;
    const std::string payload(rest.substr(parsed.bytes, parsed.head.payload_bytes));
    taken_ += parsed.bytes + payload.size();
    if (parsed.head.opcode == websocket::Opcode::close) {
      uint16_t code = 1005;
      if (payload.size() >= 2) {
        code = static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8U |
                                     static_cast<uint8_t>(payload[1]));
      }
      sink.on_close(code, payload.size() > 2 ? payload.substr(2) : std::string());
    }
    if (websocket::is_control(parsed.head.opcode)) return true;
    message_ += payload;
    message_open_ = !parsed.head.fin;
    if (parsed.head.fin) {
      sink.on_text(message_);
      message_.clear();
    }
    return true;
  }

  std::string pending_;
  size_t taken_ = 0;  // of pending_
  std::string message_;
  bool head_done_ = false;
  bool message_open_ = false;
  bool broken_ = false;
};

}  // namespace havklo::replay
