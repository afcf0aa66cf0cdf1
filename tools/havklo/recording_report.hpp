// What `havklo inspect` has to say of a recording, gathered in one pass over its turns.
//
// Owns nothing of the recording.   Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "replay/playback/outline.hpp"
#include "replay/playback/traffic.hpp"
#include "replay/recording/reader.hpp"

namespace havklo {

struct RecordingReport {
  replay::RecordingHeader header;
  std::vector<replay::FileOutline> files;
  replay::Traffic traffic;
  uint64_t file_bytes = 0;
  uint32_t blocks = 0;
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t last_sequence = 0;
  uint64_t digest = 0;
  uint64_t commands = 0;
  uint64_t budget_answers = 0;            // that made it wait for others
  std::array<uint64_t, 4> completions{};  // by Completion::Kind
  uint64_t received_bytes = 0;
  Instant first;
  Instant last;
  std::string torn;  // "": complete
};

[[nodiscard]] std::expected<RecordingReport, std::string> report_on(const std::string& path);

// For people; colours where the terminal has them.
[[nodiscard]] std::string to_text(const RecordingReport& report, bool colour);
// One JSON object, a line.
[[nodiscard]] std::string to_json(const RecordingReport& report);

}  // namespace havklo
