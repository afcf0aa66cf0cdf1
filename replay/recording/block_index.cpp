// Thinned out as it grows.
#include "replay/recording/block_index.hpp"

#include <cstring>

namespace havklo::replay {

BlockIndex::BlockIndex() { entries_.reserve(capacity); }

void BlockIndex::clear() {
  entries_.clear();
  stride_ = 1;
  until_next_ = 0;
}

void BlockIndex::add(const IndexEntry& entry) {
  if (until_next_ != 0) {
    --until_next_;
    return;
  }
  if (entries_.size() == capacity) thin_out();
  entries_.push_back(entry);
  until_next_ = stride_ - 1;
}

void BlockIndex::thin_out() {
  const size_t kept = (entries_.size() + 1) / 2;
  for (size_t i = 1; i < kept; ++i) entries_[i] = entries_[2 * i];
  entries_.resize(kept);
  stride_ *= 2;
}

void BlockIndex::drop_from(uint64_t offset) {
  while (!entries_.empty() && entries_.back().offset >= offset) entries_.pop_back();
}

size_t BlockIndex::write_closing(std::byte* out, ClosingReason reason, int32_t os_error,
                                 uint64_t offset, size_t padding) const {
  std::byte* at = out;
  const auto put = [&at](const auto& value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(reason);
  put(os_error);
  put(stride_);
  put(static_cast<uint32_t>(entries_.size()));
  for (const IndexEntry& entry : entries_) {
    put(entry.offset);
    put(entry.time.ns);
    put(entry.turns);
    put(entry.sequence);
  }
  std::memset(at, 0, padding);
  at += padding;
  put(offset);
  return static_cast<size_t>(at - out);
}

std::optional<Closing> read_closing(std::span<const std::byte> payload) {
  ByteReader bytes(payload);
  Closing closing;
  const auto reason = bytes.fixed<uint32_t>();
  closing.os_error = bytes.fixed<int32_t>();
  closing.stride = bytes.fixed<uint32_t>();
  const auto count = bytes.fixed<uint32_t>();
  if (bytes.failed() || reason >= closing_reason_count || count > BlockIndex::capacity ||
      bytes.left() < count * IndexEntry::bytes + sizeof(uint64_t)) {
    return std::nullopt;
  }
  closing.reason = static_cast<ClosingReason>(reason);
  closing.entries.resize(count);
  for (IndexEntry& entry : closing.entries) {
    entry.offset = bytes.fixed<uint64_t>();
    entry.time.ns = bytes.fixed<int64_t>();
    entry.turns = bytes.fixed<uint64_t>();
    entry.sequence = bytes.fixed<uint64_t>();
  }
  return closing;
}

}  // namespace havklo::replay
