// Where things are in a recording, without reading its turns: from the index of each file, or, when
// a file was torn before it had one, from the headers of its blocks.
//
// Owns:    the entries.   Threads: one.
// Errors:  a file that is missing or damaged ends the outline; what lies before is in it.
//          A pipe has none.
// Cost:    one read for a file with an index; a look at each block for a file without.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "replay/recording/block_index.hpp"
#include "replay/recording/format.hpp"

namespace havklo::replay {

struct FileOutline {
  std::string path;
  uint64_t bytes = 0;
  bool has_index = false;
  uint32_t stride = 1;  // every so many blocks have an entry
  Progress begin;       // what lies before this file
  Progress end;         // … and up to its end
  std::vector<IndexEntry> blocks;
};

// A stretch of turns that holds what was looked for.
struct Place {
  const FileOutline* file = nullptr;
  uint64_t offset = 0;      // of the block from which to read on
  uint64_t first_turn = 0;  // from 1
  uint64_t last_turn = 0;
};

class Outline {
 public:
  // `path`: any file of the recording. Refuses what Reader::open() refuses.
  [[nodiscard]] static std::expected<Outline, std::string> read(const std::string& path);

  [[nodiscard]] const std::vector<FileOutline>& files() const { return files_; }
  [[nodiscard]] const Progress& end() const { return files_.back().end; }
  // Where the first turn at `time` or later is; nothing when the recording ends before.
  [[nodiscard]] std::optional<Place> find_time(Instant time) const;
  // Where the event with this number was published.
  [[nodiscard]] std::optional<Place> find_event(uint64_t sequence) const;

 private:
  template <class Reaches>
  [[nodiscard]] std::optional<Place> find(const Reaches& reaches) const;

  std::vector<FileOutline> files_;
};

}  // namespace havklo::replay
