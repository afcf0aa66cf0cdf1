// From header to header, over the payloads; where one is damaged, byte by byte to the next.
#include "replay/recording/block_search.hpp"

#include <algorithm>
#include <cstring>

namespace havklo::replay {
namespace {

constexpr size_t window_bytes = 64 * 1024;

}  // namespace

BlockSearch::BlockSearch(std::istream& file, uint64_t at) : file_(file), base_(at) {
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(at));
  file_.clear();
}

std::optional<BlockHeader> BlockSearch::next() {
  for (;;) {
    if (window_.size() - from_ < BlockHeader::bytes && !fill()) return std::nullopt;
    while (window_.size() - from_ >= BlockHeader::bytes) {
      const auto* const begin = window_.data() + from_;
      const size_t places = window_.size() - from_ - BlockHeader::bytes + 1;
      const void* const place = std::memchr(begin, 'H', places);
      if (place == nullptr) {
        from_ += places;
        break;
      }
      from_ += static_cast<size_t>(static_cast<const std::byte*>(place) - begin);
      BlockHeaderBytes bytes{};
      std::memcpy(bytes.data(), window_.data() + from_, bytes.size());
      if (const auto header = decode_block_header(bytes)) {
        found_at_ = base_ + from_;
        pass_over(BlockHeader::bytes + header->payload_bytes);
        return header;
      }
      ++from_;
    }
  }
}

void BlockSearch::pass_over(uint64_t bytes) {
  const size_t in_window = std::min<uint64_t>(bytes, window_.size() - from_);
  from_ += in_window;
  const uint64_t rest = bytes - in_window;
  if (rest == 0) return;
  base_ += window_.size() + rest;
  window_.clear();
  from_ = 0;
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(base_));
  if (file_.good()) return;
  file_.clear();
  file_.ignore(static_cast<std::streamsize>(rest));
}

// False: nothing more comes.
bool BlockSearch::fill() {
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(from_));
  base_ += from_;
  from_ = 0;
  const size_t kept = window_.size();
  window_.resize(window_bytes);
  file_.read(reinterpret_cast<char*>(window_.data() + kept),
             static_cast<std::streamsize>(window_bytes - kept));
  window_.resize(kept + static_cast<size_t>(file_.gcount()));
  return window_.size() > kept && window_.size() >= BlockHeader::bytes;
}

std::optional<uint64_t> file_size(std::istream& file) {
  file.clear();
  const auto before = file.tellg();
  file.seekg(0, std::ios::end);
  const auto end = file.tellg();
  file.clear();
  if (before < 0 || end < 0) return std::nullopt;
  file.seekg(before);
  return static_cast<uint64_t>(end);
}

uint64_t last_turn_from(std::istream& file, uint64_t at, uint64_t turns) {
  uint64_t last = 0;
  BlockSearch search(file, at);
  while (const auto header = search.next()) {
    const uint64_t until = search.at() + BlockHeader::bytes + header->payload_bytes;
    const uint64_t claimed = header->progress.turns;
    if (claimed > turns && claimed - turns > (until - at) / turn_bytes_min) continue;
    last = std::max(last, claimed);
  }
  return last;
}

}  // namespace havklo::replay
