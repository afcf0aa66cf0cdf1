// Bytes that wait to be sent, in one preallocated piece.
//
// Owns:       its memory, allocated once and touched only as far as it is used.
// Invariants: pending() is contiguous; ordinary appends never take it beyond `bytes_max`, the room
//             behind that belongs to pong and close, which therefore always fit.
// Cost:       an append is a copy; now and then what is pending moves to the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/limits.hpp>
#include <memory>
#include <span>

#include "websocket/frame.hpp"

namespace havklo::websocket {

class OutputBuffer {
 public:
  static constexpr size_t control_frame_bytes_max =
      frame_head_bytes_max + control_payload_bytes_max;
  // Room for the pongs that may wait, one half sent, one in the place of a smaller one, and a close
  // frame.
  static constexpr size_t control_room_bytes = pong_bytes_waiting_max + 3 * control_frame_bytes_max;

  explicit OutputBuffer(uint32_t bytes_max);

  [[nodiscard]] std::span<const std::byte> pending() const {
    return {memory_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool fits(size_t bytes) const { return bytes <= bytes_max_ - used(); }

  // Room for `bytes` at the end; commit() says how many were written. Callers check fits() before,
  // but for control frames.
  [[nodiscard]] std::byte* prepare(size_t bytes);
  void commit(size_t bytes) { end_ += bytes; }

  void consume(size_t bytes);
  void clear();

  // The place in the stream where the next byte will stand, and the removal of bytes that stand
  // there and have not been consumed, not even in part.
  [[nodiscard]] uint64_t end_position() const { return consumed_ + (end_ - begin_); }
  [[nodiscard]] bool is_whole(uint64_t position) const { return position >= consumed_; }
  void remove(uint64_t position, size_t bytes);

 private:
  [[nodiscard]] size_t used() const {
    const size_t bytes = end_ - begin_;
    return bytes < bytes_max_ ? bytes : bytes_max_;
  }

  size_t bytes_max_;
  std::unique_ptr<std::byte[]> memory_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t consumed_ = 0;
};

}  // namespace havklo::websocket
