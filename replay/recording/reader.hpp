// Reads a recording, block by block and turn by turn, and trusts nothing in it.
//
// A recording of several files (path, path.1, …) is read as one; any of them may be named.
// Owns:    the file and one block of it, more while a turn goes over a block's end.
// Errors:  open() refuses what is no recording, or of another format, in one line. Later damage
//          ends the reading: next() says `torn`, and lost() in words what is missing.
// Threads: one.
// Cost:    one read for each block; what was received is not copied again, but for a read that goes
//          over a block's end. Time and memory are linear in the bytes of the file, whatever they
//          say: memory_bytes_max(), the engine that replays it and its report included.
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
#include "replay/recording/book_demand.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/header.hpp"
#include "replay/recording/turn_decoder.hpp"

namespace havklo::replay {

// What reading, replaying or reporting on a recording of so many bytes takes at most: beside what
// an engine needs anyway (its books as book_demand.hpp has them), some copies of what is read.
[[nodiscard]] constexpr uint64_t memory_bytes_max(uint64_t file_bytes) {
  return book_bytes_max(file_bytes) + uint64_t{256} * 1024 * 1024 + 128 * file_bytes;
}

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
  // So far, for a progress bar; of all files. 0: nobody knows, it is a pipe.
  [[nodiscard]] uint64_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] uint64_t file_bytes() const { return file_bytes_; }
  // It can be read once only.
  [[nodiscard]] bool is_pipe() const { return !file_size_; }
  // After `torn`: what is missing and why.
  [[nodiscard]] const std::string& lost() const { return lost_; }

 private:
  Reader() = default;
  [[nodiscard]] std::expected<void, std::string> open_file(const std::string& path);
  [[nodiscard]] std::expected<void, std::string> go_to_first(const std::string& path);
  [[nodiscard]] std::expected<void, std::string> check_demand();
  [[nodiscard]] Status end_turn(const RecordedTurn& turn);
  enum class BlockStatus : uint8_t { good, end, bad };
  [[nodiscard]] std::optional<Status> begin_block(bool inside_turn);
  [[nodiscard]] Status end_of_file(bool inside_turn);
  [[nodiscard]] Status go_over();
  [[nodiscard]] BlockStatus read_block(BlockHeader& header);
  [[nodiscard]] bool is_within_file(uint64_t end);
  Status tear(std::string why);
  [[nodiscard]] std::string what_lies_behind();
  [[nodiscard]] std::string turns_lost(std::optional<uint64_t> at, uint32_t segment);

  std::ifstream file_;
  std::string path_;  // of the first file
  std::vector<std::string> files_;
  RecordingHeader header_;
  TurnDecoder decoder_;
  BookDemand demand_;
  std::vector<std::byte> payload_;  // receive_padding longer than the block's
  size_t payload_bytes_ = 0;
  size_t payload_at_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t file_bytes_ = 0;
  BlockHeader block_;
  BlockEnd last_block_;
  std::optional<uint64_t> file_size_;  // of this file; none of a pipe
  uint64_t block_at_ = 0;              // where the last block, or what should be one, begins
  uint64_t next_at_ = 0;               // where the next begins
  uint32_t next_number_ = 0;           // in this file
  uint32_t blocks_ = 0;
  std::optional<Closing> closing_;
  std::string lost_;
};

}  // namespace havklo::replay
