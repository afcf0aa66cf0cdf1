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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/recording/block_index.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/header.hpp"
#include "replay/recording/turn_decoder.hpp"

namespace havklo::replay {

// Where a block of turns ended, for the check of the digest.
using BlockEnd = Progress;

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
  Status tear(std::string why);
  [[nodiscard]] std::string what_lies_behind();
  [[nodiscard]] std::string turns_lost(std::optional<uint64_t> at, uint32_t segment);

  std::ifstream file_;
  std::string path_;  // of the first file
  std::vector<std::string> files_;
  RecordingHeader header_;
  TurnDecoder decoder_;
  std::vector<std::byte> payload_;  // receive_padding longer than the block's
  size_t payload_bytes_ = 0;
  size_t payload_at_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t file_bytes_ = 0;
  BlockHeader block_;
  BlockEnd last_block_;
  uint64_t block_at_ = 0;     // where the last block, or what should be one, begins
  uint32_t next_number_ = 0;  // in this file
  uint32_t blocks_ = 0;
  std::optional<Closing> closing_;
  std::string lost_;
};

}  // namespace havklo::replay
