// The memory that the books of a recording ask for: its header wishes some, and commands more.
//
// A wish has some bytes in a file and its book, at full depth, a hundred kilobytes in an engine. So
// what a file may ask for is bounded by its size, with enough beside it for every pair of the venue
// at full depth in the first moments of a recording. Of several legs each has a copy, and what was
// published is one more.
// Owns:    which books were counted, each once.
// Threads: one.   Cost: O(log n) a wish.
#pragma once

#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace havklo::replay {

[[nodiscard]] constexpr uint64_t book_bytes_max(uint64_t file_bytes) {
  return uint64_t{512} * 1024 * 1024 + 64 * file_bytes;
}

class BookDemand {
 public:
  void add(std::span<const Settings> sessions);
  void add(const Command& command);
  // About what an engine takes for all of them.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  void add(uint32_t session, Channel channel, std::string_view symbol, uint32_t depth);

  std::set<std::tuple<uint32_t, Channel, uint32_t, std::string>> wishes_;
  std::vector<uint32_t> copies_;  // of each session's books
  uint64_t bytes_ = 0;
};

}  // namespace havklo::replay
