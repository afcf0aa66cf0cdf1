// Reads a recording, block by block and turn by turn, and trusts nothing in it.
//
// A recording of several files (path, path.1, …) is read as one; any of them may be named.
// Owns:    the file and one block of it, more while a turn goes over a block's end.
// Errors:  open() refuses what is no recording, or of another format, in one line. Later damage
//          ends the reading: next() says `torn`, and lost() in words what is missing.
// Threads: one.
// Cost:    one read for each block; what was received is not copied again, but for a read that goes
//          over a block's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <fstream>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/recording/block_index.hpp"
#include "replay/recording/format.hpp"

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

// A lifecycle event as it was published; market events are not kept.
struct RecordedEvent {
  uint32_t index = 0;  // among the events of its turn
  Event event;
};

struct RecordedTurn {
  uint64_t number = 0;  // from 1
  Instant now;
  std::optional<Duration> utc_offset;  // in a turn that began an attempt
  uint32_t room = 0;
  uint32_t event_count = 0;
  uint32_t digest_low = 0;  // of all events up to this turn's last; if event_count is not 0
  std::vector<Command> commands;
  std::vector<Completion> completions;  // `bytes` are valid until the reader's next()
  std::vector<RecordedEvent> kept_events;
};

// Where a block of turns ended, for the check of the digest.
using BlockEnd = Progress;

// The text of a header block; `path` stands in errors.
[[nodiscard]] std::expected<RecordingHeader, std::string> parse_header(std::string_view text,
                                                                       const std::string& path);

class Reader {
 public:
  enum class Status : uint8_t { turn, end, torn };

  [[nodiscard]] static std::expected<Reader, std::string> open(const std::string& path);

  [[nodiscard]] const RecordingHeader& header() const { return header_; }
  // The next turn. `turn` is overwritten.
  [[nodiscard]] Status next(RecordedTurn& turn);
  // The end of the last block whose turns have all been read.
  [[nodiscard]] const BlockEnd& last_block() const { return last_block_; }
  [[nodiscard]] uint32_t blocks() const { return blocks_; }
  // The path of each file that has been read.
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  // So far, for a progress bar; of all files.
  [[nodiscard]] uint64_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] uint64_t file_bytes() const { return file_bytes_; }
  // After `torn`: what is missing and why.
  [[nodiscard]] const std::string& lost() const { return lost_; }

 private:
  Reader() = default;
  [[nodiscard]] std::expected<void, std::string> open_file(const std::string& path);
  [[nodiscard]] std::expected<void, std::string> go_to_first(const std::string& path);
  enum class BlockStatus : uint8_t { good, end, bad };
  [[nodiscard]] std::optional<Status> begin_block(bool inside_turn);
  [[nodiscard]] Status end_of_file(bool inside_turn);
  [[nodiscard]] Status go_over();
  [[nodiscard]] BlockStatus read_block(BlockHeader& header);
  [[nodiscard]] bool read_entry(ByteReader& bytes, RecordedTurn& turn, bool& turn_ended);
  [[nodiscard]] bool read_command(ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_completion(EntryTag tag, ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_received(ByteReader& bytes, RecordedTurn& turn, ConnectionId connection,
                                   uint64_t length, bool is_last);
  [[nodiscard]] bool end_turn(const ByteReader& bytes, RecordedTurn& turn, Duration since_last);
  Status tear(std::string why);
  [[nodiscard]] std::string what_lies_behind();
  [[nodiscard]] std::string turns_lost(std::optional<uint64_t> at, uint32_t segment);

  std::ifstream file_;
  std::string path_;  // of the first file
  std::vector<std::string> files_;
  RecordingHeader header_;
  std::vector<std::byte> payload_;  // receive_padding longer than the block's
  size_t payload_bytes_ = 0;
  size_t payload_at_ = 0;
  // What the turn's completions point into, beside payload_: earlier blocks of a turn that goes
  // over a block's end, and reads joined from parts.
  std::vector<std::vector<std::byte>> kept_;
  std::vector<std::byte> joined_;
  uint64_t bytes_read_ = 0;
  uint64_t file_bytes_ = 0;
  BlockHeader block_;
  BlockEnd last_block_;
  uint64_t block_at_ = 0;     // where the last block, or what should be one, begins
  uint32_t next_number_ = 0;  // in this file
  uint32_t blocks_ = 0;
  uint64_t turns_ = 0;
  uint64_t events_ = 0;
  Instant last_now_;
  std::optional<Closing> closing_;
  bool joins_ = false;  // the next `received` goes on with the last
  std::string lost_;
};

}  // namespace havklo::replay
