// The text of a header block: which session a recording is of, and by what settings it ran.
//
// Written once for a recording; every file of it begins with that text and its own number in it.
// Errors:  what is no header, is of another format, or asks for more than can be replayed, is
//          refused in one line.
// Threads: any.
// Secrets: what is written has no credentials in it.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

struct RecordingHeader {
  uint32_t format = 0;
  std::string build;
  std::string host;
  uint64_t session = 0;  // the same in every file of a recording, and in no other
  uint32_t segment = 0;  // which of its files
  uint64_t seed = 0;
  Duration utc_offset;
  Settings settings;                    // of the first session
  std::vector<Settings> more_sessions;  // of an engine with several
  [[nodiscard]] std::vector<Settings> sessions() const {
    std::vector<Settings> all{settings};
    all.insert(all.end(), more_sessions.begin(), more_sessions.end());
    return all;
  }
};

// The text of a header block; `path` stands in errors.
[[nodiscard]] std::expected<RecordingHeader, std::string> parse_header(std::string_view text,
                                                                       const std::string& path);

// What is written: `before`, the number of the file, a line's end, `after`.
struct HeaderText {
  std::string before;
  std::string after;
};
[[nodiscard]] HeaderText header_text(std::span<const Settings> sessions, uint64_t seed,
                                     Duration utc_offset);

}  // namespace havklo::replay
