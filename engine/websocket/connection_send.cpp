// One WebSocket connection as a state machine: what starts, sends and ends.
#include <algorithm>
#include <array>
#include <cstring>
#include <havklo/random.hpp>

#include "websocket/connection.hpp"
#include "websocket/mask.hpp"

namespace havklo::websocket {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

void Connection::start_client(std::string_view host, uint16_t port, bool default_port,
                              std::string_view path, Random& random, MaskKeys& masks) {
  reset();
  random_ = &random;
  masks_ = &masks;
  ClientRequest request{host, port, default_port, path, {}};
  for (size_t i = 0; i < key_bytes; i += 8) {
    const uint64_t word = random.next_u64();
    for (size_t j = 0; j < 8; ++j) request.key[i + j] = static_cast<std::byte>(word >> (8 * j));
  }
  queue_text(client_request(request, accept_));
}

void Connection::start_server() {
  reset();
  random_ = nullptr;
  masks_ = nullptr;
}

void Connection::queue_text(std::string_view text) {
  if (!output_.fits(text.size())) {  // only with names of many thousand letters
    error_ = Error::http_head_too_big;
    state_ = State::closed;
    return;
  }
  std::copy_n(as_bytes(text).data(), text.size(), output_.prepare(text.size()));
  output_.commit(text.size());
}

size_t Connection::queue_frame(Opcode opcode, std::span<const std::byte> payload) {
  FrameHead head;
  head.payload_bytes = payload.size();
  head.opcode = opcode;
  head.fin = true;
  head.masked = role_ == Role::client;
  if (head.masked) {
    head.mask_key = masks_->next();
    if (state_ == State::open) static_cast<void>(random_->next_u64());
  }
  std::byte* const out = output_.prepare(frame_head_bytes_max + payload.size());
  const size_t head_bytes = encode_frame_head(head, out);
  if (head.masked) {
    mask_bytes(out + head_bytes, payload.data(), payload.size(), head.mask_key, 0);
  } else {
    std::copy_n(payload.data(), payload.size(), out + head_bytes);
  }
  output_.commit(head_bytes + payload.size());
  return head_bytes + payload.size();
}

// Each ping has its pong; at the bound the newest one gives way to the next (5.5.3), so that a
// flood of pings cannot make the queue grow. When the newest has begun to leave, those before it
// have left.
void Connection::queue_pong(std::span<const std::byte> payload) {
  const bool newest_waits = pong_bytes_ != 0 && output_.is_whole(pong_position_);
  if (!newest_waits) pong_bytes_waiting_ = 0;
  if (pong_bytes_waiting_ + OutputBuffer::control_frame_bytes_max > pong_bytes_waiting_max) {
    output_.remove(pong_position_, pong_bytes_);
    pong_bytes_waiting_ -= pong_bytes_;
  }
  pong_position_ = output_.end_position();
  pong_bytes_ = queue_frame(Opcode::pong, payload);
  pong_bytes_waiting_ += pong_bytes_;
}

bool Connection::send_message(Opcode opcode, std::span<const std::byte> payload) {
  if (state_ != State::open || error_ != Error::none) return false;
  if (!output_.fits(payload.size()) || !output_.fits(payload.size() + frame_head_bytes_max)) {
    return false;
  }
  queue_frame(opcode, payload);
  return true;
}

bool Connection::send_text(std::string_view text) {
  return (is_ascii(text) || is_utf8(text)) && send_message(Opcode::text, as_bytes(text));
}

bool Connection::send_binary(std::span<const std::byte> payload) {
  return send_message(Opcode::binary, payload);
}

bool Connection::send_ping(std::span<const std::byte> payload) {
  return payload.size() <= control_payload_bytes_max && send_message(Opcode::ping, payload);
}

bool Connection::send_close(uint16_t code, std::string_view reason) {
  if (code != close_none && !close_code_may_be_sent(code)) return false;
  if (!is_utf8(reason)) return false;
  if (state_ == State::handshaking) state_ = State::closed;
  if (state_ == State::open) {
    queue_close(code, reason);
    state_ = State::closing_sent;
  }
  update_plain();
  return true;
}

void Connection::queue_close(uint16_t code, std::string_view reason) {
  std::array<std::byte, control_payload_bytes_max> payload;
  size_t size = 0;
  if (code != close_none) {
    size_t length = reason.size();
    if (length > control_payload_bytes_max - 2) {
      length = control_payload_bytes_max - 2;
      while (length > 0 && (static_cast<uint8_t>(reason[length]) & 0xC0) == 0x80) --length;
    }
    payload[0] = static_cast<std::byte>(code >> 8);
    payload[1] = static_cast<std::byte>(code & 0xFF);
    std::copy_n(as_bytes(reason).data(), length, payload.data() + 2);
    size = 2 + length;
  }
  queue_frame(Opcode::close, {payload.data(), size});
}

void Connection::fail(Error error) {
  send_close(close_code_for(error), to_string(error));
  if (error_ == Error::none) error_ = error;
  stop();
}

void Connection::refuse_upgrade(uint16_t status, std::string_view extra_header) {
  output_.clear();
  pong_bytes_ = pong_bytes_waiting_ = 0;
  queue_text(server_refuses(status, extra_header));
  http_status_ = status;
  stop();
}

void Connection::stop() {
  state_ = State::closed;
  update_plain();
}

void Connection::consume_output(size_t bytes) {
  output_.consume(bytes);
  if (state_ == State::closing_received && output_.pending().empty()) state_ = State::closed;
}

}  // namespace havklo::websocket
