// Bytes that wait to be sent, in one preallocated piece.
#include "websocket/output_buffer.hpp"

#include <cstring>
#include <havklo/assert.hpp>

namespace havklo::websocket {

OutputBuffer::OutputBuffer(uint32_t bytes_max)
    : bytes_max_(bytes_max),
      memory_(std::make_unique_for_overwrite<std::byte[]>(bytes_max + control_room_bytes)) {}

std::byte* OutputBuffer::prepare(size_t bytes) {
  const size_t capacity = bytes_max_ + control_room_bytes;
  const size_t waiting = end_ - begin_;
  HAVKLO_ASSERT(bytes <= capacity - waiting);
  if (capacity - end_ < bytes) {
    std::memmove(memory_.get(), memory_.get() + begin_, waiting);
    begin_ = 0;
    end_ = waiting;
  }
  return memory_.get() + end_;
}

void OutputBuffer::consume(size_t bytes) {
  HAVKLO_ASSERT(bytes <= end_ - begin_);
  begin_ += bytes;
  consumed_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void OutputBuffer::clear() { consume(end_ - begin_); }

void OutputBuffer::remove(uint64_t position, size_t bytes) {
  HAVKLO_ASSERT(is_whole(position) && position + bytes <= end_position());
  std::byte* const hole = memory_.get() + begin_ + (position - consumed_);
  const std::byte* const behind = hole + bytes;
  std::memmove(hole, behind, static_cast<size_t>(memory_.get() + end_ - behind));
  end_ -= bytes;
}

}  // namespace havklo::websocket
