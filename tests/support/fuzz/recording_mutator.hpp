// Mutations of a recording that reach beyond its checksums: of entries, of heads, of the order of
// blocks, each with the checksums right afterwards, and now and then not.
//
// A mutator of libFuzzer's; the oracles need none of it.
// Owns nothing.   Threads: one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <havklo/random.hpp>
#include <string_view>
#include <vector>

#include "support/fuzz/block_walk.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);

namespace havklo::fuzz {

// What may be changed.
enum class MutationRange : uint8_t {
  everything,
  turns,  // entries of turns alone: the header and the order of blocks stay
};

class RecordingMutator {
 public:
  RecordingMutator(uint64_t seed, MutationRange range) : random_(seed), range_(range) {}

  size_t mutate(uint8_t* data, size_t size, size_t size_max) {
    if (range_ == MutationRange::everything && random_.below(16) == 0) {
      return LLVMFuzzerMutate(data, size, size_max);
    }
    if (!split({data, size})) return LLVMFuzzerMutate(data, size, size_max);
    size_t total = size;
    for (uint64_t count = 1 + random_.below(3); count != 0; --count) change(size_max - total);
    if (range_ == MutationRange::everything && random_.below(4) == 0) shuffle();
    if (random_.below(4) != 0) renumber();
    return join(data, size_max);
  }

 private:
  struct Block {
    std::array<uint8_t, head_bytes> head{};
    std::vector<uint8_t> payload;
  };

  bool split(std::span<const uint8_t> bytes) {
    blocks_.clear();
    size_t at = 0;
    while (const auto block = block_at(bytes, at)) {
      if (block->payload_bytes > bytes.size() - at - head_bytes) break;
      Block copy;
      std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), head_bytes, copy.head.begin());
      const auto payload = bytes.subspan(at + head_bytes, block->payload_bytes);
      copy.payload.assign(payload.begin(), payload.end());
      blocks_.push_back(std::move(copy));
      at += head_bytes + block->payload_bytes;
    }
    rest_.assign(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end());
    return !blocks_.empty();
  }

  Block* pick() {
    if (range_ == MutationRange::everything) return &blocks_[random_.below(blocks_.size())];
    std::vector<Block*> of_turns;
    for (Block& each : blocks_) {
      if (word_at<uint32_t>(each.head, 4) == 1) of_turns.push_back(&each);
    }
    return of_turns.empty() ? nullptr : of_turns[random_.below(of_turns.size())];
  }

  void change(size_t room) {
    Block* const block = pick();
    if (block == nullptr) return;
    if (range_ == MutationRange::everything && random_.below(6) == 0) return change_head(*block);
    const size_t size = block->payload.size();
    const size_t more = std::min<size_t>(room, 64 + size / 8);
    if (size + more == 0) return;
    block->payload.resize(size + more);
    block->payload.resize(LLVMFuzzerMutate(block->payload.data(), size, size + more));
  }

  // Kind, number, time, turns, events, sequence, digest.
  void change_head(Block& block) {
    constexpr std::array<std::pair<size_t, size_t>, 7> fields = {
        {{4, 4}, {12, 4}, {16, 8}, {24, 8}, {32, 8}, {40, 8}, {48, 8}}};
    const auto [at, bytes] = fields[random_.below(fields.size())];
    uint64_t value = 0;
    std::memcpy(&value, block.head.data() + at, bytes);
    switch (random_.below(4)) {
      case 0:
        ++value;
        break;
      case 1:
        --value;
        break;
      case 2:
        value ^= uint64_t{1} << random_.below(8 * bytes);
        break;
      default:
        value = random_.below(4);
        break;
    }
    std::memcpy(block.head.data() + at, &value, bytes);
  }

  void shuffle() {
    const size_t one = random_.below(blocks_.size());
    const size_t other = random_.below(blocks_.size());
    switch (random_.below(4)) {
      case 0:
        std::swap(blocks_[one], blocks_[other]);
        break;
      case 1:
        blocks_.erase(blocks_.begin() + static_cast<ptrdiff_t>(one));
        break;
      case 2:
        blocks_.push_back(blocks_[one]);
        break;
      default:
        blocks_.resize(one + 1);
        rest_.clear();
        break;
    }
  }

  // Blocks are numbered from 0 in each file.
  void renumber() {
    uint32_t number = 0;
    for (Block& each : blocks_) {
      if (word_at<uint32_t>(each.head, 4) == 0) number = 0;
      put_word(std::span<uint8_t>(each.head), 12, number++);
    }
  }

  size_t join(uint8_t* data, size_t size_max) {
    const bool mends = random_.below(8) != 0;
    std::vector<uint8_t> all;
    size_t file_begins = 0;
    for (Block& each : blocks_) {
      put_word(std::span<uint8_t>(each.head), 8, static_cast<uint32_t>(each.payload.size()));
      const size_t at = all.size();
      all.insert(all.end(), each.head.begin(), each.head.end());
      all.insert(all.end(), each.payload.begin(), each.payload.end());
      if (word_at<uint32_t>(each.head, 4) == 0) file_begins = at;
      // A closing block ends with where it begins in its file.
      if (word_at<uint32_t>(each.head, 4) == 2 && each.payload.size() >= 24) {
        put_word(std::span<uint8_t>(all), all.size() - 8, uint64_t{at - file_begins});
      }
      if (mends || range_ == MutationRange::turns) mend_checksums(all, at);
    }
    all.insert(all.end(), rest_.begin(), rest_.end());
    const size_t size = std::min(all.size(), size_max);
    std::copy_n(all.begin(), size, data);
    return size;
  }

  Random random_;
  MutationRange range_;
  std::vector<Block> blocks_;
  std::vector<uint8_t> rest_;  // behind the last whole block
};

}  // namespace havklo::fuzz
