// One WebSocket connection as a state machine: what reads.
#include "websocket/connection.hpp"

#include <algorithm>
#include <cstring>

#include "websocket/http_head.hpp"
#include "websocket/mask.hpp"

namespace havklo::websocket {
namespace {

constexpr std::string_view answer_prefix = "HTTP/1.";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Connection::Connection(Role role, uint32_t message_bytes_max, uint32_t output_bytes_max)
    : role_(role),
      message_bytes_max_(message_bytes_max),
      message_(
          std::make_unique_for_overwrite<std::byte[]>(size_t{message_bytes_max} + receive_padding)),
      output_(output_bytes_max),
      http_head_(std::make_unique_for_overwrite<char[]>(http_head_bytes_max)) {}

void Connection::reset() {
  state_ = State::handshaking;
  error_ = Error::none;
  frame_open_ = false;
  message_open_ = false;
  head_bytes_ = 0;
  message_bytes_ = 0;
  utf8_.reset();
  output_.clear();
  pong_bytes_ = pong_bytes_waiting_ = 0;
  http_status_ = 0;
  http_bytes_ = 0;
  http_line_begin_ = 0;
  http_budget_bytes_ = http_head_bytes_max;
  upgrade_ = {};
  retry_after_.reset();
  update_plain();
}

void Connection::update_plain() {
  const bool reading = state_ == State::open || state_ == State::closing_sent;
  plain_ = role_ == Role::client && reading && error_ == Error::none && !frame_open_ &&
           !message_open_ && head_bytes_ == 0;
}

Connection::Delivery Connection::failed(Error error) {
  error_ = error;
  return {Delivery::Kind::failed, 0, {}};
}

Connection::Delivery Connection::advance(Input& in) {
  if (error_ != Error::none) return {Delivery::Kind::failed, 0, {}};
  Delivery delivery;
  switch (state_) {
    case State::handshaking:
      delivery = advance_handshake(in);
      break;
    case State::open:
    case State::closing_sent:
      delivery = advance_frame(in);
      break;
    case State::closing_received:
    case State::closed:
      in.next = in.end;
      break;
  }
  update_plain();
  return delivery;
}

Connection::Delivery Connection::advance_handshake(Input& in) {
  while (in.next < in.end) {
    Error error = Error::none;
    const char c = static_cast<char>(*in.next++);
    if (http_bytes_ == http_budget_bytes_) {
      error = Error::http_head_too_big;
    } else {
      http_head_[http_bytes_++] = c;
      // What is not HTTP at all is refused at once; it may never send a line's end.
      const bool in_prefix = role_ == Role::client && http_bytes_ <= answer_prefix.size();
      if (in_prefix && c != answer_prefix[http_bytes_ - 1]) error = Error::http_malformed;
    }
    const bool line_ended = error == Error::none && c == '\n';
    if (line_ended && (http_bytes_ < 2 || http_head_[http_bytes_ - 2] != '\r')) {
      error = Error::http_malformed;
    }
    if (error != Error::none) {
      if (role_ == Role::server) {
        queue_text(server_refuses(error));
        state_ = State::closed;
      }
      return failed(error);
    }
    if (!line_ended) continue;
    const bool head_ended = http_bytes_ - http_line_begin_ == 2;
    http_line_begin_ = http_bytes_;
    if (!head_ended) continue;
    const std::string_view head{http_head_.get(), http_bytes_};
    const Delivery delivery =
        role_ == Role::client ? finish_client_head(head) : finish_server_head(head);
    if (delivery.kind != Delivery::Kind::nothing) return delivery;
  }
  return {};
}

Connection::Delivery Connection::finish_client_head(std::string_view head) {
  unfold({http_head_.get(), head.size()});
  const ServerAnswer answer = parse_server_answer(head, {accept_.data(), accept_.size()});
  http_status_ = answer.http_status;
  retry_after_ = answer.retry_after;
  if (answer.error != Error::none) return failed(answer.error);
  if (answer.interim()) {
    http_budget_bytes_ -= http_bytes_;
    http_bytes_ = 0;
    http_line_begin_ = 0;
    return {};
  }
  upgrade_.http_status = answer.http_status;
  state_ = State::open;
  return {Delivery::Kind::opened, 0, {}};
}

Connection::Delivery Connection::finish_server_head(std::string_view head) {
  const ClientHello hello = parse_client_request(head);
  if (hello.error != Error::none) {
    queue_text(server_refuses(hello.error));
    state_ = State::closed;
    return failed(hello.error);
  }
  queue_text(server_accepts({hello.accept.data(), hello.accept.size()}));
  http_status_ = 101;
  upgrade_ = {.http_status = 101, .path = hello.path, .host = hello.host};
  state_ = State::open;
  return {Delivery::Kind::opened, 0, {}};
}

Connection::Delivery Connection::advance_frame(Input& in) {
  for (;;) {
    if (!frame_open_ && !take_frame_head(in)) {
      return error_ == Error::none ? Delivery{} : failed(error_);
    }
    const Delivery delivery = is_control(frame_.opcode) ? take_control(in) : take_data(in);
    if (delivery.kind != Delivery::Kind::nothing || frame_open_) return delivery;
  }
}

bool Connection::take_frame_head(Input& in) {
  ParsedHead parsed;
  if (head_bytes_ == 0) {
    parsed = parse_frame_head({in.next, in.end}, role_, message_open_);
    in.next += parsed.bytes;
  }
  // A head cut by the end of a read is put together byte by byte.
  while (parsed.bytes == 0 && parsed.error == Error::none && in.next < in.end) {
    head_[head_bytes_++] = *in.next++;
    parsed = parse_frame_head({head_.data(), head_bytes_}, role_, message_open_);
  }
  if (parsed.error != Error::none) {
    error_ = parsed.error;
    return false;
  }
  if (parsed.bytes == 0) return false;
  head_bytes_ = 0;
  return begin_frame(parsed.head);
}

bool Connection::begin_frame(const FrameHead& head) {
  frame_ = head;
  frame_taken_ = 0;
  if (!is_control(head.opcode)) {
    const size_t before = head.opcode == Opcode::continuation ? message_bytes_ : 0;
    if (head.payload_bytes > message_bytes_max_ - before) {
      error_ = Error::message_too_big;
      return false;
    }
    if (head.opcode != Opcode::continuation) {
      message_opcode_ = head.opcode;
      message_bytes_ = 0;
      utf8_.reset();
      message_open_ = true;
    }
  }
  frame_open_ = true;
  return true;
}

Connection::Delivery Connection::take_control(Input& in) {
  const auto size = static_cast<size_t>(frame_.payload_bytes);
  if (frame_taken_ == 0 && !frame_.masked && in.left() >= size) {
    const std::span<const std::byte> payload{in.next, size};
    in.next += size;
    return finish_control(payload);
  }
  const auto taken = static_cast<size_t>(frame_taken_);
  const size_t now = std::min(in.left(), size - taken);
  if (frame_.masked) {
    mask_bytes(control_.data() + taken, in.next, now, frame_.mask_key, frame_taken_);
  } else {
    std::copy_n(in.next, now, control_.data() + taken);
  }
  in.next += now;
  frame_taken_ += now;
  if (frame_taken_ < frame_.payload_bytes) return {};
  return finish_control({control_.data(), size});
}

Connection::Delivery Connection::take_data(Input& in) {
  const bool text = message_opcode_ == Opcode::text;
  const bool alone = frame_.fin && frame_.opcode != Opcode::continuation;
  if (alone && frame_taken_ == 0 && !frame_.masked && in.left() >= frame_.payload_bytes) {
    const std::span<const std::byte> payload{in.next, static_cast<size_t>(frame_.payload_bytes)};
    if (text && !is_ascii(as_text(payload)) && !is_utf8(as_text(payload))) {
      return failed(Error::invalid_utf8);
    }
    in.next += payload.size();
    frame_open_ = false;
    message_open_ = false;
    return {text ? Delivery::Kind::text : Delivery::Kind::binary, 0, payload};
  }
  const uint64_t missing = frame_.payload_bytes - frame_taken_;
  const size_t now = static_cast<size_t>(std::min<uint64_t>(in.left(), missing));
  std::byte* const to = message_.get() + message_bytes_;
  if (frame_.masked) {
    mask_bytes(to, in.next, now, frame_.mask_key, frame_taken_);
  } else {
    std::copy_n(in.next, now, to);
  }
  in.next += now;
  frame_taken_ += now;
  message_bytes_ += now;
  if (text && !utf8_.feed(as_text({to, now}))) return failed(Error::invalid_utf8);
  if (frame_taken_ < frame_.payload_bytes) return {};
  frame_open_ = false;
  return frame_.fin ? finish_data() : Delivery{};
}

Connection::Delivery Connection::finish_data() {
  message_open_ = false;
  const bool text = message_opcode_ == Opcode::text;
  if (text && !utf8_.complete()) return failed(Error::invalid_utf8);
  return {
      text ? Delivery::Kind::text : Delivery::Kind::binary, 0, {message_.get(), message_bytes_}};
}

Connection::Delivery Connection::finish_control(std::span<const std::byte> payload) {
  frame_open_ = false;
  switch (frame_.opcode) {
    case Opcode::ping:
      queue_pong(payload);  // also when we have closed: the peer has not (5.5.2)
      return {Delivery::Kind::ping, 0, payload};
    case Opcode::pong:
      return {Delivery::Kind::pong, 0, payload};
    default:
      return finish_close(payload);
  }
}

Connection::Delivery Connection::finish_close(std::span<const std::byte> payload) {
  if (payload.size() == 1) return failed(Error::close_body_one_byte);
  Delivery delivery{Delivery::Kind::close, close_none, {}};
  if (!payload.empty()) {
    delivery.close_code = static_cast<uint16_t>(static_cast<uint32_t>(payload[0]) << 8 |
                                                static_cast<uint32_t>(payload[1]));
    delivery.payload = payload.subspan(2);
    if (!close_code_may_be_sent(delivery.close_code)) return failed(Error::close_code_invalid);
    if (!is_utf8(as_text(delivery.payload))) return failed(Error::close_reason_invalid_utf8);
  }
  if (state_ == State::closing_sent) {
    state_ = State::closed;
    return delivery;
  }
  queue_frame(Opcode::close, payload.first(std::min<size_t>(payload.size(), 2)));
  state_ = State::closing_received;
  return delivery;
}

}  // namespace havklo::websocket
