// Finds the block headers of a file, one after the other, damaged ones between them: what a file
// still says of the turns it held.
//
// Owns:    a window of the file.
// Threads: one.
// Cost:    every byte is read once at most: of a good block 64 bytes and a window's rest, of what
//          is no block all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <vector>

#include "replay/recording/format.hpp"

namespace havklo::replay {

class BlockSearch {
 public:
  // From `at` on. A file that cannot be sought in (a pipe) stands there already.
  BlockSearch(std::istream& file, uint64_t at);

  // The next header; behind it the search goes on behind its payload.
  [[nodiscard]] std::optional<BlockHeader> next();
  // Where the last header lies.
  [[nodiscard]] uint64_t at() const { return found_at_; }

 private:
  void pass_over(uint64_t bytes);
  bool fill();

  std::istream& file_;
  std::vector<std::byte> window_;
  size_t from_ = 0;  // of the window: what is still to be looked at
  uint64_t base_;    // where the window lies
  uint64_t found_at_ = 0;
};

// The bytes of a file, from its beginning; nothing when it cannot be sought in.
[[nodiscard]] std::optional<uint64_t> file_size(std::istream& file);

// The number of the last turn, by the last header at `at` or behind it; `turns` have ended before,
// and every later one has some bytes. 0: there is none.
[[nodiscard]] uint64_t last_turn_from(std::istream& file, uint64_t at, uint64_t turns);

}  // namespace havklo::replay
